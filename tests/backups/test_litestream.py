"""Litestream beside a server: what was acknowledged a moment before the database is lost is in the replica."""

import http.client
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import cysqlite

from tests.conftest import ON_SQLITE, PASSWORD
from tests.parts.server import ROOT, Caller, doomed_server, running_server
from tests.parts.sockets import wait_for

LITESTREAM = Path(sys.executable).with_name("litestream")
PATIENCE_SECONDS = 120  # it looks for changes each second and sends them each second, where nothing holds it up
NUMBERS = "SELECT number FROM lines"
BETWEEN = 1_000_000  # the first number of a writer and that of the next
WRITERS, RECORDS = 4, 25  # of each writer, before the first look at the replica


@contextmanager
def replicating(folder, config):
    """Run Litestream until the end of the block, and then kill it: the machine is lost."""
    with (folder / "litestream.log").open("wb") as log:
        process = subprocess.Popen([LITESTREAM, "replicate", "-config", config], stdout=log, stderr=log)
        try:
            yield
        finally:
            process.kill()
            process.wait()


def configured(folder, database):
    """Write deploy/litestream.yml for these paths; return its path."""
    text = (ROOT / "deploy" / "litestream.yml").read_text()
    config = folder / "litestream.yml"
    config.write_text(
        text.replace("/var/lib/larder/larder.db", str(database)).replace("/mnt/replica/larder", str(folder / "replica"))
    )
    return config


def lose(database):
    """Delete the database, with its log and index; what Litestream keeps beside it stays."""
    for path in database.parent.glob(f"{database.name}*"):
        path.unlink()


def restore(config, database, *options):
    """Restore the database from the replica, and have it checked."""
    result = try_to_restore(config, database, *options)
    assert result.returncode == 0, result.stderr


def try_to_restore(config, database, *options):
    command = [LITESTREAM, "restore", "-config", config, "-integrity-check", "full", *options, database]
    return subprocess.run(command, capture_output=True, text=True)


def wait_for_copy(config, database, query, expected):
    """Wait until the replica has rows that the query finds."""
    copy, last_moment = config.parent / "look.db", time.monotonic() + PATIENCE_SECONDS
    while True:
        lose(copy)
        if try_to_restore(config, database, "-o", copy).returncode == 0 and expected <= rows(copy, query):
            return
        assert time.monotonic() < last_moment, "it is not copied"
        time.sleep(0.2)


def rows(path, query):
    """Return the values of the first column; none where the table is missing."""
    with closing(cysqlite.connect(str(path))) as connection:
        try:
            return {value for (value,) in connection.execute(query)}
        except cysqlite.OperationalError:
            return set()


def write(config, settings, path, body, query, expected):
    """Start a server and Litestream, have the admin send `body`, and stop both when it has been copied."""
    database = settings["database_url"].removeprefix("sqlite:///")
    with running_server(config.parent, **settings) as address, replicating(config.parent, config):
        with Caller(address) as admin:
            admin.sign_in("admin@example.com", PASSWORD)
            assert admin.call("POST", path, body)[0] == 201
        wait_for_copy(config, database, query, expected)


@ON_SQLITE
def test_a_lost_database_comes_back_with_all_but_the_last_moment(database_url, tmp_path):
    database = Path(database_url.removeprefix("sqlite:///"))
    config, acknowledged, stop = configured(tmp_path, database), set(), threading.Event()
    settings = {"data_dir": tmp_path, "database_url": database_url}
    with doomed_server(tmp_path, **settings) as (address, process):
        with Caller(address) as admin:
            admin.sign_in("admin@example.com", PASSWORD)
            admin.call("POST", "/resources", {"name": "lines", "fields": {"number": {"type": "integer"}}})
            writers = [
                threading.Thread(target=_write, args=(address, admin.token, i * BETWEEN, stop, acknowledged))
                for i in range(WRITERS)
            ]
        with replicating(tmp_path, config):
            for writer in writers:
                writer.start()
            wait_for(lambda: len(acknowledged) >= WRITERS * RECORDS)
            copied = acknowledged.copy()
            wait_for_copy(config, database, NUMBERS, copied)
            process.send_signal(signal.SIGKILL)
        lose(database)
        stop.set()
        for writer in writers:
            writer.join()
    restore(config, database)
    with closing(cysqlite.connect(str(database))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    found = rows(database, NUMBERS)
    assert copied <= found  # of what came later, only the last of each writer is missing
    for writer in range(WRITERS):
        mine = {number for number in found | {*acknowledged} if number // BETWEEN == writer}
        assert {number for number in mine if number <= max(found & mine, default=-1)} <= found
    with running_server(tmp_path, **settings) as address, Caller(address) as admin:
        admin.sign_in("admin@example.com", PASSWORD)
        assert admin.call("GET", "/lines?per_page=1")[1]["meta"]["total"] == len(found)


def _write(address, token, number, stop, acknowledged):
    with Caller(address, token) as caller:
        while not stop.is_set():
            try:
                status, _ = caller.call("POST", "/lines", {"number": number})
            except (OSError, http.client.HTTPException):
                return
            if status == 201:
                acknowledged.add(number)
                number += 1


@ON_SQLITE
def test_replication_continues_after_a_restore(database_url, tmp_path):
    database, copy = Path(database_url.removeprefix("sqlite:///")), tmp_path / "copy.db"
    config, settings = configured(tmp_path, database), {"data_dir": tmp_path, "database_url": database_url}
    notes = {"name": "notes", "fields": {"title": {"type": "string", "unique": True}}, "search": ["title"]}
    write(config, settings, "/resources", notes, "SELECT name FROM sqlite_master", {"notes"})
    lose(database)
    restore(config, database)
    write(config, settings, "/notes", {"title": "Zoë"}, "SELECT title FROM notes", {"Zoë"})
    restore(config, database, "-o", copy)
    with closing(cysqlite.connect(str(copy))) as connection:
        assert connection.execute("SELECT title FROM notes").fetchall() == [("Zoë",)]
