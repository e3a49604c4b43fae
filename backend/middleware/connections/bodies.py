"""Chunked request bodies."""

import re
from collections.abc import Callable
from typing import IO

from waitress.buffers import OverflowableBuffer

from backend.middleware.connections.heads import CONTROL
from backend.middleware.connections.refusals import Refusal

MAX_LINE_BYTES = 1024  # of the line with the size of a chunk and its extensions
MAX_TRAILER_BYTES = 8192
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")


class Chunks:
    """Reads a chunked body (RFC 9112, section 7.1) into a buffer. Extensions and trailers are limited and ignored.

    It replaces waitress's own class, which accepts sizes that contain a line end, and lines of any length.
    """

    completed = False

    def __init__(self, buffer: OverflowableBuffer) -> None:
        self._buffer, self._line, self._bytes_left, self._trailer_bytes = buffer, b"", 0, 0
        self._finish_line: Callable[[bytes], None] = self._begin_chunk

    def __len__(self) -> int:
        return len(self._buffer)

    def received(self, data: bytes) -> int:
        """Read bytes, and return how many of them belong to the body.

        Raises Refusal if the body is not valid, OSError if there is no space for it.
        """
        at = 0
        while at < len(data) and not self.completed:
            at += (
                self._receive_data(data[at:])
                if self._bytes_left
                else self._receive_line(data[at : at + MAX_LINE_BYTES])
            )
        return at

    def _receive_data(self, data: bytes) -> int:
        part = data[: self._bytes_left]
        self._buffer.append(part)
        self._bytes_left -= len(part)
        return len(part)

    def _receive_line(self, data: bytes) -> int:
        line, end = self._line + data, data.find(b"\n") + 1
        if end:
            line, self._line = self._line + data[:end], b""
            if line[-2:] != b"\r\n" or CONTROL.search(line[:-2]):
                raise Refusal(400, "A line of the chunked body is not valid.")
            self._finish_line(line[:-2])
            return end
        if len(line) > MAX_LINE_BYTES:
            raise Refusal(400, "A line of the chunked body is too long.")
        self._line = line
        return len(data)

    def _begin_chunk(self, line: bytes) -> None:
        size = line.partition(b";")[0].rstrip(b" \t")
        if not _SIZE.fullmatch(size):
            raise Refusal(400, "The size of a chunk is not valid.")
        self._bytes_left = int(size, 16)
        self._finish_line = self._end_chunk if self._bytes_left else self._end_trailer

    def _end_chunk(self, line: bytes) -> None:
        if line:
            raise Refusal(400, "A chunk is longer than its size says.")
        self._finish_line = self._begin_chunk

    def _end_trailer(self, line: bytes) -> None:
        self._trailer_bytes += len(line)
        if self._trailer_bytes > MAX_TRAILER_BYTES:
            raise Refusal(431, "The trailer of the chunked body is too long.")
        self.completed = not line

    def getfile(self) -> IO[bytes]:
        """Return the file with the body."""
        return self._buffer.getfile()

    def getbuf(self) -> OverflowableBuffer:
        """Return the buffer with the body."""
        return self._buffer
