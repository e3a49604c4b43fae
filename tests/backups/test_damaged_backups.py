"""Backups that are damaged, hostile or of another database are refused."""

import hashlib
import json
import os
import zipfile
from pathlib import Path

import pytest

from backend.services.backups import archives
from backend.services.backups.file_lists import LIST_NAME
from backend.services.errors import Unavailable
from tests.helpers import files_of_at_most
from tests.parts.backups import make_backup, titles


def _rewritten(path, change):
    """Write the archive anew, its members changed by `change`, a function of {name: bytes}."""
    with zipfile.ZipFile(path) as archive:
        members = change({name: archive.read(name) for name in archive.namelist()})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def _with_manifest(**changes):
    def change(members):
        facts = json.loads(members["manifest.json"]) | changes
        return members | {"manifest.json": json.dumps(facts)}

    return change


def _flipped(members):
    (name,) = set(members) - {"manifest.json", LIST_NAME}
    content = bytearray(members[name])
    content[len(content) // 2] ^= 1
    return members | {name: bytes(content)}


def _with_list(*lines, **changes):
    """Return the change to a list of files of these lines, which the manifest describes as it is, but for changes."""

    def change(members):
        listed = "".join(f"{line}\n" for line in lines).encode()
        facts = {"list_bytes": len(listed), "list_sha256": hashlib.sha256(listed).hexdigest()}
        return _with_manifest(**facts | changes)(members | {LIST_NAME: listed})

    return change


def _line(**changes):
    file = {"id": "01900000-0000-7000-8000-000000000000", "bytes": 1, "sha256": "0" * 64, "is_staged": False}
    return json.dumps(file | changes)


def _without_list_facts(members):
    facts = json.loads(members["manifest.json"])
    return members | {"manifest.json": json.dumps({name: facts[name] for name in facts if name != "list_sha256"})}


HOSTILE = {
    "an empty file": lambda path: os.truncate(path, 0),
    "no zip": lambda path: Path(path).write_bytes(b"PK\x03\x04" + bytes(1000)),
    "half a file": lambda path: os.truncate(path, os.path.getsize(path) // 2),
    "another checksum": lambda path: _rewritten(path, _with_manifest(sha256="0" * 64)),
    "another content": lambda path: _rewritten(path, _flipped),
    "more than it says": lambda path: _rewritten(path, _with_manifest(bytes=10)),
    "more than the disk holds": lambda path: _rewritten(path, _with_manifest(bytes=10**15)),
    "other rows than it says": lambda path: _rewritten(path, _with_manifest(counts={"larder_users": 99})),
    "no manifest": lambda path: _rewritten(path, lambda members: {"larder.db": members.popitem()[1]}),
    "a path out of the folder": lambda path: _rewritten(path, lambda members: members | {"../../evil": b"x"}),
    "another format": lambda path: _rewritten(path, _with_manifest(format=3)),
    "an old format with a list of files": lambda path: _rewritten(path, _with_manifest(format=1)),
    "no list of files": lambda path: _rewritten(
        path, lambda members: {name: members[name] for name in members if name != LIST_NAME}
    ),
    "another checksum of the list": lambda path: _rewritten(path, _with_list(list_sha256="0" * 64)),
    "a list without a checksum": lambda path: _rewritten(path, _without_list_facts),
    "a list that is a bomb": lambda path: _rewritten(path, _with_list("x" * 10**8, list_bytes=100)),
    "a list of one long line": lambda path: _rewritten(path, _with_list(" " * 10**7)),
    "a list that is no JSON": lambda path: _rewritten(path, _with_list("one")),
    "a list with another value": lambda path: _rewritten(path, _with_list(_line(path="x"))),
    "a file that is a path": lambda path: _rewritten(path, _with_list(_line(id="../../../../../../../../evil"))),
    "a file whose id has a slash": lambda path: _rewritten(
        path, _with_list(_line(id="01900000-0000-7000-8000-00000000/../"))
    ),
    "a file of negative size": lambda path: _rewritten(path, _with_list(_line(bytes=-1))),
    "a file whose size is a text": lambda path: _rewritten(path, _with_list(_line(bytes="1"))),
    "a file whose checksum is none": lambda path: _rewritten(path, _with_list(_line(sha256="x"))),
    "a file that is nowhere": lambda path: _rewritten(path, _with_list(_line())),
    "a manifest that is a bomb": lambda path: _rewritten(
        path, lambda members: members | {"manifest.json": b" " * 10**7}
    ),
    "another kind of database": lambda path: _rewritten(
        path, lambda members: _with_manifest(database="other")(members)
    ),
    "a newer version": lambda path: _rewritten(path, _with_manifest(migrations=["9999_future"], version="9.9.9")),
}


@pytest.mark.parametrize("harm", HOSTILE)
def test_refuses_a_damaged_backup_and_changes_nothing(harm, notes, run, alice):
    path = make_backup(run)
    alice.make("notes", title="Late")
    HOSTILE[harm](path)
    result = run("restore", path)
    assert result.exit_code == 1, result.output
    assert result.output.startswith("Error: "), result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert len(titles(alice)) == 4


def test_a_database_of_the_other_kind_is_refused(run, settings, tmp_path):
    path = make_backup(run)
    other = "sqlite" if "postgres" in settings.database_url else "postgres"
    names = archives.SNAPSHOT_NAMES
    mine = "postgres" if other == "sqlite" else "sqlite"
    _rewritten(path, lambda members: _with_manifest(database=other)({names[other]: members[names[mine]], **members}))
    assert run("restore", path).exit_code == 1


def test_a_backup_of_a_release_without_files_is_restored(notes, run, alice):
    path = make_backup(run)
    alice.make("notes", title="Late")
    new = ("files", "files_bytes", "list_bytes", "list_sha256")

    def change(members):
        facts = {name: value for name, value in json.loads(members["manifest.json"]).items() if name not in new}
        return {name: members[name] for name in members if name != LIST_NAME} | {
            "manifest.json": json.dumps(facts | {"format": 1})
        }

    _rewritten(path, change)
    assert run("verify", path).exit_code == 0
    assert run("restore", path).exit_code == 0
    alice.forget_token()
    assert len(titles(alice)) == 3


def test_an_archive_that_cannot_be_written_leaves_nothing(tmp_path):
    snapshot = tmp_path / "snapshot"
    snapshot.write_bytes(os.urandom(100_000))
    manifest = archives.Manifest(version="1", database="sqlite", migrations=[], counts={}, created_at="")
    with files_of_at_most(10_000), pytest.raises(Unavailable, match="cannot be written"):
        archives.write_archive(tmp_path / "backup.zip", manifest, snapshot, Path(os.devnull))
    assert os.listdir(tmp_path) == ["snapshot"]
