"""A connection, from its first byte to its last."""

import contextlib
import socket
import struct
import time
from typing import Any, Protocol

from waitress.buffers import ReadOnlyFileBasedBuffer
from waitress.channel import ClientDisconnected

from backend.middleware.connections import boxes
from backend.middleware.connections.adjustments import ServerAdjustments
from backend.middleware.connections.lanes import is_liveness
from backend.middleware.connections.notices import Notices
from backend.middleware.connections.parser import HeadAlone, Parser
from backend.middleware.connections.refusals import Refusal
from backend.middleware.connections.tasks import JsonErrorTask, Task
from backend.middleware.connections.timed_channel import TimedChannel, TimedServer
from backend.utils.spool import NoRoom

FLUSH_BYTES = 1 << 20  # sent at once to one client, before others get their turn
SEND_BYTES = 128 << 10
BUSY = "The server is handling as many requests as it can; try again shortly."
ABORT = struct.pack("ii", 1, 0)  # SO_LINGER: the kernel keeps nothing for the client


class ChannelServer(TimedServer, Protocol):
    """The server of a connection."""

    notices: Notices
    with_ahead: set["Channel"]

    def add_task(self, channel: "Channel") -> None:
        """Have the first request of a connection worked on."""

    def pull_trigger(self) -> None:
        """Wake the main thread."""


