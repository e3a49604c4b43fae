"""Create and restore backups from the command line."""

import hashlib
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from backend import create_app
from backend.models.database import connected, database
from backend.models.file import File
from backend.services.files.storage import storage
from tests.conftest import database_copy


def titles(person):
    """Return the titles of all notes."""
    return sorted(note["title"] for note in person.get("/notes").json["data"])


def make_backup(run):
    """Create a backup and return its path."""
    result = run("create")
    assert result.exit_code == 0, result.output
    return result.output.splitlines()[-1]


def restore(run, path):
    """Restore a backup; return the name under which the replaced content is kept."""
    return run("restore", path).output.rpartition("kept as ")[2].strip().rstrip(".")


def app_with(settings, **changes):
    """Return the function that runs `flask backup …` with other settings, and its app."""
    app = create_app(replace(settings, **changes))
    return lambda *arguments: app.test_cli_runner().invoke(args=["backup", *map(str, arguments)]), app


@contextmanager
def other_machine(request, settings, folder, **changes):
    """Yield the function that runs `flask backup …` on a machine with an empty storage and a database of its own."""
    folder.mkdir()
    kind = request.node.callspec.params["database_url"]
    with ExitStack() as stack:
        url = stack.enter_context(database_copy(request, request.getfixturevalue(f"{kind}_template"), folder))
        stack.callback(database.close_all)
        changes = {"files": f"file://{folder}/files", "backup_dir": folder / "backups"} | changes
        yield app_with(settings, data_dir=folder, database_url=url, **changes)[0]


def contents():
    """Return {id: bytes} of each file that a row names and that is not removed; each has the checksum of its row."""
    with connected():
        rows = [*File.select().where(File.removed_at.is_null())]
    found = {}
    for row in rows:
        with storage.open_file(row.id) as file:
            found[row.id] = file.read()
        assert (len(found[row.id]), hashlib.sha256(found[row.id]).hexdigest()) == (row.bytes, row.sha256)
    return found
