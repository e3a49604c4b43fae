"""Backups: `flask backup …` and `/backups`, on both databases."""

import json
import os
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import cysqlite
import psycopg
import pytest

from backend import create_app
from backend.models.database import database
from backend.models.database.postgres import DEFINITIONS_LOCK
from backend.models.job_run import JobRun
from backend.services.access.actors import SYSTEM
from backend.services.backups import archives, backups
from backend.services.backups.folder import backup_paths, working_folder
from backend.services.errors import Unavailable
from backend.services.operation.jobs import jobs
from tests.conftest import ON_SQLITE
from tests.parts.patience import patience

FIELDS = {"title": {"type": "string", "required": True}, "price": {"type": "decimal"}}


@pytest.fixture
def notes(admin):
    """A resource with a text that can be searched, open to all members, and three records."""
    access = {action: ["member"] for action in ("list", "read", "create", "update", "delete")}
    admin.declare("notes", FIELDS, search=["title"], access=access)
    for number in range(3):
        admin.make("notes", title=f"Note {number}", price="1.50")


@pytest.fixture
def run(app):
    """A function that runs `flask backup …` and returns the result."""
    return lambda *arguments: app.test_cli_runner().invoke(args=["backup", *map(str, arguments)])


def titles(person):
    return sorted(note["title"] for note in person.get("/notes").json["data"])


def made(run):
    """Make a backup and return its path."""
    result = run("create")
    assert result.exit_code == 0, result.output
    return result.output.splitlines()[-1]


def restored(run, path):
    """Restore a backup and return the name of what was there before."""
    return run("restore", path).output.rpartition("kept as ")[2].strip().rstrip(".")


