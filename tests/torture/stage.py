"""Two processes of Larder on one socket and their database, with everything that can be done to them."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.conftest import PASSWORD
from tests.parts.postgres import running_postgres
from tests.parts.server import ROOT, STOP_SECONDS, WITHOUT_LIMITS, Caller, environment
from tests.parts.service_manager import Manager
from tests.torture.clients import Client, Ticket
from tests.torture.ledger import EMAIL, Ledger

PROCESSES = 2


class Stage:
    """A database, `sqlite` or `postgres`, in a folder, and processes that serve it.

    `postgres` is the server of the latter, `processes` are those that run. `changes` is how many changes the clients
    make at least, `ledger` what they made, and `figures` what was counted, by name.
    """

    def __init__(self, kind, folder, variables=None, stderr=None, *, changes=0, **settings):
        self.kind, self.folder, self.postgres, self.processes = kind, folder, None, []
        self.changes, self.ledger, self.figures = changes, None, defaultdict(int)
        self.variables, self.stderr = variables, stderr
        self.settings = settings

    @contextmanager
    def open(self):
        """Start everything, yield the stage, and stop it; the processes must end with status 0."""
        with ExitStack() as stack:
            data = self.folder / "data"
            data.mkdir(exist_ok=True)
            url = f"sqlite:///{data}/larder.db"
            if self.kind == "postgres":
                self.postgres = stack.enter_context(running_postgres(["synchronous_commit=on"]))
                url = self.postgres.url
            self.database_url = url
            own = {"data_dir": data, "database_url": url, "admin_email": EMAIL, "admin_password": PASSWORD}
            own |= {"database_timeout_seconds": 3, "backup_dir": self.folder / "backups", "log_level": "WARNING"}
            self.settings = WITHOUT_LIMITS | own | self.settings
            self.manager = Manager(self.folder, self.settings, self.variables, self.stderr)
            stack.callback(self.manager.close)
            stack.callback(self._end)
            self.processes += [self.manager.start() for _ in range(PROCESSES)]
            yield self
            statuses = [self.manager.stop(process) for process in self.processes]
            assert statuses == [0] * PROCESSES, statuses
            self.processes.clear()

    def _end(self):
        for process in self.processes:
            process.kill()
            process.wait()

    @property
    def address(self):
        """Where the processes listen, such as `127.0.0.1:41234`."""
        return self.manager.address

    def kill(self, *indexes):
        """Kill processes at once, and start others in their place."""
        for index in indexes:
            self.processes[index].kill()
        for index in indexes:
            self.processes[index].wait()
            self.processes[index] = self.manager.start()
        self.figures["processes killed"] += len(indexes)

    def restart(self, index):
        """Stop a process as an upgrade does, and start another in its place."""
        assert self.manager.stop(self.processes[index]) == 0
        self.processes[index] = self.manager.start()

    @contextmanager
    def running_jobs(self):
        """Run `flask jobs run` in the block. It must end with status 0, or by the signal if it has just started."""
        self._jobs = self._start_jobs()
        try:
            yield
            self._jobs.send_signal(signal.SIGTERM)
            status = self._jobs.wait(STOP_SECONDS)
            assert status in (0, -signal.SIGTERM), status
        finally:
            self._jobs.kill()
            self._jobs.wait()

    def kill_jobs(self):
        """Kill the process of the jobs and start another in its place; return whether it had begun to send messages."""
        if self.figures["messages"] == self._sent_before:
            return False
        self._jobs.kill()
        self._jobs.wait()
        self._jobs = self._start_jobs()
        self.figures["jobs killed"] += 1
        return True

    def _start_jobs(self):
        self._sent_before = self.figures["messages"]
        command = [Path(sys.executable).with_name("flask"), "--app", ROOT / "wsgi.py", "jobs", "run"]
        with (self.folder / "server.log").open("ab") as log:
            variables = environment(self.settings)
            return subprocess.Popen(command, cwd=self.folder, env=variables, stdout=log, stderr=log)

    @contextmanager
    def writing(self, clients, *, sends_files=False):
        """Have so many clients write in the block; yields their Ledger."""
        self.ledger = ledger = Ledger()
        ticket = Ticket(self.address)
        threads = [Client(self.address, ticket, ledger, number, sends_files=sends_files) for number in range(clients)]
        for thread in threads:
            thread.start()
        try:
            yield ledger
        finally:
            for thread in threads:
                thread.stop.set()
            for thread in threads:
                thread.join(60)

    def seconds_until_a_write(self, limit=60):
        """Return how long it takes from now until a write is acknowledged, by a new client."""
        began = time.monotonic()
        while time.monotonic() - began < limit:
            try:
                with Caller(self.address) as caller:
                    caller.connection.timeout = 5
                    caller.sign_in(EMAIL, PASSWORD)
                    code = f"after-{began}-{time.monotonic()}"
                    self.ledger.possible_keys.add(code)
                    if caller.call("POST", "/entries", {"code": code})[0] == 201:
                        return time.monotonic() - began
            except (OSError, ValueError, AssertionError):
                pass
            time.sleep(0.05)
        return None


class Pulse(threading.Thread):
    """Asks for `/health/live` ten times a second, each time anew; `slowest` is the longest answer, in seconds."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.slowest, self.failures, self._address, self._stop_asked = 0.0, 0, address, threading.Event()

    def run(self):
        while not self._stop_asked.wait(0.1):
            began = time.monotonic()
            try:
                with Caller(self._address) as caller:
                    caller.connection.timeout = 10
                    caller.connection.request("GET", "/health/live")
                    if caller.connection.getresponse().status != 200:
                        self.failures += 1
            except (OSError, ValueError):
                self.failures += 1
            self.slowest = max(self.slowest, time.monotonic() - began)

    def end(self):
        """Stop asking."""
        self._stop_asked.set()
        self.join()


@contextmanager
def new_folder(small_disk=False):
    """Yield an empty folder; on a disk of its own of 160 MB if that is wanted, which takes root."""
    with tempfile.TemporaryDirectory(prefix="larder-") as name:
        folder = Path(name)
        if not small_disk:
            yield folder
            return
        assert os.system(f"mount -t tmpfs -o size=160m tmpfs {folder}") == 0
        try:
            yield folder
        finally:
            os.system(f"umount -l {folder}")
