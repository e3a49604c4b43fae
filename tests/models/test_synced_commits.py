"""Commits on SQLite are acknowledged when the disk has them, and one fsync serves all threads that wait for it."""

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from backend.models.database import database, open_database
from tests.conftest import ON_SQLITE
from tests.helpers import assert_failure
from tests.parts.sockets import wait_for

pytestmark = ON_SQLITE


@pytest.fixture
def alice(admin, alice):
    """Alice, signed in, who may create notes."""
    access = {"list": ["public"], "read": ["public"], "create": ["member"], "update": ["owner"]}
    admin.declare("notes", {"title": {"type": "string"}}, access=access)
    assert alice.token
    return alice


class Disk:
    """Stands in for fdatasync: counts the calls, and fails or waits as a test wants."""

    def __init__(self):
        self.syncs, self.fails, self.gate, self.lock = 0, False, threading.Event(), threading.Lock()
        self.gate.set()
        self.sync = os.fdatasync

    def fdatasync(self, descriptor):
        with self.lock:
            self.syncs += 1
        assert self.gate.wait(60)
        if self.fails:
            raise OSError(errno.EIO, "Input/output error")
        self.sync(descriptor)


@pytest.fixture
def disk(alice, monkeypatch):
    """The disk of the database."""
    disk = Disk()
    monkeypatch.setattr(os, "fdatasync", disk.fdatasync)
    return disk


def insert(title):
    """Write a note in a thread of its own, past the API."""
    with database.connection_context(), database.atomic():
        database.execute_sql(
            "INSERT INTO notes (id, title, created_at, updated_at, version) VALUES (?, ?, '', '', 1)", (title, title)
        )


def titles():
    """Return the titles that other connections see."""
    with database.connection_context():
        return {title for (title,) in database.execute_sql("SELECT title FROM notes").fetchall()}


def test_each_commit_waits_for_one_sync_and_reads_for_none(alice, disk):
    note = alice.make("notes", title="Milk")
    assert disk.syncs == 1
    assert alice.patch(f"/notes/{note['id']}", json={"title": "Eggs"}).status_code == 200
    assert disk.syncs == 2
    assert alice.get("/notes").json["data"][0]["title"] == "Eggs"
    assert alice.post("/notes", json={"title": 1}).status_code == 422
    assert disk.syncs == 2
    with database.connection_context():  # a statement without a transaction
        database.execute_sql("UPDATE notes SET title = 'Tea'")
    assert disk.syncs == 3


def test_one_sync_serves_all_commits_that_came_before_it(disk):
    disk.gate.clear()
    with ThreadPoolExecutor(4) as pool:
        writes = [pool.submit(insert, "first")]
        wait_for(lambda: disk.syncs == 1)
        writes += [pool.submit(insert, title) for title in ("second", "third", "fourth")]
        # Visible to others, but each waits for the next sync.
        wait_for(lambda: len(database.obj._log._changed._waiters) == 3)
        assert titles() == {"first", "second", "third", "fourth"}
        assert not any(write.done() for write in writes)
        disk.gate.set()
        for write in writes:
            write.result()
    assert disk.syncs == 2


def test_what_the_disk_does_not_confirm_is_refused(alice, disk, read_lines, database_url):
    disk.fails = True
    assert_failure(alice.post("/notes", json={"title": "Milk"}), 503, "UNAVAILABLE")
    assert any("write not confirmed by the disk" in line for line in read_lines())
    # The kernel would report success for pages that it failed to write. So the log is copied, with an fsync of its own.
    disk.fails = False
    assert alice.post("/notes", json={"title": "Eggs"}).status_code == 201
    assert disk.syncs == 1
    assert os.stat(f"{database_url.removeprefix('sqlite:///')}-wal").st_size == 0
    assert alice.post("/notes", json={"title": "Tea"}).status_code == 201
    assert disk.syncs == 2


def test_a_sync_that_fails_refuses_all_that_wait_for_it(disk):
    disk.gate.clear()
    disk.fails = True
    with ThreadPoolExecutor(3) as pool:
        writes = [pool.submit(insert, "first")]
        wait_for(lambda: disk.syncs == 1)
        writes += [pool.submit(insert, title) for title in ("second", "third")]
        wait_for(lambda: len(titles()) == 3)
        disk.gate.set()
    # The others wait for the next one, which copies the log.
    assert [write.exception() is None for write in writes] == [False, True, True]


def test_the_setting_normal_does_not_wait_for_the_disk(disk, settings):
    opened = open_database(replace(settings, sqlite_synchronous="normal"))
    with opened.connection_context(), opened.atomic():
        opened.execute_sql("UPDATE notes SET title = 'Tea'")
    opened.close_all()
    assert disk.syncs == 0
