"""A client that openapi-python-client generates from the document works against a running server."""

import importlib
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.parts.server import ROOT, Caller, running_server

EMAIL, PASSWORD = "owner@example.com", "correct horse battery"
NOTES = {
    "name": "notes",
    "fields": {
        "title": {"type": "string", "required": True, "max_length": 20},
        "due": {"type": "date"},
        "time": {"type": "time"},
        "kind": {"type": "enum", "choices": ["idea", "task", ""]},
        "number": {"type": "sequence"},
        "price": {"type": "decimal", "precision": 8, "scale": 2},
        "parent": {"type": "reference", "to": "notes"},
    },
    "access": {"list": ["public"], "read": ["public"], "create": ["member"]},
}


@pytest.fixture
def address(tmp_path):
    """The address of a server with the resource `notes`."""
    with running_server(tmp_path, admin_email=EMAIL, admin_password=PASSWORD) as address:
        with Caller(address) as caller:
            status, answer = caller.sign_in(EMAIL, PASSWORD).call("POST", "/resources", NOTES)
        assert status == 201, answer
        yield address


@pytest.fixture
def api(address, tmp_path, monkeypatch):
    """The parts of the generated package that the test uses; a warning of the generator is a failure."""
    binaries = Path(sys.executable).parent  # it calls ruff, by name
    command = [binaries / "openapi-python-client", "generate", "--url", f"http://{address}/openapi.json"]
    options = ["--meta", "none", "--output-path", tmp_path / "larder_client", "--fail-on-warning"]
    options += ["--config", ROOT / "docs" / "client.yml"]
    environment = os.environ | {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
    made = subprocess.run([*command, *options], env=environment, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    assert "warning" not in (made.stdout + made.stderr).lower()
    monkeypatch.syspath_prepend(tmp_path)
    names = ["client", "models", "types", "api.auth.auth_login"]
    names += [f"api.notes.{action}_notes" for action in ("create", "get", "list", "update", "delete", "aggregate")]
    return SimpleNamespace(**{n.rpartition(".")[2]: importlib.import_module(f"larder_client.{n}") for n in names})


@pytest.fixture
def client(api, address):
    """The generated client, signed in through its own call."""
    visitor = api.client.Client(f"http://{address}", raise_on_unexpected_status=True)
    credentials = api.models.Credentials(email=EMAIL, password=PASSWORD)
    with visitor:
        token = api.auth_login.sync(client=visitor, body=credentials).data.access_token
    with api.client.AuthenticatedClient(f"http://{address}", token, raise_on_unexpected_status=True) as client:
        yield client


def test_a_generated_client_creates_reads_finds_changes_and_deletes_a_record(api, client):
    body = api.models.NotesCreate(title="Milk", due=date(2026, 1, 31), time="09:30", price="1.50")
    made = api.create_notes.sync(client=client, body=body).data
    api.create_notes.sync(client=client, body=api.models.NotesCreate(title="Bread"))
    read = api.get_notes.sync(made.id, client=client).data
    assert (read.time, read.number) == ("09:30:00", 1)
    assert (read.title, read.due, read.kind, read.price, read.version) == ("Milk", date(2026, 1, 31), None, "1.50", 1)

    chosen = [api.models.ListNotesFieldsItem(name) for name in ("id", "title")]
    found = api.list_notes.sync(client=client, due_gte=date(2026, 1, 1), fields=chosen)
    assert [(note.id, note.title, note.due) for note in found.data] == [(made.id, "Milk", api.types.UNSET)]
    assert found.meta.total == 1

    changed = api.update_notes.sync(made.id, client=client, body=api.models.NotesPatch(price="2.00"), if_match='"1"')
    assert (changed.data.price, changed.data.version) == ("2.00", 2)
    assert api.delete_notes.sync(made.id, client=client, if_match='"2"').success
    assert api.get_notes.sync(made.id, client=client).error.code == "NOT_FOUND"


def test_a_generated_client_sends_parameters_that_the_document_describes_by_a_pattern(api, client):
    root = api.create_notes.sync(client=client, body=api.models.NotesCreate(title="root", kind="idea")).data
    for title, price in (("a", "1.50"), ("b", "2.00"), ("c", None)):
        body = api.models.NotesCreate(title=title, price=price, parent=root.id, kind="task")
        api.create_notes.sync(client=client, body=body)
    functions = [api.models.AggregateNotesSumItem("price")]
    for bound, count in (("3.49", 1), ("3.50", 0)):
        having = api.models.AggregateNotesHaving.from_dict({"sum.price__gt": bound, "count__ne": "1"})
        asked = {"sum_": functions, "group_by": [api.models.AggregateNotesGroupByItem("kind")], "sort": ["-sum.price"]}
        assert len(api.aggregate_notes.sync(client=client, having=having, **asked).data) == count
    options = {"expand.notes.sort": "-price,title", "expand.notes.per_page": "2", "expand.notes.fields": "title"}
    related = api.models.GetNotesExpandPathOption.from_dict(options)
    read = api.get_notes.sync(root.id, client=client, expand=["notes"], expand_path_option=related).data
    assert [note.title for note in read.expand.notes.data] == ["b", "a"]
