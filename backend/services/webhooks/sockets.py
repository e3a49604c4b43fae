"""Sockets whose operations all end at one moment, however slowly the other side sends."""

import io
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

from backend.utils.addresses import Address

SENT_AT_ONCE = 64 << 10

Result = TypeVar("Result")


class Deadline(NamedTuple):
    """A moment, as a reading of time.monotonic()."""

    ends_at: float

    def left(self) -> float:
        """Return the seconds left. Raises TimeoutError if there are none."""
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def run(self, function: Callable[[], Result]) -> Result:
        """Return the result of a function that cannot be stopped, such as the look-up of a name.

        Raises OSError or ValueError as the function does, and TimeoutError at the deadline; the function then goes on
        in its thread.
        """
        results: queue.SimpleQueue[Callable[[], Result]] = queue.SimpleQueue()
        threading.Thread(target=lambda: results.put(_outcome(function)), daemon=True).start()
        try:
            return results.get(timeout=self.left())()
        except queue.Empty as error:
            raise TimeoutError from error


def _outcome(function: Callable[[], Result]) -> Callable[[], Result]:
    """Call the function; return a function that returns or raises the same."""
    try:
        result = function()
    except (OSError, ValueError) as raised:
        error = raised

        def fail() -> Result:
            raise error

        return fail
    return lambda: result


class TimedSocket:
    """A connected socket for http.client, which reads at most `max_bytes`."""

    def __init__(self, connected: socket.socket, deadline: Deadline, max_bytes: int) -> None:
        self._socket, self._deadline, self._bytes_left = connected, deadline, max_bytes

    def limit_to(self, seconds: float) -> None:
        """Let the deadline be in so many seconds, unless it is earlier."""
        self._deadline = min(self._deadline, Deadline(time.monotonic() + seconds))

    def sendall(self, data: bytes) -> None:
        """Send all data. Raises OSError."""
        for start in range(0, len(data), SENT_AT_ONCE):
            self._socket.settimeout(self._deadline.left())
            self._socket.sendall(data[start : start + SENT_AT_ONCE])

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return a file that reads from the socket."""
        return io.BufferedReader(_Incoming(self))

    def receive_into(self, buffer: Any) -> int:
        """Read into a buffer; return how many bytes, 0 at the end. Raises OSError, and ValueError at the limit."""
        view = memoryview(buffer)[: self._bytes_left]
        if not view:
            raise ValueError("more bytes than allowed")
        self._socket.settimeout(self._deadline.left())
        received = self._socket.recv_into(view)
        self._bytes_left -= received
        return received

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class _Incoming(io.RawIOBase):
    def __init__(self, source: TimedSocket) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._source.receive_into(buffer)


def connect(addresses: Sequence[Address], port: int, deadline: Deadline) -> socket.socket:
    """Return a socket that is connected to the first of the addresses that answers. Raises OSError."""
    for number, address in enumerate(addresses, 1):
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        connecting = socket.socket(family, socket.SOCK_STREAM)
        try:
            connecting.settimeout(deadline.left() / (len(addresses) - number + 1))
            connecting.connect((str(address), port))
        except OSError:
            connecting.close()
            if number == len(addresses):
                raise
        else:
            return connecting
    raise AssertionError("a name has at least one address")


def encrypted(connected: socket.socket, host: str, deadline: Deadline) -> socket.socket:
    """Return the socket with TLS, after the certificate was checked for the host. Raises OSError, also SSLError."""
    try:
        connected.settimeout(deadline.left())
        return _tls().wrap_socket(connected, server_hostname=host)
    except OSError:
        connected.close()
        raise


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()  # reading the certificates takes milliseconds
