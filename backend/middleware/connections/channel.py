"""A connection: reads its requests, and ends when the last response has been sent."""

import contextlib
import socket
import struct
import time
from typing import Any, Protocol

from backend.middleware.connections.adjustments import ServerAdjustments
from backend.middleware.connections.lanes import is_liveness
from backend.middleware.connections.parser import HeadAlone, Parser
from backend.middleware.connections.refusals import Refusal
from backend.middleware.connections.sending_channel import SendingChannel, SendingServer
from backend.middleware.connections.tasks import JsonErrorTask, Task
from backend.middleware.connections.watching import WatchedSockets

DISCARDED_BYTES = 128 << 10  # read at once while a connection lingers
BUSY = "The server is handling as many requests as it can; try again shortly."
ABORT = struct.pack("ii", 1, 0)  # the value of SO_LINGER with which closing discards what the kernel has yet to send


class ChannelServer(SendingServer, Protocol):
    """The parts of the server that a connection uses."""

    with_pipelined: set["Channel"]
    sockets: WatchedSockets

    def add_task(self, channel: "Channel") -> None:
        """Queue the first request of a connection for a worker."""


class Host:
    """The server as a connection sees it: what would wake the main thread only has this connection watched.

    Otherwise the main thread would look at all connections after every response. Together with `joining`, this saves 12
    of 30 system calls for a request at 4 connections.
    """

    def __init__(self, server: "ChannelServer", channel: "Channel") -> None:
        self._server, self._channel = server, channel

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server, name)

    def pull_trigger(self) -> None:
        """Watch the connection for what it wants now; wake the main thread if a pipelined request waits."""
        if self._channel in self._server.with_pipelined:
            self._server.pull_trigger()
        else:
            self._server.sockets.watch(self._channel)


class Channel(SendingChannel):
    """A connection that no worker ever waits for.

    The next request is read from the socket only when the response to the one before has been sent.
    """

    parser_class = Parser
    task_class = Task
    error_task_class = JsonErrorTask
    server: ChannelServer
    adj: ServerAdjustments
    queued_at = 0.0  # when its request was queued for a worker
    lingers = False  # whether the client may still be sending bytes that nobody needs
    is_surplus = False  # whether there were already as many connections as allowed

    def __init__(
        self,
        server: ChannelServer,
        sock: socket.socket,
        addr: Any,
        adj: ServerAdjustments,
        map: dict[int, Any] | None = None,
    ) -> None:
        super().__init__(Host(server, self), sock, addr, adj, map=map)
        self._pipelined = b""  # bytes of the requests after the current one

    def readable(self) -> bool:
        """Return whether to read from the socket. The main thread asks before it waits."""
        if self.is_lingering_since is not None:
            return True
        is_done = not (self.requests or self.total_outbufs_len or self.will_close or self.close_when_flushed)
        return is_done and not self._pipelined

    def handle_read(self) -> None:
        """Read bytes from the socket; discard them if the connection only lingers."""
        if self.is_lingering_since is not None:
            if not self._discard_input():
                self.handle_close()
        elif self._pipelined:
            data, self._pipelined = self._pipelined, b""
            self.received(data)
        else:
            super().handle_read()

    def is_gone(self) -> bool:
        """Return whether the client has closed the connection, while nothing is read from it."""
        try:
            return not self.connected or not self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _discard_input(self) -> bytes:
        try:
            return self.socket.recv(DISCARDED_BYTES)
        except BlockingIOError:
            return b"nothing yet"  # not empty: the connection is still open
        except OSError:
            return b""

    def received(self, data: bytes) -> bool:
        """Read at most one request from the bytes; keep the rest until it has been answered."""
        self.received_bytes += len(data)
        with self.requests_lock:
            while data and not (self.requests or self.will_close or self.close_when_flushed):
                data = data[self._receive_some(data) :]
            self._pipelined = data
        if data:
            self.server.with_pipelined.add(self)
        return True

    def can_read_next(self) -> bool:
        """Return whether the next pipelined request can be read."""
        return not (self.requests or self.total_outbufs_len)

    def _receive_some(self, data: bytes) -> int:
        if self.request is None:
            self.request, self.began_at = self.parser_class(self.adj), time.monotonic()
        request = self.request
        count = request.received(data)
        if self.is_surplus and request.headers_finished and not is_liveness(request):
            request.error, request.completed = request.error or Refusal(503, BUSY), True
        elif request.must_be_admitted():
            self.requests.append(HeadAlone(request))
            self.server.add_task(self)
            return count  # once the body is admitted, service() sends `100 Continue`
        if request.expect_continue and not (request.error or self.sent_continue) and request.headers_finished:
            self.send_continue()
        if request.completed:
            self.sent_continue, self.request = False, None
            if not request.empty:
                self.idle_since = time.monotonic()
                self.requests.append(request)
                self.server.add_task(self)
        return count

    def time_out(self) -> bool:
        """Answer a request whose body arrives too slowly with 408; return whether there was one."""
        with self.requests_lock:
            request = self.request
            if request is None or self.requests or not request.headers_finished:
                return False
            request.error = Refusal(408, "The body of the request arrived too slowly.")
            self.request = None
            self.requests.append(request)
            self.server.add_task(self)
            return True

    def handle_write(self) -> None:
        """Send some of the buffered bytes; close the connection if it should end and all of them are sent."""
        if not self.will_close and self.outbuf_lock.acquire(blocking=False):
            try:
                self._flush_exception(self._flush_some)
            finally:
                self.outbuf_lock.release()
        if self.will_close:
            self.handle_close()
        elif self.close_when_flushed and not self.total_outbufs_len:
            self._end()

    def _end(self) -> None:
        """Close the connection; if the client may still be sending, give it time to read the response first."""
        if not self.lingers and not self._pipelined:
            self.handle_close()
            return
        # Closing a socket with unread bytes resets the connection, and the client would not see the response.
        self._pipelined, self.is_lingering_since = b"", time.monotonic()
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.handle_close()

    def abort(self) -> None:
        """Close the connection at once, and discard what the kernel has yet to send."""
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        self.handle_close()
