"""What is wrong in a YAML file of definitions is said with its file and its line."""

import pytest

from tests.conftest import ON_SQLITE
from tests.helpers import stored_state

pytestmark = ON_SQLITE

NOT_YAML = {
    "resources:\n\tnotes: {}\n": "2: Indent with spaces: YAML allows no tabs.",
    "roles: {}\nresources: {}\nroles: {}\n": "3: 'roles' is given twice.",
    "resources:\n  notes: {description: Note: mine}\n": "2: Put a text with a colon in quotes, and check the "
    "indentation.",
    "resources:\n  notes:\n    description: Note: mine\n": "3: Put a text with a colon in quotes, and check the "
    "indentation.",
    "resources:\n  notes:\n    fields: {}\n   access: {}\n": "4: Check the indentation.",
    "resources: {notes: {\n": "2: A comma, a value or a closing bracket is missing.",
    "resources:\n  notes: {search: [title}\n": "2: A comma, a value or a closing bracket is missing.",
    "resources:\n  notes:\n    description: 'mine\n": "4: The quote that ends a text is missing.",
    "resources: {}\n---\nroles: {}\n": "2: Write all of it as one document, without a line ---.",
    "resources:\n  notes: @home\n": "2: Put the text in quotes: no text begins with this character.",
    "roles:\n  - *\n": "2: Put a text that begins with * or & in quotes.",
    "roles: !ruby {}\n": "1: Put a text that begins with ! in quotes: only JSON values are allowed.",
}
WRONG = """\
resources:
  authors:
    fields:
      name: {type: string}
  books:
    fields:
      title: {type: string, max_lenght: 200}
      kind:
        type: enum
        choices: [no, yes]
      code:
        type: string
        default: 1.0
      on: {type: boolean}
    histroy: true
"""
WITHOUT_WRONG_KEYS = WRONG.replace("      on: {type: boolean}\n    histroy: true\n", "")


@pytest.fixture
def refused(run, written):
    """A function that applies a YAML text and returns the lines of the refusal, with `FILE` for its path."""

    def apply(text):
        path, before = written(text), stored_state()
        code, output = run("resources", "apply", path)
        assert (code, stored_state()) == (1, before)
        assert run("resources", "plan", path) == (code, output)
        return output.replace(str(path), "FILE").splitlines()

    return apply


def test_a_file_that_is_not_yaml_is_explained_with_its_line(refused):
    for text, message in NOT_YAML.items():
        assert refused(text) == [f"Error: FILE:{message}"], text


def test_each_problem_has_its_line(refused):
    lines = refused(WRONG)
    assert lines[0] == "Error: Some values are not valid."
    assert [line.split(": ")[0] for line in lines[1:]] == ["FILE:14", "FILE:15"]
    assert lines[1].endswith("YAML reads on as true: put it in quotes.")
    lines = refused(WITHOUT_WRONG_KEYS)
    assert [":".join(line.split(": ")[:2]) for line in lines[1:]] == [
        "FILE:7:books.fields.title.max_lenght",
        "FILE:10:books.fields.kind.choices.0",
        "FILE:10:books.fields.kind.choices.1",
        "FILE:13:books.fields.code.default",
    ]


def test_what_yaml_reads_as_something_else_is_named(refused):
    _, _, no, yes, number = refused(WITHOUT_WRONG_KEYS)
    assert no.endswith("YAML reads no as false: put it in quotes.")
    assert yes.endswith("YAML reads yes as true: put it in quotes.")
    assert number.endswith("YAML reads 1.0 as a number: put it in quotes.")


def test_problems_of_a_folder_name_the_file(run, tmp_path):
    (tmp_path / "a.yml").write_text("resources: {authors: {fields: {name: {type: string}}}}")
    (tmp_path / "b.yml").write_text("resources:\n  books:\n    fields:\n      author: {type: reference, to: nobody}\n")
    code, output = run("resources", "plan", tmp_path)
    assert (code, output.splitlines()[1].split(" ")[0]) == (1, f"{tmp_path}/b.yml:4:")
    (tmp_path / "b.yml").write_text("resources:\n  books: {}\n  authors: {}\n")
    assert run("resources", "plan", tmp_path)[1] == f"Error: {tmp_path}/b.yml:3: It declares authors a second time.\n"


def test_a_file_with_nothing_to_read_is_explained(run, written, tmp_path):
    path = written("# nothing yet\n")
    assert run("resources", "plan", path) == (
        1,
        f"Error: {path} is empty. Declare `resources`, `roles` or `users` in it.\n",
    )
    path.write_bytes(b"resources:\n  caf\xe9: {}\n")
    assert run("resources", "plan", path) == (1, f"Error: {path}:2: The byte 0xE9 is not UTF-8. Save it as UTF-8.\n")
    folder = tmp_path / "empty"
    folder.mkdir()
    message = f"Error: The folder {folder} has no file that ends in .yml or .yaml.\n"
    assert run("resources", "plan", folder) == (1, message)
    assert "does not exist" in run("resources", "plan", tmp_path / "nowhere.yml")[1]
