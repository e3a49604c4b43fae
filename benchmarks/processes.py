"""Server processes of a benchmark, and what the kernel says of them: CPU time, memory and open descriptors."""

import os
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.comparison.processes import cpu_seconds, resident_bytes
from tests.parts.postgres import postgres_server
from tests.parts.server import HOST, ROOT, Caller, environment, start_process

ADMIN, PASSWORD = "admin@example.com", "correct horse battery"
START_SECONDS = 120
UNLIMITED = {"rate_limit": "off", "rate_limit_auth": "off", "admin_email": ADMIN, "admin_password": PASSWORD}


@dataclass(frozen=True)
class ServerProcess:
    """A running server: its address, such as `127.0.0.1:41234`, and its process id."""

    address: str
    pid: int

    @property
    def cpu_seconds(self):
        """The CPU time that the process has used."""
        return cpu_seconds([self.pid])

    @property
    def rss_mb(self):
        """The memory that the process has, in MiB."""
        return resident_bytes([self.pid]) / 2**20

    @property
    def descriptors(self):
        """The number of open descriptors."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def caller(self):
        """Return a Caller that is signed in as the admin."""
        return Caller(self.address).sign_in(ADMIN, PASSWORD)


@contextmanager
def database(folder, *, postgres):
    """Yield the URL of an empty database in the folder, or of a Postgres that runs during the block."""
    with postgres_server() if postgres else nullcontext(f"sqlite:///{folder}/larder.db") as url:
        yield url


@contextmanager
def running(folder, count=2, *, shared=True, **settings):
    """Start `count` processes of `python wsgi.py`, and yield a list of ServerProcess when all of them answer.

    They share one socket as they do under systemd, or each has its own.
    """
    with ExitStack() as stack:
        one = stack.enter_context(_listener()) if shared else None
        servers = [
            stack.enter_context(_server(folder, number, one or stack.enter_context(_listener()), settings))
            for number in range(count)
        ]
        for server in servers:
            wait_until_ready(server)
        yield servers


@contextmanager
def _listener():
    with socket.create_server((HOST, 0), backlog=1024) as listener:
        yield listener


@contextmanager
def _server(folder, number, listener, settings):
    port = listener.getsockname()[1]
    chosen = environment(UNLIMITED | {"data_dir": folder, "host": HOST, "port": port} | settings)
    with (Path(folder) / f"server{number}.log").open("wb") as log:
        process = start_process(folder, chosen, log, log, listener=listener, root=ROOT, forked=False)
        try:
            yield ServerProcess(f"{HOST}:{port}", process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_ready(server, path="/health/ready"):
    """Wait until a server answers with 200. Raises RuntimeError after START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError), Caller(server.address) as caller:
            caller.connection.request("GET", path)
            if caller.connection.getresponse().status == 200:
                return
        time.sleep(0.01)
    raise RuntimeError(f"{server} did not get ready")
