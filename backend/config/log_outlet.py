"""Standard error as the place of log lines: whatever becomes of it, whoever writes a line goes on."""

import os
import select
import socket
import stat
import threading
from collections.abc import Callable

STDERR = 2
PATIENCE_MS = 100


class LogOutlet:
    """Writes lines to standard error, each by one system call, and counts those that are lost.

    It may be closed, on a full disk, or a pipe or socket whose reader has ended or stopped. A reader that is behind is
    waited for once, then each line is tried and let go of, until the reader goes on. The first line that arrives again
    is followed by a call of `report_lost(number of lines)`.
    """

    def __init__(self, report_lost: Callable[[int], None]):
        self._report_lost = report_lost
        self._lock, self._lost, self._is_stalled = threading.Lock(), 0, False
        self._identity, self._send, self._own = None, None, None

    def write(self, text: str) -> None:
        """Write text that ends a line."""
        if not self._put(text.encode(errors="backslashreplace")):
            with self._lock:
                self._lost += 1
        elif self._lost:
            with self._lock:
                lost, self._lost = self._lost, 0
            if lost:
                self._report_lost(lost)

    def flush(self) -> None:
        """Do nothing: no line waits."""

    def _put(self, line: bytes) -> bool:
        """Return whether the line was written."""
        try:
            status = os.fstat(STDERR)
            if self._identity != (status.st_dev, status.st_ino):
                self._open(status)
            while line:
                try:
                    line = line[self._send(line) :]
                except BlockingIOError:
                    if not self._can_go_on():
                        return False
        except OSError:
            self._identity = None
            return False
        self._is_stalled = False
        return True

    def _can_go_on(self) -> bool:
        """Return whether the reader has made room, which the first line that finds none waits for."""
        if not self._is_stalled:
            poll = select.poll()
            poll.register(STDERR, select.POLLOUT)
            self._is_stalled = not poll.poll(PATIENCE_MS)
        return not self._is_stalled

    def _open(self, status: os.stat_result) -> None:
        """Find the way to write that never blocks.

        O_NONBLOCK on the descriptor itself would hold for other programs, too, that share it.
        """
        with self._lock:
            self._close_own()
            if stat.S_ISSOCK(status.st_mode):
                self._own = own = socket.socket(fileno=os.dup(STDERR))
                self._send = lambda line: own.send(line, socket.MSG_DONTWAIT)
            elif stat.S_ISFIFO(status.st_mode):
                flags = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC
                self._own = own = os.fdopen(os.open(f"/dev/fd/{STDERR}", flags), "wb", buffering=0)
                self._send = lambda line: os.write(own.fileno(), line)
            else:
                self._send = lambda line: os.write(STDERR, line)
            self._identity = (status.st_dev, status.st_ino)

    def _close_own(self) -> None:
        if self._own is not None:
            self._own.close()
            self._own = None


def hold_standard_streams() -> None:
    """Open /dev/null in place of a standard stream that is closed, or the next file or socket would be taken for it."""
    for descriptor in range(STDERR + 1):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
