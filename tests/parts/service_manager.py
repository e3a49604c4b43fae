"""Processes on one listening socket, started and stopped as systemd does it."""

import signal
import socket

from tests.parts.server import START_SECONDS, STOP_SECONDS, environment, start_process


class Manager:
    """Starts processes on one listening socket, and is notified when they are ready, as systemd is.

    `variables` are added to their environment. `stderr` is the file for their log lines, by default `server.log` in the
    folder, which also has their standard output.
    """

    def __init__(self, folder, settings, variables=None, stderr=None):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self._notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notifications.bind(str(folder / "notify"))
        self._notifications.settimeout(START_SECONDS)
        self._folder, self._stderr = folder, stderr
        self._environment = environment(settings) | {"NOTIFY_SOCKET": str(folder / "notify")} | (variables or {})

    def start(self):
        """Return a process that is ready."""
        with (self._folder / "server.log").open("ab") as log:
            process = start_process(self._folder, self._environment, log, self._stderr or log, listener=self.listener)
        self._wait_for(b"READY=1")
        return process

    def stop(self, process):
        """End a process and return its exit status."""
        process.send_signal(signal.SIGTERM)
        self._wait_for(b"STOPPING=1")
        return process.wait(STOP_SECONDS)

    def _wait_for(self, state):
        while self._notifications.recv(100) != state:
            pass

    def close(self):
        """Close the sockets."""
        self.listener.close()
        self._notifications.close()
