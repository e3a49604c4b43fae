"""Backups: `flask backup …` and `/backups`, on both databases."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from backend import create_app
from backend.models.database import database
from backend.models.job_run import JobRun
from backend.services.access.actors import SYSTEM
from backend.services.backups import backups
from backend.services.backups.folder import backup_paths, working_folder
from backend.services.errors import Unavailable
from backend.services.operation.jobs import jobs
from tests.conftest import ON_SQLITE, Person
from tests.parts.backups import make_backup
from tests.parts.s3 import running_s3


def test_creates_lists_and_verifies(notes, run, settings):
    path = make_backup(run)
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert sorted(os.listdir(settings.backup_dir)) == [".lock", os.path.basename(path)]
    assert os.path.basename(path) in run("list").output
    result = run("verify", path)
    assert (result.exit_code, "is intact" in result.output) == (0, True), result.output


@ON_SQLITE
def test_requests_do_not_fill_the_disk(notes, run, admin, monkeypatch):
    monkeypatch.setattr(backups, "MAX_REQUESTED", 2)
    assert [admin.post("/backups").status_code for _ in range(3)] == [201, 201, 409]
    make_backup(run)  # the command makes one all the same
    assert len(admin.get("/backups").json["data"]) == 3


def test_creates_and_lists_by_request(notes, admin, alice):
    answer = admin.post("/backups")
    assert answer.status_code == 201, answer.json
    assert answer.json["data"]["counts"]["notes"] == 3
    assert admin.get("/backups").json["data"] == [answer.json["data"]]
    assert alice.get("/backups").status_code == 403
    entry = admin.get("/audit?action=backup.create").json["data"][0]
    assert entry["target_id"] == answer.json["data"]["name"]


def test_only_one_backup_runs_at_a_time(admin, settings):
    with working_folder(settings.backup_dir):
        answer = admin.post("/backups")
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "CONFLICT")


def test_prunes_the_oldest(run, settings):
    paths = [make_backup(run) for _ in range(3)]
    assert run("prune", "--keep", 2).output == f"deleted {os.path.basename(paths[0])}\n"
    assert len(backups.list_backups(settings)) == 2


@ON_SQLITE
def test_backups_are_copied_to_the_target(settings, tmp_path):
    app = create_app(replace(settings, backup_target=f"file://{tmp_path}/copies", backup_keep=1))
    runner = app.test_cli_runner()
    for _ in range(2):
        result = runner.invoke(args=["backup", "create"])
        assert result.exit_code == 0, result.output
    runner.invoke(args=["backup", "prune"])
    (path,) = backup_paths(app.settings.backup_dir)
    assert sorted(os.listdir(tmp_path / "copies")) == [f"{path.stem}.files.ndjson", path.name]
    database.close_all()


@ON_SQLITE
def test_backups_are_copied_to_a_bucket(settings, tmp_path):
    with running_s3(tmp_path / "s3", "backups"):
        app = create_app(replace(settings, backup_target="s3://backups/larder/nightly", backup_keep=1))
        for _ in range(2):
            path = Path(make_backup(lambda *arguments: app.test_cli_runner().invoke(args=["backup", *arguments])))
        app.test_cli_runner().invoke(args=["backup", "prune"])
        listed = app.test_cli_runner().invoke(args=["backup", "list", "--copies"]).output
        answer = Person(app, "admin").get("/backups/copies")
        found = answer.json["data"]
    assert [each["name"] for each in found] == [path.name]
    assert (path.name in listed, "yes" in listed) == (True, True)
    (copy,) = (tmp_path / "s3" / "backups").rglob("*.zip")
    assert (copy.parent.name, copy.name, copy.read_bytes()) == ("nightly", path.name, path.read_bytes())
    database.close_all()


@ON_SQLITE
def test_a_backup_deletes_the_temporary_files_of_a_killed_one(run, settings):
    (settings.backup_dir / ".work-1").mkdir(parents=True)
    (settings.backup_dir / ".larder-1.zip.partial").write_bytes(b"half")
    path = make_backup(run)
    assert sorted(os.listdir(settings.backup_dir)) == [".lock", os.path.basename(path)]


@ON_SQLITE
def test_the_schedule_creates_one_for_all_processes_and_prunes(settings):
    create_app(settings)
    settings = replace(settings, backup_keep=1)
    with working_folder(settings.backup_dir):
        backups.back_up(settings)  # another process is creating it, and deletes the oldest afterwards
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
    with pytest.raises(Unavailable, match="LARDER_BACKUP_TARGET"):
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
