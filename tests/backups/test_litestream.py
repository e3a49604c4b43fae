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

LITESTREAM = Path(sys.executable).with_name("litestream")
SECONDS = 5
BOUND_SECONDS = 3  # it looks for changes each second and sends them each second
WRITERS = 4


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
    command = [LITESTREAM, "restore", "-config", config, "-integrity-check", "full", *options, database]
    told = subprocess.run(command, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr


def write(config, settings, path, body):
    """Start a server and Litestream, have the admin send `body`, and stop both when it has been copied."""
    with running_server(config.parent, **settings) as address, replicating(config.parent, config):
        with Caller(address) as admin:
            admin.sign_in("admin@example.com", PASSWORD)
            assert admin.call("POST", path, body)[0] == 201
        time.sleep(BOUND_SECONDS)


@ON_SQLITE
def test_a_lost_database_comes_back_with_all_but_the_last_moment(database_url, tmp_path):
    database = Path(database_url.removeprefix("sqlite:///"))
    config, acknowledged, stop = configured(tmp_path, database), {}, threading.Event()
    settings = {"data_dir": tmp_path, "database_url": database_url}
    with doomed_server(tmp_path, **settings) as (address, process):
        with Caller(address) as admin:
            admin.sign_in("admin@example.com", PASSWORD)
            admin.call("POST", "/resources", {"name": "lines", "fields": {"number": {"type": "integer"}}})
            writers = [
                threading.Thread(target=_write, args=(address, admin.token, i * 1_000_000, stop, acknowledged))
                for i in range(WRITERS)
            ]
        with replicating(tmp_path, config):
            for writer in writers:
                writer.start()
            time.sleep(SECONDS)
            lost = time.monotonic()
            process.send_signal(signal.SIGKILL)
        lose(database)
        stop.set()
        for writer in writers:
            writer.join()
    restore(config, database)
    with closing(cysqlite.connect(str(database))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = {number for (number,) in connection.execute("SELECT number FROM lines")}
    missing = [lost - moment for number, moment in acknowledged.items() if number not in found]
    print(f"{len(acknowledged)} acknowledged, {len(missing)} lost, the oldest {max(missing, default=0):.2f} s before")
    assert len(acknowledged) > 100
    assert max(missing, default=0) < BOUND_SECONDS
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
                acknowledged[number] = time.monotonic()
                number += 1


@ON_SQLITE
def test_replication_goes_on_after_a_restore(database_url, tmp_path):
    database, copy = Path(database_url.removeprefix("sqlite:///")), tmp_path / "copy.db"
    config, settings = configured(tmp_path, database), {"data_dir": tmp_path, "database_url": database_url}
    notes = {"name": "notes", "fields": {"title": {"type": "string", "unique": True}}, "search": ["title"]}
    write(config, settings, "/resources", notes)
    lose(database)
    restore(config, database)
    write(config, settings, "/notes", {"title": "Zoë"})
    restore(config, database, "-o", copy)
    with closing(cysqlite.connect(str(copy))) as connection:
        assert connection.execute("SELECT title FROM notes").fetchall() == [("Zoë",)]
