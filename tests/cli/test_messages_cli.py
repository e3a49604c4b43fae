"""Mistakes at the command line, and the exact text of each answer."""

import pytest

from tests.conftest import ON_SQLITE

pytestmark = ON_SQLITE

COMMANDS = {
    "records import boks FILE": "Error: There is no resource boks. Did you mean books?",
    "records export boks FILE": "Error: There is no resource boks. Did you mean books?",
    "records import books FILE --dry-rnu": "Error: No such option '--dry-rnu'. Did you mean '--dry-run'?",
    "users lst": "Error: No such command 'lst'. Did you mean 'list'?",
    "users promote nobody@example.com": "Error: There is no user with the address nobody@example.com.",
    "backup restore nothing": "Error: There is no backup nothing.",
}
FILES = {
    "books:\n  fields:\n    a: {type: string}\n": "1: books: A document can have only `roles`, `users` and "
    "`resources`. Declare the resource books below `resources`.",
    "ressources: {}\n": "1: ressources: A document can have only `roles`, `users` and `resources`. Did you mean "
    "resources?",
    "resources:\n  - name: books\n": "1: resources: Must be an object that maps names to declarations.",
    "resources:\n  books: [title]\n": "2: books: Must be an object with `fields` and without `name`, which is its key.",
    "resources:\n  books:\n    fields:\n      title: string\n": "4: books.fields.title: Must be an object with at "
    'least `type`: {"type": "string"}.',
    "resources:\n  books:\n    fields:\n      title: {type: varchar}\n": None,
    "users:\n  feilds: {}\n": "2: users.feilds: Users can have only the settings `fields` and `directory`. Did you "
    "mean fields?",
}


@pytest.fixture
def file(tmp_path, admin):
    """A file of one record of a resource."""
    admin.declare("books", {"title": {"type": "string"}})
    admin.make("books", title="Persuasion")  # so that the process knows the resource
    path = tmp_path / "books.csv"
    path.write_text("title\nEmma\n")
    return path


def test_a_command_that_cannot_be_run_is_explained(run, file):
    for command, message in COMMANDS.items():
        code, output = run(*(str(file) if word == "FILE" else word for word in command.split()))
        assert code != 0, command
        assert output.splitlines()[-1] == message, command


def test_an_export_that_cannot_be_written_is_explained(run, file):
    path = file.parent / "no_folder" / "books.csv"
    code, output = run("records", "export", "books", path)
    assert code == 1
    assert output == f"Error: {path} cannot be written: No such file or directory.\n"


def test_an_export_that_is_refused_leaves_the_file_as_it_was(run, file):
    code, output = run("records", "export", "books", file, "--columns", "isbn")
    assert code == 1
    assert "There is no column isbn." in output
    assert file.read_text() == "title\nEmma\n"


def test_a_file_that_declares_nothing_valid_is_explained(run, written):
    for text, message in FILES.items():
        path = written(text)
        code, output = run("resources", "plan", path)
        assert code == 1, text
        if message:
            assert output.splitlines() == ["Error: Some values are not valid.", f"{path}:{message}"]
        else:
            assert output.rstrip().endswith("Did you mean string?")
