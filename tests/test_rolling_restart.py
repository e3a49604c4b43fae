"""Two processes on one socket, restarted one after the other while clients ask: none of them notices."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from contextlib import ExitStack, contextmanager

from tests.conftest import PASSWORD
from tests.server import ROOT, START_SECONDS, STOP_SECONDS, WITHOUT_LIMITS, Caller, environment

RESTARTS = int(os.environ.get("RESTARTS", 2))
CLIENTS = 6
# As systemd starts a process with a socket, sd_listen_fds(3): descriptor 3, and the id of the process itself.
START = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$1" 3<&"$2"'


class Manager:
    """Starts processes on one listening socket, and hears when they are ready, as systemd does."""

    def __init__(self, folder, settings):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self._heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._heard.bind(str(folder / "notify"))
        self._heard.settimeout(START_SECONDS)
        self._folder, self._environment = folder, environment(settings) | {"NOTIFY_SOCKET": str(folder / "notify")}

    def start(self):
        """Return a process that is ready."""
        with (self._folder / "server.log").open("ab") as log:
            process = subprocess.Popen(
                ["bash", "-c", START, sys.executable, ROOT / "wsgi.py", str(self.listener.fileno())],
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                pass_fds=[self.listener.fileno()],
            )
        self._wait_for(b"READY=1")
        return process

    def stop(self, process):
        """End a process and return its exit status."""
        process.send_signal(signal.SIGTERM)
        self._wait_for(b"STOPPING=1")
        return process.wait(STOP_SECONDS)

    def _wait_for(self, state):
        while self._heard.recv(100) != state:
            pass

    def close(self):
        """Let go of the sockets."""
        self.listener.close()
        self._heard.close()


@contextmanager
def asking(address, token):
    """Have clients read and write until the end of the block; yield the Counter of the statuses they got."""
    stop, statuses = threading.Event(), Counter()

    def ask(number):
        keeps_connection = number % 2
        with ExitStack() as connections:
            caller = connections.enter_context(Caller(address, token))
            while not stop.is_set():
                method, body = ("POST", {"title": "x"}) if number % 3 else ("GET", None)
                statuses[caller.call(method, "/notes", body)[0]] += 1
                if not keeps_connection:
                    caller.connection.close()

    clients = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        yield statuses
    finally:
        stop.set()
        for client in clients:
            client.join()


def test_no_request_fails_while_processes_are_restarted(database_url, tmp_path):
    settings = WITHOUT_LIMITS | {"data_dir": tmp_path, "database_url": database_url, "jobs": "off"}
    with ExitStack() as stack:
        manager = Manager(tmp_path, settings)
        stack.callback(manager.close)
        processes = [manager.start(), manager.start()]
        with Caller(manager.address) as admin:
            admin.sign_in("admin@example.com", PASSWORD)
            admin.call("POST", "/resources", {"name": "notes", "fields": {"title": {"type": "string"}}})
            token = admin.token
        with asking(manager.address, token) as statuses:
            for restart in range(RESTARTS):
                assert manager.stop(processes[restart % 2]) == 0
                processes[restart % 2] = manager.start()
        for process in processes:
            assert manager.stop(process) == 0
    assert set(statuses) == {200, 201} and sum(statuses.values()) > 100 * RESTARTS, statuses