class Channel(TimedChannel):
    """A connection that no worker ever waits for.

    What the client does not take at once waits in boxes, and the loop of the main thread sends it. The next request is
    read from the socket only when the answer before it has been sent.
    """

    parser_class = Parser
    task_class = Task
    error_task_class = JsonErrorTask
    server: ChannelServer
    adj: ServerAdjustments
    outbufs: list[boxes.Box]
    queued_at = 0.0  # when its request began to wait for a worker
    lingers = False  # whether the client may still send what nobody reads
    is_surplus = False  # whether it came when there were already as many as there may be

    def __init__(
        self,
        server: ChannelServer,
        sock: socket.socket,
        addr: Any,
        adj: ServerAdjustments,
        map: dict[int, Any] | None = None,
    ) -> None:
        super().__init__(server, sock, addr, adj, map=map)
        self.outbufs = [boxes.MemoryBox()]
        self._ahead = b""  # of the requests behind the one in work

    # What comes in.

    def readable(self) -> bool:
        """Tell whether to read from the socket; the main thread asks before it waits."""
        if self.is_lingering_since is not None:
            return True
        is_done = not (self.requests or self.total_outbufs_len or self.will_close or self.close_when_flushed)
        return is_done and not self._ahead

    def handle_read(self) -> None:
        """Read what has come; throw it away if the connection only lingers."""
        if self.is_lingering_since is not None:
            if not self._receive_in_vain():
                self.handle_close()
        elif self._ahead:
            data, self._ahead = self._ahead, b""
            self.received(data)
        else:
            super().handle_read()

    def _receive_in_vain(self) -> bytes:
        try:
            return self.socket.recv(SEND_BYTES)
        except BlockingIOError:
            return b"nothing yet"
        except OSError:
            return b""

    def received(self, data: bytes) -> bool:
        """Read at most one request from the bytes; keep what is behind it until it has been answered."""
        self.received_bytes += len(data)
        with self.requests_lock:
            while data and not (self.requests or self.will_close or self.close_when_flushed):
                data = data[self._receive_some(data) :]
            self._ahead = data
        if data:
            self.server.with_ahead.add(self)
        return True

    def can_go_on(self) -> bool:
        """Tell whether it is time for the next of the requests that came at once."""
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
            return count  # when it is admitted, service() sends what the client expects
        if request.expect_continue and not (request.error or self.sent_continue) and request.headers_finished:
            self.send_continue()
        if request.completed:
            self.sent_continue, self.request = False, None
            if not request.empty:
                self.rested_at = time.monotonic()
                self.requests.append(request)
                self.server.add_task(self)
        return count

    def time_out(self) -> bool:
        """Answer a request whose body comes in too slowly; tell whether there is one."""
        with self.requests_lock:
            request = self.request
            if request is None or self.requests or not request.headers_finished:
                return False
            request.error = Refusal(408, "The body of the request came in too slowly.")
            self.request = None
            self.requests.append(request)
            self.server.add_task(self)
            return True

    # What goes out.

    def write_soon(self, data: bytes | ReadOnlyFileBasedBuffer) -> int:
        """Send what the client takes at once, and keep the rest for the main thread to send."""
        if not data:
            return 0
        with self.outbuf_lock:
            if not self.connected or self.will_close:
                raise ClientDisconnected
            size = len(data)
            if isinstance(data, ReadOnlyFileBasedBuffer):
                self.outbufs += [data, boxes.MemoryBox()]
                self.total_outbufs_len += size
            else:
                self._keep(data)
            if self.total_outbufs_len:
                self._flush_exception(self._flush_some, do_close=False)
                self.server.pull_trigger()
        return size

    def _keep(self, data: bytes) -> None:
        """Send the bytes that fit into the socket, put the others into a box."""
        rest, now = memoryview(data), time.monotonic()
        while rest and not self.total_outbufs_len and now >= self.held_until:
            count = self._send(rest[:SEND_BYTES])
            rest = rest[count:]
            if not count:
                break
        if rest:
            try:
                boxes.put(self.outbufs, bytes(rest))
            except NoRoom as error:
                self.will_close = True
                self.server.pull_trigger()
                self.server.notices.warn("connection closed, no room for its answer", reason=str(error))
                raise ClientDisconnected from error
            self.total_outbufs_len += len(rest)

    def _send(self, data: memoryview) -> int:
        """Return how many of the bytes the socket has taken."""
        try:
            count = self.send(data, do_close=False)
        except OSError:
            count = 0
        self.sent_bytes += count
        return count

    def writable(self) -> bool:
        """Tell whether there is something to send, and the time for it; the main thread asks before it waits."""
        if self.is_lingering_since is not None or time.monotonic() < self.held_until:
            return False
        return bool(self.total_outbufs_len or self.will_close or self.close_when_flushed)

    def handle_write(self) -> None:
        """Send some of what waits, and close the connection if it was the last."""
        if not self.will_close and self.outbuf_lock.acquire(blocking=False):
            try:
                self._flush_exception(self._flush_some)
            finally:
                self.outbuf_lock.release()
        if self.will_close:
            self.handle_close()
        elif self.close_when_flushed and not self.total_outbufs_len:
            self._end()

    def _flush_some(self, do_close: bool = True) -> bool:
        """Send as much as the client takes, but let others have their turn; tell whether it took something."""
        if time.monotonic() < self.held_until:
            return False
        sent = 0
        while sent < FLUSH_BYTES:
            box = self.outbufs[0]
            if len(box):
                count = self.send(box.get(SEND_BYTES), do_close=do_close)
                if not count or not self.connected:
                    break
                box.skip(count, True)
                sent += count
                self.sent_bytes += count
                self.total_outbufs_len -= count
            elif len(self.outbufs) > 1 or not isinstance(box, boxes.MemoryBox):
                self.outbufs.pop(0).close()
                if not self.outbufs:
                    self.outbufs.append(boxes.MemoryBox())
            else:
                break
        return bool(sent)

    def _end(self) -> None:
        """Close the connection; of a client that still sends, only when it has had time to read the answer."""
        if not self.lingers and not self._ahead:
            self.handle_close()
            return
        # Closing with bytes unread would reset the connection, and the client never see the answer.
        self._ahead, self.is_lingering_since = b"", time.monotonic()
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.handle_close()

    def abort(self) -> None:
        """Close the connection at once, with all that the kernel keeps for it."""
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        self.handle_close()