@contextmanager
def writing_elsewhere(settings):
    """Yield another connection, which holds the lock to write; no connection here waits as long as it takes."""
    with (
        patience(wait_seconds=0.1),
        closing(cysqlite.connect(settings.database_url.removeprefix("sqlite:///"))) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        yield other


def test_creates_lists_and_verifies(notes, run, settings):
    path = made(run)
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert sorted(os.listdir(settings.backup_dir)) == [".lock", os.path.basename(path)]
    assert os.path.basename(path) in run("list").output
    result = run("verify", path)
    assert (result.exit_code, "is intact" in result.output) == (0, True), result.output


def test_a_restored_backup_has_what_was_there_and_keeps_what_is(notes, run, admin, alice):
    path = made(run)
    for note in admin.get("/notes").json["data"]:
        admin.patch(f"/notes/{note['id']}", json={"title": "changed"})
    admin.declare("later", {"name": {"type": "string"}})
    result = run("restore", os.path.basename(path))
    assert result.exit_code == 0, result.output
    assert "Restored" in result.output
    assert "kept as" in result.output
    alice._token = admin._token = None  # sessions have ended
    assert titles(alice) == ["Note 0", "Note 1", "Note 2"]
    assert admin.get("/later").status_code == 404
    assert len(alice.get("/notes?q=note").json["data"]) == 3
    assert admin.get("/audit?action=backup.restore").json["meta"]["total"] == 1


@ON_SQLITE
def test_a_restore_that_a_long_write_keeps_out_changes_nothing(notes, run, admin, alice, settings):
    path = made(run)
    admin.make("notes", title="Late")
    before = os.listdir(settings.backup_dir)
    with writing_elsewhere(settings) as other:
        result = run("restore", path)
        other.rollback()
    assert (result.exit_code, "Nothing was restored" in result.output) == (1, True), result.output
    assert titles(alice) == ["Late", "Note 0", "Note 1", "Note 2"]
    assert os.listdir(settings.backup_dir) == before
    assert run("restore", path).exit_code == 0


@ON_SQLITE
def test_a_restore_that_finds_the_disk_full_changes_nothing(notes, run, admin, alice, settings):
    with database.atomic():
        database.execute_many("UPDATE notes SET title = ?", [["M" * 100_000]])
    path = made(run)
    with database.connection_context():
        database.execute_sql("UPDATE notes SET title = 'Short'")
        database.execute_sql("VACUUM")
        database.pragma("max_page_count", database.pragma("page_count"), permanent=True)
    before = os.listdir(settings.backup_dir)
    result = run("restore", path)
    assert (result.exit_code, "Nothing was restored" in result.output) == (1, True), result.output
    assert os.listdir(settings.backup_dir) == before
    assert titles(alice) == ["Short"] * 3


@ON_SQLITE
def test_a_restore_keeps_what_was_written_while_it_waited(notes, run, admin, settings):
    path = made(run)
    with writing_elsewhere(settings) as other:
        other.execute("UPDATE notes SET title = 'Written late'")
        timer = threading.Timer(1, other.commit)
        timer.start()
        kept = restored(run, path)
        timer.join()
    admin._token = None
    assert titles(admin) == ["Note 0", "Note 1", "Note 2"]
    assert run("restore", kept).exit_code == 0
    admin._token = None
    assert titles(admin) == ["Written late"] * 3


@ON_SQLITE
def test_what_a_restore_has_replaced_can_be_restored(notes, run, admin):
    path = made(run)
    admin.make("notes", title="Late")
    kept = restored(run, path)
    assert run("restore", kept).exit_code == 0
    admin._token = None
    assert titles(admin) == ["Late", "Note 0", "Note 1", "Note 2"]


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_what_a_restore_has_replaced_stays_as_a_schema(notes, run, admin, settings):
    path = made(run)
    admin.make("notes", title="Late")
    kept = restored(run, path)
    with psycopg.connect(settings.database_url) as connection:
        assert connection.execute(f'SELECT count(*) FROM "{kept}".notes').fetchone() == (4,)


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_restore_ends_when_the_writes_under_way_have_ended(notes, run, admin, settings):
    path = made(run)
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with psycopg.connect(settings.database_url) as writer, psycopg.connect(settings.database_url) as other:
        other.autocommit = True
        writer.execute("SELECT pg_advisory_xact_lock_shared(%s)", (DEFINITIONS_LOCK,))
        writer.execute("SELECT id FROM notes FOR UPDATE")
        with ThreadPoolExecutor(1) as pool:
            restoring = pool.submit(run, "restore", path)
            while other.execute(waiting).fetchone() == (0,):
                assert not restoring.done(), restoring.result().output
                time.sleep(0.02)
            written = writer.execute("UPDATE notes SET title = 'Written late' RETURNING id").fetchall()
            writer.commit()
            assert restoring.result().exit_code == 0
    assert len(written) == 3
    admin._token = None
    assert titles(admin) == ["Note 0", "Note 1", "Note 2"]


def test_a_session_does_not_come_back_with_a_backup(notes, run, admin, alice):
    assert alice.get("/notes").status_code == 200
    path = made(run)
    run("restore", path)
    assert alice.get("/notes").status_code == 401


def test_every_process_serves_the_restored_definitions(notes, run, admin, settings, app):
    path = made(run)
    admin.declare("later", {"name": {"type": "string"}})
    run("restore", path)
    admin._token = None
    admin.declare("other", {"name": {"type": "string"}})  # as many changes as the other process knows of
    assert admin.get("/other").status_code == 200
    assert admin.get("/later").status_code == 404


@ON_SQLITE
def test_requests_do_not_fill_the_disk(notes, run, admin, monkeypatch):
    monkeypatch.setattr(backups, "MAX_REQUESTED", 2)
    assert [admin.post("/backups").status_code for _ in range(3)] == [201, 201, 409]
    made(run)  # the command makes one all the same
    assert len(admin.get("/backups").json["data"]) == 3


def test_creates_and_lists_by_request(notes, admin, alice):
    answer = admin.post("/backups")
    assert answer.status_code == 201, answer.json
    assert answer.json["data"]["counts"]["notes"] == 3
    assert admin.get("/backups").json["data"] == [answer.json["data"]]
    assert alice.get("/backups").status_code == 403
    entry = admin.get("/audit?action=backup.create").json["data"][0]
    assert entry["target_id"] == answer.json["data"]["name"]


def test_only_one_at_a_time(admin, settings):
    with working_folder(settings.backup_dir):
        answer = admin.post("/backups")
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "CONFLICT")


