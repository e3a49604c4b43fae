"""The responses of a connection: sent as fast as its client takes them, while no worker waits."""

import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any, Protocol

from waitress.buffers import ReadOnlyFileBasedBuffer
from waitress.channel import ClientDisconnected

from backend.middleware.connections import buffers
from backend.middleware.connections.adjustments import ServerAdjustments
from backend.middleware.connections.notices import Notices
from backend.middleware.connections.timed_channel import NO_SPACE, TimedChannel, TimedServer
from backend.utils.spool import NoSpace

FLUSH_BYTES = 1 << 20  # sent to one client before the others have their turn
SEND_BYTES = 128 << 10
JOINED_BYTES = 64 << 10


class SendingServer(TimedServer, Protocol):
    """The parts of the server that sending uses."""

    notices: Notices

    def pull_trigger(self) -> None:
        """Have the main thread look at what has changed."""


class SendingChannel(TimedChannel):
    """A connection that keeps what its client does not read at once in buffers, which the main thread sends."""

    server: SendingServer
    outbufs: list[buffers.ResponseBuffer]
    _joined: list[bytes] | None = None  # parts of a response that are sent together

    def __init__(
        self,
        server: SendingServer,
        sock: socket.socket,
        addr: Any,
        adj: ServerAdjustments,
        map: dict[int, Any] | None = None,
    ) -> None:
        super().__init__(server, sock, addr, adj, map=map)
        self.outbufs = [buffers.MemoryBuffer()]

    def write_soon(self, data: bytes | ReadOnlyFileBasedBuffer) -> int:
        """Send what the client takes at once; keep the rest for the main thread to send."""
        if not data:
            return 0
        if self._joined is not None and isinstance(data, bytes):
            self._joined.append(data)
            return len(data)
        with self.outbuf_lock:
            if not self.connected or self.will_close:
                raise ClientDisconnected
            size = len(data)
            if isinstance(data, ReadOnlyFileBasedBuffer):
                self.outbufs += [data, buffers.MemoryBuffer()]
                self.total_outbufs_len += size
            else:
                self._send_or_keep(data)
            if self.total_outbufs_len:
                self._flush_exception(self._flush_some, do_close=False)
                self.server.pull_trigger()
        return size

    @contextlib.contextmanager
    def joining(self) -> Iterator[None]:
        """Send what is written in a block with one call, unless it is large: each call costs more than a copy."""
        self._joined = []
        try:
            yield
        finally:
            parts, self._joined = self._joined, None
        whole = [b"".join(parts)] if sum(map(len, parts)) <= JOINED_BYTES else parts
        for part in whole:
            self.write_soon(part)

    def _send_or_keep(self, data: bytes) -> None:
        """Send the bytes that the socket takes, and put the rest into a buffer."""
        rest, now = memoryview(data), time.monotonic()
        while rest and not self.total_outbufs_len and now >= self.held_until:
            count = self._send(rest[:SEND_BYTES])
            rest = rest[count:]
            if not count:
                break
        if rest:
            try:
                buffers.put(self.outbufs, bytes(rest))
            except NoSpace as error:
                self.closed_because, self.will_close = NO_SPACE, True
                self.server.pull_trigger()
                self.server.notices.warn("connection closed, no space for its response", reason=str(error))
                raise ClientDisconnected from error
            self.total_outbufs_len += len(rest)

    def _send(self, data: memoryview) -> int:
        """Send bytes, and return how many the socket has taken."""
        try:
            count = self.send(data, do_close=False)
        except OSError:
            count = 0
        self.sent_bytes += count
        return count

    def writable(self) -> bool:
        """Return whether something can be sent now. The main thread asks before it waits."""
        if self.is_lingering_since is not None or time.monotonic() < self.held_until:
            return False
        return bool(self.total_outbufs_len or self.will_close or self.close_when_flushed)

    def _flush_some(self, do_close: bool = True) -> bool:
        """Send as much as the client takes, at most about FLUSH_BYTES; return whether it took something."""
        if time.monotonic() < self.held_until:
            return False
        sent = 0
        while sent < FLUSH_BYTES:
            buffer = self.outbufs[0]
            if len(buffer):
                count = self.send(buffer.get(SEND_BYTES), do_close=do_close)
                if not count or not self.connected:
                    break
                buffer.skip(count, True)
                sent += count
                self.sent_bytes += count
                self.total_outbufs_len -= count
            elif len(self.outbufs) > 1 or not isinstance(buffer, buffers.MemoryBuffer):
                self.outbufs.pop(0).close()
                if not self.outbufs:
                    self.outbufs.append(buffers.MemoryBuffer())
            else:
                break
        return bool(sent)
