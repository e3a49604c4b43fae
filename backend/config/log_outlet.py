"""Log lines on standard error, which never block or fail the thread that writes them."""

import io
import os
import select
import socket
import stat
import threading
from collections.abc import Callable

STDERR = 2
MAX_WAIT_MS = 100  # for a slow reader


class LogOutlet:
    """Writes lines to standard error, each with one system call, and counts lost lines.

    Standard error may be closed, on a full disk, or a pipe or socket whose reader has ended or stopped. If the reader
    is slow, the first line waits for it. Then each line is tried once and dropped if it does not fit, until the reader
    continues. After the first line that is written again, `report_lost(number of lines)` is called.
    """

    def __init__(self, report_lost: Callable[[int], None]) -> None:
        self._report_lost = report_lost
        self._lock, self._lost, self._is_stalled = threading.Lock(), 0, False
        self._identity: tuple[int, int] | None = None  # (device, inode) of standard error
        self._send: Callable[[bytes], int] = lambda line: os.write(STDERR, line)
        self._own: socket.socket | io.RawIOBase | None = None

    def write(self, text: str) -> None:
        """Write a text, which must end with a line break."""
        if not self._put(text.encode(errors="backslashreplace")):
            with self._lock:
                self._lost += 1
        elif self._lost:
            with self._lock:
                lost, self._lost = self._lost, 0
            if lost:
                self._report_lost(lost)

    def flush(self) -> None:
        """Do nothing: no line is buffered."""

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
                    if not self._can_continue():
                        return False
        except OSError:
            self._identity = None
            return False
        self._is_stalled = False
        return True

    def _can_continue(self) -> bool:
        """Return whether there is room for more; only the first line without room waits."""
        if not self._is_stalled:
            poll = select.poll()
            poll.register(STDERR, select.POLLOUT)
            self._is_stalled = not poll.poll(MAX_WAIT_MS)
        return not self._is_stalled

    def _open(self, status: os.stat_result) -> None:
        """Choose a way to write that never blocks.

        O_NONBLOCK on standard error itself would also affect other programs that share it.
        """
        with self._lock:
            self._close_own()
            if stat.S_ISSOCK(status.st_mode):
                self._own = connection = socket.socket(fileno=os.dup(STDERR))
                self._send = lambda line: connection.send(line, socket.MSG_DONTWAIT)
            elif stat.S_ISFIFO(status.st_mode):
                flags = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC
                self._own = pipe = os.fdopen(os.open(f"/dev/fd/{STDERR}", flags), "wb", buffering=0)
                self._send = lambda line: os.write(pipe.fileno(), line)
            else:
                self._send = lambda line: os.write(STDERR, line)
            self._identity = (status.st_dev, status.st_ino)

    def _close_own(self) -> None:
        if self._own is not None:
            self._own.close()
            self._own = None


def hold_standard_streams() -> None:
    """Open /dev/null for each closed standard stream; otherwise the next file or socket would get its number."""
    for descriptor in range(STDERR + 1):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # uses the lowest free number
