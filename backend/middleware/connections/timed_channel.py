"""The times of a connection: how long its client takes, and whether that is too long."""

import fcntl
import socket
import struct
import termios
import time
from typing import Any, Protocol

from waitress.channel import HTTPChannel

from backend.middleware.connections.adjustments import ServerAdjustments
from backend.middleware.connections.parser import HeadAlone, Parser
from backend.middleware.connections.timers import Pace, Times

SLOW_CLIENT, NO_SPACE = "slow client", "no space"  # reasons of the server to close a connection


class TimedServer(Protocol):
    """The part of the server that has the time limits."""

    times: Times


class TimedChannel(HTTPChannel):
    """A connection that measures when its client sends and reads bytes, and how many."""

    request: Parser | None
    requests: list[Parser | HeadAlone]
    closed_because: str | None = None  # the reason if the server closes it before a response has ended
    held_until = 0.0  # nothing is sent before this time
    is_lingering_since: float | None = None

    def __init__(
        self,
        server: TimedServer,
        sock: socket.socket,
        addr: Any,
        adj: ServerAdjustments,
        map: dict[int, Any] | None = None,
    ) -> None:
        super().__init__(server, sock, addr, adj, map=map)
        self.sent_bytes = self.received_bytes = 0
        # The end of the last request or response; the first byte of the current request; since when a response waits.
        self.idle_since = self.began_at = time.monotonic()
        self.unsent_since: float | None = None
        times = self.times = server.times
        self._pace_out, self._pace_in = (Pace(times.pace, times.least_pace) for _ in range(2))
        self._pace_at_stop = Pace(times.pace_at_stop, times.least_pace_at_stop)

    def _in_kernel(self) -> int:
        """Return how many sent bytes the client has not acknowledged yet."""
        try:
            (count,) = struct.unpack("i", fcntl.ioctl(self.socket, termios.TIOCOUTQ, bytes(4)))
        except (OSError, ValueError, TypeError):  # the socket is closed
            return 0
        return int(count)

    def unsent_bytes(self) -> int:
        """Return how many bytes of responses wait in buffers."""
        return int(self.total_outbufs_len)

    def has_undelivered(self) -> bool:
        """Return whether the client has yet to receive a part of a response."""
        return self.is_lingering_since is None and bool(self.total_outbufs_len or self._in_kernel())

    def is_idle(self) -> bool:
        """Return whether the connection is idle: it has no response, and no request but perhaps a part of a head."""
        return not (self.requests or self.total_outbufs_len or self.is_in_body())

    def is_in_body(self) -> bool:
        """Return whether the body of a request is arriving."""
        return self.request is not None and self.request.headers_finished

    def is_too_slow(self, now: float) -> bool:
        """Return whether the client takes too long for its next step."""
        if self.is_lingering_since is not None:
            return now - self.is_lingering_since > self.times.linger
        if now < self.held_until:
            return False
        if not self.is_idle():
            self.idle_since = now
        in_kernel = self._in_kernel()
        if self.total_outbufs_len:
            self.unsent_since = self.unsent_since or now
        else:
            self.unsent_since = None
        if self.total_outbufs_len or in_kernel:
            return self._pace_out.is_too_slow(self.sent_bytes - in_kernel, now)
        self._pace_out.rest()
        if self.is_in_body() and not self.requests:
            return self._pace_in.is_too_slow(self.received_bytes, now)
        self._pace_in.rest()
        return self.is_idle() and self._is_idle_too_long(now)

    def _is_idle_too_long(self, now: float) -> bool:
        if self.request is None:
            return now - self.idle_since > self.times.idle
        return now - self.began_at > self.times.head or now - self.idle_since > self.times.idle + self.times.head

    def is_busy(self, now: float) -> bool:
        """Return whether a stop of the server must wait for this connection."""
        if self.requests:
            return True
        if self.is_lingering_since is not None or not (self.total_outbufs_len or self.request):
            return False
        return not self._pace_at_stop.is_too_slow(self.sent_bytes - self._in_kernel() + self.received_bytes, now)
