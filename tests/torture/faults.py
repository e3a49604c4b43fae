"""The faults: each is a context manager around a time of it, and says in words what it does."""

import os
import random
import resource
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import cysqlite
import psycopg

from tests.conftest import PASSWORD
from tests.parts.server import ROOT, Caller, environment
from tests.torture.ledger import EMAIL, FAILED

KILLS = 30
DESCRIPTORS = 40
IDLE_CONNECTIONS = 900
CLOCK = Path(__file__).with_name("clock.c")


@dataclass
class Fault:
    """A fault by its name; `around(stage, seconds)` is the context manager of it.

    `fails` is true if writes may fail meanwhile, with 503 or without a response. `needs` says what this machine lacks
    for it, or nothing. `options` are those of the stage, `on` the databases where it can happen.
    """

    name: str
    around: Callable
    fails: bool = True
    needs: Callable = lambda: ""
    options: dict = field(default_factory=dict)
    on: tuple = ("sqlite", "postgres")
    records: int = 0  # large ones that are there from the start
    small_disk: bool = False
    forgets: bool = False  # whether writes of before may be undone
    stderr: bool = False  # whether the log is written to a pipe of the fault
    sends_files: bool = False  # whether all records that clients write have files
    leaves_none: bool = False  # whether there are moments without any process
    beside: Callable | None = None  # a context manager of a stage whose records have a feed; see feed.py


FAULTS = []


def fault(name, **options):
    """Return the decorator that makes a generator function of (stage, seconds) a Fault."""

    def decorator(function):
        FAULTS.append(Fault(name, contextmanager(function), **options))
        return function

    return decorator


def _root_is_missing():
    return "" if os.geteuid() == 0 else "root, for a small disk"


@fault("none, 60 clients", fails=False)
def nothing(stage, seconds):
    """Let the clients write."""
    yield
    time.sleep(seconds)


@fault("kill -9 of one process, then the other")
def kills(stage, seconds):
    """Kill and start the processes in turn."""
    yield
    end, index = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        stage.kill(index % 2)
        index += 1
        time.sleep(1)


@fault("kill -9 at 30 moments of uploads and backups", sends_files=True)
def kills_at_random(stage, seconds):
    """Kill and start the processes at random moments, while files are uploaded and backups are made."""
    yield
    over = threading.Event()
    backing_up = threading.Thread(target=_back_up, args=(stage.address, over))
    backing_up.start()
    for index in range(round(KILLS * min(seconds / 8, 1))):
        time.sleep(random.uniform(0.05, 0.8))
        stage.kill(index % 2)
    over.set()
    backing_up.join()


def _back_up(address, over):
    """Make backups until `over` is set. Those that a kill interrupts fail."""
    while not over.wait(0.1):
        with suppress(*FAILED, AssertionError), Caller(address) as caller:
            caller.sign_in(EMAIL, PASSWORD).call("POST", "/backups")


@fault("rolling restarts", fails=False)
def restarts(stage, seconds):
    """Restart the processes in turn, as an upgrade does."""
    yield
    end, index = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        stage.restart(index % 2)
        index += 1


@fault("disk full", needs=_root_is_missing, small_disk=True)
def full_disk(stage, seconds):
    """Fill the small disk with the data folder on it, then make room."""
    yield
    filling = stage.folder / "filling"
    # Without a buffer, which would fail again where the file is closed, if part of it had still been written.
    with filling.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 65536)
    time.sleep(seconds)
    filling.unlink()


@fault("SQLite locked by another program", on=("sqlite",))
def locked(stage, seconds):
    """Hold the lock to write."""
    yield
    with closing(cysqlite.connect(stage.database_url.removeprefix("sqlite:///"), timeout=30)) as other:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        other.execute("ROLLBACK")


@fault("Postgres killed, and started again", on=("postgres",))
def postgres_gone(stage, seconds):
    """Kill the server, and start it anew."""
    yield
    stage.postgres.kill()
    time.sleep(seconds)
    stage.postgres.start()


@fault("Postgres hangs (SIGSTOP)", on=("postgres",))
def postgres_hangs(stage, seconds):
    """Have the server do nothing."""
    yield
    with stage.postgres.held():
        time.sleep(seconds)


