"""The server: accepts connections, closes those that take too long, and hands requests to threads."""

import resource
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any
from wsgiref.types import WSGIApplication

from waitress import wasyncore
from waitress.server import BaseWSGIServer, TcpWSGIServer, UnixWSGIServer

from backend.config.settings import Settings
from backend.middleware.connections.adjustments import ServerAdjustments, adjust
from backend.middleware.connections.channel import Channel
from backend.middleware.connections.lanes import Lanes
from backend.middleware.connections.notices import Notices
from backend.middleware.connections.timed_channel import SLOW_CLIENT
from backend.middleware.connections.timers import Times
from backend.middleware.connections.watching import WatchedSockets
from backend.utils import spool

MAX_CONNECTIONS = 800  # open at once; if all are busy, a few more are accepted and answered 503
MIN_CONNECTIONS = 16
SURPLUS_DIVISOR = 4  # a quarter of the allowed connections may come on top, and is answered 503
MAX_DESCRIPTORS, OTHER_DESCRIPTORS = 4096, 200
CLOSED_AT_ONCE = 8  # idle connections, if no descriptor is free
# Of unsent bytes in the kernel for each connection. By default it keeps megabytes for a client that reads nothing.
KERNEL_BYTES = 256 << 10
TIMES = Times()


class Server(BaseWSGIServer):
    """The server of waitress, with other limits. TcpServer and UnixServer are its two forms."""

    channel_class = Channel
    active_channels: dict[int, Channel]
    is_draining = False
    owns_socket = True  # otherwise the service manager owns it

    def __init__(
        self, app: WSGIApplication, listener: socket.socket, adjustments: ServerAdjustments, times: Times
    ) -> None:
        self.times = times
        self.lanes, self.notices = Lanes(adjustments.threads, adjustments.streams), Notices()
        self.with_pipelined: set[Channel] = set()
        self._accept_at = self._sweep_at = 0.0
        self.sockets = WatchedSockets()
        self._calls: deque[Callable[[Server], None]] = deque()
        self.max_connections = max_connections(adjustments.streams)
        super().__init__(
            app,
            self.sockets,
            _sock=listener,
            dispatcher=self.lanes,
            adj=adjustments,
            bind_socket=False,
            sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
        )
        spool.quota.when_full = self._close_slowest

    def run(self) -> None:
        """Serve until SystemExit is raised in this thread."""
        try:
            while self._map:
                self.turn()
        except (SystemExit, KeyboardInterrupt):
            self.lanes.shutdown()

    def turn(self) -> None:
        """Run one turn of the main loop: do what is due, then wait for connections."""
        while self._calls:
            self._calls.popleft()(self)
        self._read_pipelined()
        self._sweep(time.monotonic())
        self.sockets.wait(self.times.sweep)

    def call_soon(self, call: Callable[["Server"], None]) -> None:
        """Call a function with the server before the next turn. Signal handlers may use it."""
        self._calls.append(call)
        self.pull_trigger()

    def pull_trigger(self) -> None:
        """Wake the main thread, to look at all connections. Any thread may call this."""
        self.trigger.pull_trigger(self.sockets.watch_all)

    def readable(self) -> bool:
        """Return whether to accept connections now."""
        return self.accepting and time.monotonic() >= self._accept_at

    def handle_accept(self) -> None:
        """Accept waiting connections. The more are open, the more are accepted at once."""
        for _ in range(1 + len(self.active_channels) // 100):
            try:
                accepted = self.accept()
            except OSError as error:
                self._wait_for_descriptors(error)
                return
            if accepted is None:
                return
            self._admit(*accepted)

    def set_socket_options(self, conn: socket.socket) -> None:
        """Set the options of a new connection."""
        super().set_socket_options(conn)
        if conn.family != socket.AF_UNIX and hasattr(socket, "TCP_NOTSENT_LOWAT"):
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, KERNEL_BYTES)

    def _admit(self, conn: socket.socket, address: Any) -> None:
        try:
            self.set_socket_options(conn)
        except OSError:  # the client has closed it already
            conn.close()
            return
        surplus = len(self.active_channels) + 1 - self.max_connections
        if surplus > 0 and not self.is_draining and self._close_oldest():
            surplus = 0
        channel = Channel(self, conn, self.fix_addr(address), self.adj, map=self._map)
        channel.is_surplus = surplus > 0
        if surplus > max(MIN_CONNECTIONS, self.max_connections // SURPLUS_DIVISOR):
            channel.abort()

    def _wait_for_descriptors(self, error: OSError) -> None:
        """Accept no connections for a moment, and close some that are idle."""
        self._accept_at = time.monotonic() + self.times.without_descriptors
        self.notices.warn("cannot accept connections", reason=error.strerror)
        if not self.is_draining:
            for _ in range(CLOSED_AT_ONCE):
                self._close_oldest(only_idle=True)

    def _close_oldest(self, *, only_idle: bool = False) -> bool:
        """Close the connection that has been idle longest, or else the slowest; return whether there was one."""
        channels = list(self.active_channels.values())
        if idle := [(channel.idle_since, channel) for channel in channels if channel.is_idle()]:
            _oldest(idle).handle_close()
            return True
        if only_idle:
            return False
        slow = [
            (channel.unsent_since, channel)
            for channel in channels
            if channel.total_outbufs_len and channel.unsent_since
        ]
        slow = slow or [
            (channel.began_at, channel) for channel in channels if channel.is_in_body() and not channel.requests
        ]
        latest = time.monotonic() - self.times.spared
        if slow := [(since, channel) for since, channel in slow if since < latest]:
            oldest = _oldest(slow)
            oldest.closed_because = SLOW_CLIENT
            oldest.abort()
        return bool(slow)

    def _close_slowest(self) -> None:
        """Close the connection whose response has waited longest. Any thread may call this."""
        unsent = [
            (channel.unsent_since, channel)
            for channel in list(self.active_channels.values())
            if channel.unsent_since and not channel.will_close
        ]
        if unsent:
            oldest = _oldest(unsent)
            oldest.closed_because, oldest.will_close = SLOW_CLIENT, True
            self.pull_trigger()
            self.notices.warn("connection of a slow client closed, others need the room")

    def _read_pipelined(self) -> None:
        """Read the next pipelined request of connections whose last request has been answered."""
        for channel in list(self.with_pipelined):
            if not channel.connected or channel.can_read_next():
                self.with_pipelined.discard(channel)
                if channel.connected:
                    wasyncore.read(channel)  # which closes the connection if reading fails

    def _sweep(self, now: float) -> None:
        """Close the connections that are too slow or idle for too long."""
        if now < self._sweep_at:
            return
        self._sweep_at = now + self.times.sweep
        for channel in list(self.active_channels.values()):
            if channel.will_close:
                channel.abort()
            elif channel.is_too_slow(now):
                self._end(channel)
        self.sockets.watch_all()  # some wait for a time to pass
        self.notices.flush(now)

    def _end(self, channel: Channel) -> None:
        """Close a connection that is too slow; answer 408 if its request is incomplete."""
        if channel.has_undelivered():
            self.notices.warn("connection of a slow client closed", address=channel.addr[0])
            channel.closed_because = SLOW_CLIENT
            channel.abort()
        elif not channel.time_out():
            channel.handle_close()


def _oldest(channels: list[tuple[float, Channel]]) -> Channel:
    """Return the channel of the pair with the earliest time."""
    return min(channels, key=lambda pair: pair[0])[1]


class TcpServer(Server, TcpWSGIServer):
    """A server on a port."""


class UnixServer(Server, UnixWSGIServer):
    """A server on a Unix socket."""


def open_server(app: WSGIApplication, listener: socket.socket, settings: Settings, times: Times = TIMES) -> Server:
    """Return a server that listens on a bound socket. Connections wait until `run` is called."""
    _raise_descriptor_limit(MAX_DESCRIPTORS + 2 * settings.streams)
    return (UnixServer if listener.family == socket.AF_UNIX else TcpServer)(app, listener, adjust(settings), times)


def max_connections(streams: int) -> int:
    """Return how many connections may be open at once with the descriptors that this process may have."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS + streams
    return min(MAX_CONNECTIONS + streams, max(MIN_CONNECTIONS, descriptors - OTHER_DESCRIPTORS))


def _raise_descriptor_limit(wanted: int) -> None:
    """Raise the limit of descriptors as far as allowed: a connection may need two, for its socket and a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
