"""Processes on one listening socket, started and stopped as systemd does it."""

import signal
import socket
import subprocess
import sys

from tests.server import ROOT, START_SECONDS, STOP_SECONDS, environment

# As systemd starts a process with a socket, sd_listen_fds(3): descriptor 3, and the id of the process itself.
START = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$1" 3<&"$2"'


class Manager:
    """Starts processes on one listening socket, and hears when they are ready, as systemd does.

    `variables` are more of their environment, `stderr` the file for their log lines, by default `server.log` in the
    folder, which has what they print, too.
    """

    def __init__(self, folder, settings, variables=None, stderr=None):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self._heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._heard.bind(str(folder / "notify"))
        self._heard.settimeout(START_SECONDS)
        self._folder, self._stderr = folder, stderr
        self._environment = environment(settings) | {"NOTIFY_SOCKET": str(folder / "notify")} | (variables or {})

    def start(self):
        """Return a process that is ready."""
        with (self._folder / "server.log").open("ab") as log:
            process = subprocess.Popen(
                ["bash", "-c", START, sys.executable, ROOT / "wsgi.py", str(self.listener.fileno())],
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=self._stderr or log,
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
