"""Backups that are damaged, hostile or of another database are refused."""

import json
import os
import zipfile
from pathlib import Path

import pytest

from backend.services.backups import archives
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
    (name,) = set(members) - {"manifest.json"}
    content = bytearray(members[name])
    content[len(content) // 2] ^= 1
    return members | {name: bytes(content)}


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
    "another format": lambda path: _rewritten(path, _with_manifest(format=2)),
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


def test_an_archive_that_cannot_be_written_leaves_nothing(tmp_path):
    snapshot = tmp_path / "snapshot"
    snapshot.write_bytes(os.urandom(100_000))
    manifest = archives.Manifest(version="1", database="sqlite", migrations=[], counts={}, created_at="")
    with files_of_at_most(10_000), pytest.raises(Unavailable, match="cannot be written"):
        archives.write_archive(tmp_path / "backup.zip", manifest, snapshot)
    assert os.listdir(tmp_path) == ["snapshot"]
