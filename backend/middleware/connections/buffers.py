"""Buffers for responses that clients have not read yet: in memory, or in a file."""

from collections import deque
from typing import TypeAlias, TypeVar

from waitress.buffers import ReadOnlyFileBasedBuffer

from backend.utils.spool import NoSpace, Quota, SpoolFile

MEMORY_BYTES = 128 << 10  # of one connection; the rest is written to a file
SPARE_BYTES = 64 << 20  # of all connections together, if no file can be written


class MemoryBuffer:
    """Bytes in memory."""

    def __init__(self) -> None:
        self._length = 0
        self._chunks: deque[memoryview] = deque()

    def __len__(self) -> int:
        return self._length

    def append(self, data: bytes) -> None:
        """Append bytes."""
        self._chunks.append(memoryview(data))
        self._length += len(data)

    def get(self, count: int) -> memoryview:
        """Return at most `count` bytes from the beginning."""
        return self._chunks[0][:count]

    def skip(self, count: int, allow_prune: bool = True) -> None:
        """Drop `count` bytes at the beginning, at most as many as `get` returns."""
        first = self._chunks.popleft()
        if count < len(first):
            self._chunks.appendleft(first[count:])
        self._length -= count

    def close(self) -> None:
        """Drop all bytes."""
        self._chunks.clear()
        self._length = 0


class SpareBuffer(MemoryBuffer):
    """Bytes in memory that should be in a file. All these buffers together may have SPARE_BYTES."""

    quota = Quota(SPARE_BYTES)

    def append(self, data: bytes) -> None:
        """Append bytes. Raises NoSpace if SPARE_BYTES are used up."""
        if not self.quota.reserve(len(data)):
            raise NoSpace("Neither the disk nor the memory has room for what slow clients have not read yet.")
        super().append(data)

    def skip(self, count: int, allow_prune: bool = True) -> None:
        """Drop bytes at the beginning."""
        super().skip(count)
        self.quota.release(count)

    def close(self) -> None:
        """Drop all bytes."""
        self.quota.release(self._length)
        super().close()


class FileBuffer:
    """Bytes in a file."""

    def __init__(self) -> None:
        self._file, self._position = SpoolFile(), 0

    def __len__(self) -> int:
        return self._file.size - self._position

    def append(self, data: bytes) -> None:
        """Append bytes. Raises NoSpace if the file cannot be written."""
        self._file.write(data)

    def get(self, count: int) -> bytes:
        """Return at most `count` bytes from the beginning."""
        self._file.seek(self._position)
        return self._file.read(count)

    def skip(self, count: int, allow_prune: bool = True) -> None:
        """Drop bytes at the beginning."""
        self._position += count

    def close(self) -> None:
        """Delete the file."""
        self._position = self._file.size
        self._file.close()


ResponseBuffer: TypeAlias = MemoryBuffer | FileBuffer | ReadOnlyFileBasedBuffer
Filled = TypeVar("Filled", MemoryBuffer, FileBuffer, SpareBuffer)


def put(buffers: list[ResponseBuffer], data: bytes) -> None:
    """Append bytes to the last of the buffers, or to a new one after it. Raises NoSpace if none has space."""
    last = buffers[-1]
    if isinstance(last, SpareBuffer) or (isinstance(last, MemoryBuffer) and len(last) + len(data) <= MEMORY_BYTES):
        last.append(data)
        return
    try:
        if isinstance(last, FileBuffer):
            last.append(data)
        else:
            buffers.append(_filled(FileBuffer(), data))
    except NoSpace:
        buffers.append(_filled(SpareBuffer(), data))


def _filled(buffer: Filled, data: bytes) -> Filled:
    try:
        buffer.append(data)
    except NoSpace:
        buffer.close()
        raise
    return buffer