@fault("log reader gone", fails=False, stderr=True)
def no_reader(stage, seconds):
    """Close the pipe to which the log is written."""
    yield
    os.close(stage.log_reader)
    stage.log_reader = None
    time.sleep(seconds)


@fault("log reader stopped, the pipe full", fails=False, stderr=True, options={"log_level": "INFO"})
def stopped_reader(stage, seconds):
    """Read nothing from the pipe to which the log is written."""
    yield
    time.sleep(seconds)


@fault("slow readers, slow senders, 900 idle connections", fails=False, records=600)
def slow_clients(stage, seconds):
    """Ask for large answers and read nothing, send heads and bodies byte by byte, and be idle in great number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    yield
    host, _, port = stage.address.partition(":")
    large = b"GET /api/v1/entries/export?format=ndjson HTTP/1.1\r\nHost: larder\r\n\r\n"
    page = b"GET /api/v1/entries?per_page=200&sort=code HTTP/1.1\r\nHost: larder\r\n\r\n"
    head = b"GET /api/v1/entries HTTP/1.1\r\nHost: larder\r\nX-Slow: "
    body = b"POST /api/v1/entries HTTP/1.1\r\nHost: larder\r\nContent-Length: 500\r\n\r\n{"
    with ExitStack() as stack:

        def connect(text=b""):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(10)
            connection.connect((host, int(port)))
            connection.sendall(text)
            return connection

        for text in [large] * 10 + [page] * 20:
            connect(text)
        slow = [connect(text) for text in [head] * 20 + [body] * 20]
        for _ in range(IDLE_CONNECTIONS):
            connect()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for connection in slow:
                with suppress(OSError):  # closed by the server, as it should
                    connection.sendall(b"x")
            time.sleep(0.5)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@fault("clock set back and forth by ten minutes", needs=lambda: "" if shutil.which("cc") else "a C compiler")
def clock(stage, seconds):
    """Set the clock of the processes back, then forth."""
    yield
    for offset in (-600, 600, 0):
        set_clock(stage.folder, offset)
        time.sleep(seconds / 3)


def set_clock(folder, seconds):
    """Have the clock of the processes be so many seconds ahead."""
    with (folder / "clock").open("r+b" if (folder / "clock").exists() else "wb") as file:
        file.write(struct.pack("q", seconds))


def clock_variables(folder):
    """Return the variables of a process whose clock set_clock sets: alone, without that of the machine."""
    set_clock(folder, 0)
    library = folder / "clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, CLOCK], check=True)
    return {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(folder / "clock")}


@fault("no descriptors left")
def descriptors(stage, seconds):
    """Take from the processes the right to open more files."""
    yield
    limits = [resource.prlimit(process.pid, resource.RLIMIT_NOFILE) for process in stage.processes]
    for process, (_, hard) in zip(stage.processes, limits, strict=True):
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, hard))
    time.sleep(seconds)
    for process, limit in zip(stage.processes, limits, strict=True):
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, limit)


@fault("restore of a backup", forgets=True)
def restore(stage, seconds):
    """Make a backup and restore it, by the command, while others write."""
    yield
    made = _flask(stage, "backup", "create")
    time.sleep(seconds)
    _flask(stage, "backup", "restore", made.splitlines()[-1])


def _flask(stage, *arguments):
    command = [Path(sys.executable).with_name("flask"), "--app", ROOT / "wsgi.py", *arguments]
    variables = environment(stage.settings)
    ran = subprocess.run(command, cwd=stage.folder, env=variables, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@fault("a start while another program writes")
def start(stage, seconds):
    """Start a third process while another program holds a lock."""
    yield
    held, release = threading.Event(), threading.Event()

    def hold():
        if stage.kind == "sqlite":
            with closing(cysqlite.connect(stage.database_url.removeprefix("sqlite:///"), timeout=30)) as other:
                other.execute("BEGIN IMMEDIATE")
                held.set()
                release.wait(60)
                other.execute("ROLLBACK")
        else:
            with psycopg.connect(stage.database_url) as other:
                other.execute("LOCK TABLE larder_users, larder_roles IN EXCLUSIVE MODE")
                held.set()
                release.wait(60)

    holding = threading.Thread(target=hold)
    holding.start()
    held.wait(60)
    try:
        third = stage.manager.start()  # is ready while the lock is held
    finally:
        release.set()
        holding.join()
    assert stage.manager.stop(third) == 0
