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
from backend.middleware.connections.timers import Times
from backend.utils import spool

MOST_CONNECTIONS = 800  # open at once; when all of them are busy, some more are accepted and told so
LEAST_CONNECTIONS = 16
SURPLUS_SHARE = 4
MOST_DESCRIPTORS, DESCRIPTORS_FOR_OTHERS = 4096, 200
CLOSED_FOR_DESCRIPTORS = 8
# The kernel keeps this much for a client beyond what is on its way; by default, megabytes for each that reads nothing.
KERNEL_BYTES = 256 << 10
TIMES = Times()


class Server(BaseWSGIServer):
    """What servers on ports and on Unix sockets have in common here, unlike waitress's."""

    channel_class = Channel
    active_channels: dict[int, Channel]
    is_draining = False
    owns_socket = True  # else the manager of services does

    def __init__(
        self, app: WSGIApplication, listener: socket.socket, adjustments: ServerAdjustments, times: Times
    ) -> None:
        self.times = times
        self.lanes, self.notices = Lanes(adjustments.threads), Notices()
        self.with_ahead: set[Channel] = set()
        self._accept_at = self._sweep_at = 0.0
        self._calls: deque[Callable[[Server], None]] = deque()
        self.most_connections = most_connections()
        super().__init__(
            app,
            {},
            _sock=listener,
            dispatcher=self.lanes,
            adj=adjustments,
            bind_socket=False,
            sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
        )
        spool.room.when_full = self._close_slowest

    def run(self) -> None:
        """Serve until SystemExit is raised in this thread."""
        try:
            while self._map:
                self.turn()
        except (SystemExit, KeyboardInterrupt):
            self.lanes.shutdown()

    def turn(self) -> None:
        """Do what is due, or wait for it: the loop of the main thread calls nothing else."""
        while self._calls:
            self._calls.popleft()(self)
        self._go_on()
        self._sweep(time.monotonic())
        wasyncore.poll2(min(self.adj.asyncore_loop_timeout, self.times.sweep), self._map)

    def call_soon(self, call: Callable[["Server"], None]) -> None:
        """Call a function with the server before the next turn; a signal handler may ask for it."""
        self._calls.append(call)
        self.pull_trigger()

    def readable(self) -> bool:
        """Tell whether to accept connections now."""
        return self.accepting and time.monotonic() >= self._accept_at

    def handle_accept(self) -> None:
        """Accept connections; the more there are, the more at once."""
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
        except OSError:  # the client has left already
            conn.close()
            return
        surplus = len(self.active_channels) + 1 - self.most_connections
        if surplus > 0 and not self.is_draining and self._close_oldest():
            surplus = 0
        channel = Channel(self, conn, self.fix_addr(address), self.adj, map=self._map)
        channel.is_surplus = surplus > 0
        if surplus > max(LEAST_CONNECTIONS, self.most_connections // SURPLUS_SHARE):
            channel.abort()

    def _wait_for_descriptors(self, error: OSError) -> None:
        """Leave new connections to the kernel for a moment, and close some that have nothing to do."""
        self._accept_at = time.monotonic() + self.times.without_descriptors
        self.notices.warn("cannot accept connections", reason=error.strerror)
        if not self.is_draining:
            for _ in range(CLOSED_FOR_DESCRIPTORS):
                self._close_oldest(only_waiting=True)

    def _close_oldest(self, *, only_waiting: bool = False) -> bool:
        """Close the connection that is idle for longest, or else the slowest; tell whether there was one."""
        channels = list(self.active_channels.values())
        if waiting := [(each.rested_at, each) for each in channels if each.is_waiting()]:
            _oldest(waiting).handle_close()
            return True
        if only_waiting:
            return False
        slow = [(each.unsent_since, each) for each in channels if each.total_outbufs_len and each.unsent_since]
        slow = slow or [(each.began_at, each) for each in channels if each.is_in_body() and not each.requests]
        before = time.monotonic() - self.times.spared
        if slow := [(since, each) for since, each in slow if since < before]:
            _oldest(slow).abort()
        return bool(slow)

    def _close_slowest(self) -> None:
        """Close the connection whose answer has waited for longest; any thread may call it."""
        unsent = [
            (channel.unsent_since, channel)
            for channel in list(self.active_channels.values())
            if channel.unsent_since and not channel.will_close
        ]
        if unsent:
            _oldest(unsent).will_close = True
            self.pull_trigger()
            self.notices.warn("connection of a slow client closed, others need the room")

    def _go_on(self) -> None:
        """Read the next request of connections that sent several at once, when the one before has been answered."""
        for channel in list(self.with_ahead):
            if not channel.connected or channel.can_go_on():
                self.with_ahead.discard(channel)
                if channel.connected:
                    wasyncore.read(channel)  # a failure closes the connection

    def _sweep(self, now: float) -> None:
        """Close the connections that take too long."""
        if now < self._sweep_at:
            return
        self._sweep_at = now + self.times.sweep
        for channel in list(self.active_channels.values()):
            if channel.will_close:
                channel.abort()
            elif channel.is_too_slow(now):
                self._end(channel)
        self.notices.flush(now)

    def _end(self, channel: Channel) -> None:
        """Close a connection that takes too long."""
        if channel.has_untaken():
            self.notices.warn("connection of a slow client closed", address=channel.addr[0])
            channel.abort()
        elif not channel.time_out():
            channel.handle_close()


def _oldest(channels: list[tuple[float, Channel]]) -> Channel:
    """Return the channel of the earliest of the moments in these pairs."""
    return min(channels, key=lambda pair: pair[0])[1]


class TcpServer(Server, TcpWSGIServer):
    """A server on a port."""


class UnixServer(Server, UnixWSGIServer):
    """A server on a Unix socket."""


def open_server(app: WSGIApplication, listener: socket.socket, settings: Settings, times: Times = TIMES) -> Server:
    """Return the server that listens on a bound socket; connections wait until it runs."""
    _raise_descriptor_limit()
    return (UnixServer if listener.family == socket.AF_UNIX else TcpServer)(app, listener, adjust(settings), times)


def most_connections() -> int:
    """Return how many connections may be open at once, as far as the limit of descriptors allows."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return min(MOST_CONNECTIONS, max(LEAST_CONNECTIONS, descriptors - DESCRIPTORS_FOR_OTHERS))


def _raise_descriptor_limit() -> None:
    """Allow as many descriptors as the system does: besides its socket a connection may need one for a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
