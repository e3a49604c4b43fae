"""`flask openapi` and `flask client`: what clients are generated from, and their types."""

import json

from tests.conftest import Person
from tests.helpers import OPEN


def document_of(person):
    return person.get("http://localhost/openapi.json").json


def declare(admin):
    """Declare notes, for members without their secret, and a resource for editors."""
    fields = {"title": {"type": "string", "required": True}, "secret": {"type": "string", "readable_by": []}}
    admin.declare("notes", fields, access=OPEN)
    admin.declare("drafts", {"title": {"type": "string"}}, access={"list": ["editor"]})


def test_writes_the_whole_document_or_that_of_a_user(app, run, admin, tmp_path):
    declare(admin)
    whole, narrowed = document_of(admin), document_of(Person(app, "alice"))
    assert "/api/v1/drafts" in whole["paths"]
    assert "/api/v1/drafts" not in narrowed["paths"]
    file = tmp_path / "openapi.json"
    for _ in range(2):
        assert run("openapi", "write", file) == (0, "")
        assert json.loads(file.read_text(encoding="utf-8")) == whole
    code, output = run("openapi", "write", "--user", "alice@example.com")
    assert (code, json.loads(output)) == (0, narrowed)


def test_writes_the_types_of_everything_or_those_of_a_user(app, run, admin, tmp_path):
    declare(admin)
    whole, narrowed = admin.get("/client.ts").text, Person(app, "alice").get("/client.ts").text
    file = tmp_path / "larder.ts"
    assert run("client", "typescript", file) == (0, "")
    assert file.read_text(encoding="utf-8") == whole
    code, output = run("client", "typescript", "--user", "alice@example.com")
    assert (code, output) == (0, narrowed)
    assert "secret" not in output
    assert "drafts" not in output


def test_an_unknown_user_leaves_the_file_as_it_is(run, tmp_path):
    file = tmp_path / "openapi.json"
    file.write_text("old")
    code, output = run("openapi", "write", file, "--user", "nobody@example.com")
    assert (code, file.read_text()) == (1, "old")
    assert "no user with the address nobody@example.com" in output


def test_there_is_no_other_command_of_openapi(run):
    assert run("openapi", "print")[0] == 2
    _, output = run("openapi", "--help")
    assert "write" in output
    assert "list-config-prefixes" not in output
