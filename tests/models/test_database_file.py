"""The database file of a running server: deleted, replaced, damaged, brought back, and how large its log grows."""

import shutil
import time
from contextlib import closing
from pathlib import Path

import cysqlite
import pytest

from backend.models.database import DatabaseUnavailable, database, sqlite_connections, sqlite_log
from backend.models.database.sqlite import KEPT_WAL_BYTES
from backend.services.operation import cleanup
from tests.conftest import ON_SQLITE, Person
from tests.helpers import assert_failure

READY, LIVE = "http://localhost/health/ready", "http://localhost/health/live"
pytestmark = ON_SQLITE


@pytest.fixture
def note(admin, alice):
    """A note of alice's."""
    access = {"list": ["public"], "read": ["public"], "create": ["member"], "update": ["owner"]}
    admin.declare("notes", {"title": {"type": "string"}}, access=access)
    return alice.make("notes", title="Milk")


@pytest.fixture
def move(tmp_path):
    """A function that moves the database's files from one folder to another; away from `tmp_path` by default."""
    away = tmp_path / "away"
    away.mkdir()

    def move(source=tmp_path, target=away):
        for path in source.glob("larder.db*"):
            path.rename(target / path.name)
        return away

    return move


def assert_missing(answer):
    assert_failure(answer, 503, "UNAVAILABLE")
    assert "database file is missing" in answer.json["error"]["message"]


def test_without_its_file_nothing_is_confirmed_until_it_is_back(note, alice, stranger, move, tmp_path):
    assert alice.token
    away = move()
    for answer in (
        alice.post("/notes", json={"title": "Eggs"}),
        alice.patch(f"/notes/{note['id']}", json={"title": "Eggs"}),
        alice.get("/notes"),
        stranger.post("/auth/login", json={"email": "bob@example.com", "password": "correct horse battery"}),
        stranger.get(READY),
    ):
        assert_missing(answer)
    assert stranger.get(LIVE).status_code == 200
    assert not (tmp_path / "larder.db").exists()
    move(away, tmp_path)
    assert alice.get("/notes").json["data"] == [note]
    assert alice.post("/notes", json={"title": "Eggs"}).status_code == 201


def test_what_is_written_as_the_file_disappears_is_refused_at_its_commit(note, move):
    with database.connection_context():
        with pytest.raises(DatabaseUnavailable, match="missing"), database.atomic():
            database.execute_sql("UPDATE notes SET title = 'Eggs'")
            move()
        with pytest.raises(DatabaseUnavailable, match="missing"):
            database.execute_sql("UPDATE notes SET title = 'Eggs'")
    assert database.connections_in_use() == 0


def test_a_file_put_in_the_place_of_another_is_served_from_then_on(note, alice, sqlite_template, move, tmp_path):
    assert alice.token
    move()
    shutil.copy(sqlite_template.removeprefix("sqlite:///"), tmp_path / "larder.db")
    assert alice.get("/auth/me").status_code == 401  # the session is in the other file
    assert Person(alice.client.application, "alice").get("/auth/me").status_code == 200
    assert Person(alice.client.application).get("/notes").status_code == 404


@pytest.mark.parametrize("content", [b"", b"no database " * 1000])
def test_a_file_that_is_no_database_is_unavailable(note, alice, read_lines, move, tmp_path, content):
    assert alice.token
    move()
    (tmp_path / "larder.db").write_bytes(content)
    for path in ("/notes", "/auth/me", READY):
        assert_failure(alice.get(path), 503, "UNAVAILABLE")
    assert not any("unexpected error" in line for line in read_lines())


def test_a_damaged_file_is_unavailable_and_logged(note, alice, read_lines, tmp_path):
    assert alice.token
    for _ in range(30):
        alice.make("notes", title="x" * 200)
    database.close_all()
    path = tmp_path / "larder.db"
    content = bytearray(path.read_bytes())
    with database.connection_context():
        size = database.pragma("page_size")
        (root,) = database.execute_sql("SELECT rootpage FROM sqlite_master WHERE name = 'notes'").fetchone()
    database.close_all()
    content[(root - 1) * size : root * size] = b"\xff" * size
    path.write_bytes(content)
    assert_failure(alice.get("/notes"), 503, "UNAVAILABLE")
    assert any("malformed" in line for line in read_lines())


def wal_bytes():
    """Return the size of the write-ahead log."""
    return Path(f"{database.obj.database}-wal").stat().st_size


@pytest.fixture
def swollen(note, database_url):
    """A write-ahead log of 20 MB, grown because a reader kept it from being reset. The reader has ended."""
    with closing(cysqlite.connect(database_url.removeprefix("sqlite:///"))) as reader:
        reader.begin()
        reader.execute("SELECT count(*) FROM notes").fetchall()
        with database.connection_context():
            for _ in range(10):
                database.execute_sql("UPDATE notes SET title = hex(randomblob(1000000))")
        reader.rollback()
    assert wal_bytes() > 18_000_000


def test_the_clean_up_truncates_the_write_ahead_log(swollen, settings):
    cleanup.clean_up(settings)
    assert wal_bytes() == 0


def test_a_vacuum_leaves_no_log_behind(swollen):
    cleanup.vacuum()
    assert wal_bytes() == 0


def test_a_log_that_has_grown_is_truncated_by_the_next_request(swollen, alice, monkeypatch):
    monkeypatch.setattr(sqlite_connections, "MAX_WAL_BYTES", 10_000_000)
    database.obj._truncated_at = 0
    assert alice.get("/auth/me").status_code == 200
    assert wal_bytes() == 0


def test_a_log_that_is_reset_is_truncated(swollen, alice, monkeypatch):
    monkeypatch.setattr(sqlite_log, "COMMITS_BETWEEN_CHECKPOINTS", 1)
    deadline = time.monotonic() + 60
    while wal_bytes() > KEPT_WAL_BYTES:  # a thread copies the log, then the next write resets it
        assert time.monotonic() < deadline
        alice.make("notes", title="Eggs")
