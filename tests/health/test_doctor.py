"""`flask doctor`."""

import os
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from backend import create_app
from backend.models.database import QueryTimeout, database
from backend.models.user import UserRole
from backend.services.health import database_checks
from backend.utils.clock import utcnow
from tests.conftest import ON_POSTGRES, ON_SQLITE
from tests.parts.smtp import smtp_server


@pytest.fixture
def examine(settings):
    """A function that runs `flask doctor` with other settings; returns (exit code, {name of a check: its lines})."""
    settings.data_dir.chmod(0o700)

    def examine(**changes):
        app = create_app(replace(settings, **changes))
        result = app.test_cli_runner().invoke(args=["doctor"])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        parts = re.split(r"^(?=\w)", result.output, flags=re.MULTILINE)
        return result.exit_code, {part.split()[1]: part for part in parts if part}

    yield examine
    database.close_all()


def test_passes_an_intact_installation(examine):
    code, found = examine()
    assert code == 0, found
    assert found["version"].strip().startswith("ok"), found
    assert found["admin"].strip().startswith("ok"), found


@pytest.mark.parametrize(
    ("name", "changes", "word"),
    [
        ("address", {"public_url": "http://larder.example.com"}, "clear"),
        ("address", {"public_url": "https://larder.example.com"}, "LARDER_TRUSTED_PROXIES"),
        ("mail", {"smtp_url": "smtp://127.0.0.1:1"}, "refuses"),
        ("limits", {"redis_url": "redis://127.0.0.1:1/0"}, "Redis does not answer"),
        ("backups", {}, "LARDER_BACKUP_SCHEDULE"),
    ],
)
@ON_SQLITE
def test_reports_each_problem_with_advice(examine, name, changes, word):
    _, found = examine(**changes)
    assert not found[name].strip().startswith("ok"), found
    assert word in found[name], found


@ON_POSTGRES
@pytest.mark.parametrize("shown", ["pg_dump (PostgreSQL) 13.9 (Debian 13.9-1)", "Error: no version is installed"])
def test_finds_a_pg_dump_that_cannot_back_up_this_server(examine, tmp_path, monkeypatch, shown):
    program = tmp_path / "programs" / "pg_dump"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '{shown}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    _, found = examine()
    assert found["version"].startswith("warn")
    assert "postgresql-client-" in found["version"]


@ON_SQLITE
def test_finds_files_that_others_can_read(examine, settings):
    os.chmod(settings.data_dir, 0o755)
    assert "chmod o=" in examine()[1]["rights"]


@ON_SQLITE
def test_finds_files_that_others_can_read_in_a_folder_that_they_can_enter(examine, settings):
    os.chmod(settings.data_dir, 0o711)
    os.chmod(settings.data_dir / "larder.db", 0o644)
    assert str(settings.data_dir / "larder.db") in examine()[1]["rights"].replace("\n", "")


@ON_SQLITE
def test_finds_files_that_it_cannot_write(examine, settings):
    (settings.data_dir / "limits.db").symlink_to(settings.data_dir / "nowhere" / "limits.db")
    assert f"Larder cannot write to {settings.data_dir}/limits.db." in examine()[1]["files"]


def test_finds_that_nobody_is_an_admin(examine, app):
    with database.connection_context():
        UserRole.delete().execute()
    assert "flask users" in examine()[1]["admin"]


def test_finds_a_clock_that_is_behind_the_audit_trail(examine, admin):
    admin.declare("notes", {"title": {"type": "string"}})
    with database.connection_context():
        database.execute_sql(
            f"UPDATE larder_audit SET created_at = '{utcnow() + timedelta(hours=1):%Y-%m-%dT%H:%M:%S}.000000Z'"
        )
    code, found = examine()
    assert code == 1
    assert "3600 s" in found["clock"].replace("3599", "3600")


@ON_SQLITE
def test_signs_in_at_the_mail_server_and_sends_nothing(examine):
    with smtp_server() as (url, mailbox):
        assert examine(smtp_url=url)[1]["mail"].strip().startswith("ok")
        assert mailbox.take() == []


CHECKS = "http://localhost/health/checks"


def test_shows_the_same_checks_through_the_api(examine, admin):
    found = {check["name"].split()[0]: check for check in admin.get(CHECKS).json["data"]}
    _, printed = examine()
    assert found.keys() == printed.keys()
    assert {name for name, check in found.items() if check["state"] == "ok"} == {
        name for name, lines in printed.items() if lines.startswith("ok")
    }
    assert (found["backups"]["state"], found["backups"]["message"]) == ("warning", "There are none.")
    assert "LARDER_BACKUP_SCHEDULE" in found["backups"]["advice"]


def test_only_those_who_may_read_the_system_see_the_checks(admin, alice, edith, stranger):
    admin.post("/roles", json={"name": "operator", "permissions": ["system:read"]})
    assert [person.get(CHECKS).status_code for person in (stranger, alice, edith)] == [401, 403, 403]
    admin.patch(f"/users/{edith.id}", json={"roles": ["member", "operator"]})
    answer = edith.get(CHECKS)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")


@ON_SQLITE
def test_a_large_file_is_not_read_to_its_end_by_a_request(admin, monkeypatch):
    read = database_checks._read

    def time_out(sql):
        if "quick_check" in sql:
            raise QueryTimeout(5)
        return read(sql)

    monkeypatch.setattr(database_checks, "_read", time_out)
    (version,) = [check for check in admin.get(CHECKS).json["data"] if check["name"] == "version"]
    assert (version["state"], "flask doctor" in version["advice"]) == ("warning", True)