def test_prunes_the_oldest(run, settings):
    paths = [made(run) for _ in range(3)]
    assert run("prune", "--keep", 2).output == f"deleted {os.path.basename(paths[0])}\n"
    assert len(backups.list_backups(settings)) == 2


@ON_SQLITE
def test_copies_go_to_another_place(settings, tmp_path):
    app = create_app(replace(settings, backup_target=f"file://{tmp_path}/copies", backup_keep=1))
    runner = app.test_cli_runner()
    for _ in range(2):
        result = runner.invoke(args=["backup", "create"])
        assert result.exit_code == 0, result.output
    runner.invoke(args=["backup", "prune"])
    assert os.listdir(tmp_path / "copies") == [path.name for path in backup_paths(app.settings.backup_dir)]
    database.close_all()


@ON_SQLITE
def test_the_next_backup_deletes_what_a_killed_one_has_left(run, settings):
    (settings.backup_dir / ".work-1").mkdir(parents=True)
    (settings.backup_dir / ".larder-1.zip.partial").write_bytes(b"half")
    path = made(run)
    assert sorted(os.listdir(settings.backup_dir)) == [".lock", os.path.basename(path)]


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
def test_refuses_and_touches_nothing(harm, notes, run, alice):
    path = made(run)
    alice.make("notes", title="Late")
    HOSTILE[harm](path)
    result = run("restore", path)
    assert result.exit_code == 1, result.output
    assert result.output.startswith("Error: "), result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert len(titles(alice)) == 4


def test_a_database_of_the_other_kind_is_refused(run, settings, tmp_path):
    path = made(run)
    other = "sqlite" if "postgres" in settings.database_url else "postgres"
    names = archives.SNAPSHOT_NAMES
    mine = "postgres" if other == "sqlite" else "sqlite"
    _rewritten(path, lambda members: _with_manifest(database=other)({names[other]: members[names[mine]], **members}))
    assert run("restore", path).exit_code == 1


@ON_SQLITE
def test_the_schedule_creates_one_for_all_processes_and_prunes(settings):
    create_app(settings)
    settings = replace(settings, backup_keep=1)
    backups.back_up(settings)
    backups.back_up(settings)
    assert len(backups.list_backups(settings)) == 1
    database.close_all()


@ON_SQLITE
def test_prunes_although_no_copy_can_be_made(settings, tmp_path):
    create_app(settings)
    (tmp_path / "file").touch()
    last_year = settings.backup_dir / "larder-20250101T000000000000Z.zip"
    made = backups.create_backup(settings, SYSTEM)
    (settings.backup_dir / made.name).rename(last_year)
    with pytest.raises(Unavailable, match="place for copies"):
        backups.back_up(replace(settings, backup_keep=1, backup_target=f"file://{tmp_path}/file/copies"))
    (only,) = backups.list_backups(settings)
    assert only.name > made.name
    database.close_all()


@ON_SQLITE
def test_a_failed_backup_is_noted_until_one_succeeds(app, settings, tmp_path):
    settings.backup_dir.write_text("no folder")
    assert "cannot be used" in failure_of_the_next_run()
    settings.backup_dir.unlink()
    assert failure_of_the_next_run() is None
    assert len(backups.list_backups(settings)) == 1


def failure_of_the_next_run():
    """Have the job run, as the clock would, and return how it ended."""
    with database.connection_context():
        JobRun.delete().execute()
        jobs.start("back_up")
        consumer = jobs.start_consumer()
        while (run := JobRun.get_or_none(JobRun.name == "back_up")) is None:
            time.sleep(0.01)
        consumer.stop(graceful=True)
        return run.failure
