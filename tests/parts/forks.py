"""Server processes that start at once: forks of one process that has everything imported.

The imports of `python wsgi.py` take a second, and the tests start more than a hundred servers. A fork already has the
imports. It runs the same `wsgi.py` as its main program, with its own folder, environment variables and descriptors.

`python -m tests.parts.forks <descriptor>` is the process that forks.
"""

import array
import atexit
import fcntl
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
MESSAGE_BYTES = 100_000
PASSED = 3  # the number of the first descriptor that is passed to a process, see sd_listen_fds(3)
HIGH_DESCRIPTOR = 200  # above all descriptors of the process that forks
STATUS = struct.Struct("i")


class Fork:
    """A forked process, with the interface of subprocess.Popen."""

    def __init__(self, pid: int, status: int):
        self.pid, self.returncode = pid, None
        self._status = status  # the descriptor from which its exit status can be read

    def poll(self) -> int | None:
        """Return the exit status, or None while the process runs."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit status. Raises subprocess.TimeoutExpired after `timeout` seconds."""
        if self._look(timeout) is None:
            raise subprocess.TimeoutExpired(["wsgi.py"], timeout)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it has ended since
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended."""
        self.send_signal(signal.SIGKILL)

    def _look(self, seconds):
        if self.returncode is None and _can_read(self._status, seconds):
            message = os.read(self._status, STATUS.size)
            os.close(self._status)
            assert message, "the process that forks has ended"
            self.returncode = STATUS.unpack(message)[0]
        return self.returncode


def _can_read(descriptor, seconds):
    polled = select.poll()  # select.select() refuses descriptors from 1024 on
    polled.register(descriptor, select.POLLIN)
    return polled.poll(None if seconds is None else seconds * 1000)


class Forker:
    """Starts the process that forks at the first call. That process ends with the process of the tests."""

    def __init__(self):
        self._lock, self._control = threading.Lock(), None

    def fork(self, folder: Path, variables: dict, stdout: int, stderr: int, *passed: int) -> Fork:
        """Start a server in a folder with these variables and descriptors."""
        message = json.dumps({"folder": str(folder), "variables": variables}).encode()
        reader, writer = os.pipe()
        try:
            with self._lock:
                control = self._open()
                socket.send_fds(control, [message], [writer, stdout, stderr, *passed])
                return Fork(int(control.recv(20)), reader)
        finally:
            os.close(writer)

    def _open(self):
        if self._control is None:
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                command = [sys.executable, "-m", "tests.parts.forks", str(theirs.fileno())]
                # In a session of its own, so that Ctrl-C reaches the tests, which stop their servers.
                options = {"cwd": ROOT, "pass_fds": [theirs.fileno()], "start_new_session": True}
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **options)
            atexit.register(self._close, process)
        return self._control

    def _close(self, process):
        self._control.close()
        process.wait()


def _serve(control):
    """Fork for each request until the tests end. In a fork, return the request and its descriptors."""
    running = {}  # map of pidfd to (process id, descriptor to which the exit status is written)
    while True:
        for ready in select.select([control, *running], [], [])[0]:
            if ready != control:
                pid, status = running.pop(ready)
                _report(os.waitpid(pid, 0)[1], status)
                os.close(ready)
                continue
            message, descriptors = _receive(control)
            if not message:  # the tests have ended or were killed: end all servers
                for pid, _ in running.values():
                    os.kill(pid, signal.SIGKILL)
                sys.exit()
            pid = os.fork()
            if pid == 0:
                return json.loads(message), descriptors[1:]
            control.send(str(pid).encode())
            running[os.pidfd_open(pid)] = (pid, descriptors[0])
            for descriptor in descriptors[1:]:
                os.close(descriptor)


def _receive(control):
    room = socket.CMSG_SPACE(8 * array.array("i").itemsize)
    message, ancillary, _, _ = control.recvmsg(MESSAGE_BYTES, room)
    descriptors = array.array("i")
    for _, _, data in ancillary:
        descriptors.frombytes(data)
    return message, list(descriptors)


def _report(status, writer):
    with suppress(BrokenPipeError):  # nobody waits for the process any more
        os.write(writer, STATUS.pack(os.waitstatus_to_exitcode(status)))
    os.close(writer)


def _prepare_fork(request, descriptors):
    """Set the folder, the environment variables and the descriptors of the fork, and close all others."""
    descriptors = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, HIGH_DESCRIPTOR) for descriptor in descriptors]
    os.closerange(PASSED, HIGH_DESCRIPTOR)
    for place, descriptor in zip((1, 2, PASSED), descriptors, strict=False):
        os.dup2(descriptor, place)
        os.close(descriptor)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["variables"])
    if len(descriptors) > 2:
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
    time.tzset()
    sys.argv = [str(ROOT / "wsgi.py")]


if __name__ == "__main__":
    control = socket.socket(fileno=int(sys.argv[1]))
    importlib.import_module("backend.server")
    assert threading.active_count() == 1, "a fork has one thread only"
    gc.collect()
    gc.freeze()
    _prepare_fork(*_serve(control))
    control.detach()
    runpy.run_path(sys.argv[0], run_name="__main__")
