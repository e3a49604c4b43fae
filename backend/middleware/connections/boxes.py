"""Where the bytes of answers wait for their client: in memory, or in a file."""

from collections import deque
from typing import TypeAlias, TypeVar

from waitress.buffers import ReadOnlyFileBasedBuffer

from backend.utils.spool import NoRoom, Room, SpoolFile

MEMORY_BYTES = 128 << 10  # of one connection; more goes into a file
SPARE_BYTES = 64 << 20  # of all connections together, where no file can be written


class MemoryBox:
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
        """Return at most `count` of the bytes at the beginning."""
        return self._chunks[0][:count]

    def skip(self, count: int, allow_prune: bool = True) -> None:
        """Drop bytes at the beginning, of those that `get` returns."""
        first = self._chunks.popleft()
        if count < len(first):
            self._chunks.appendleft(first[count:])
        self._length -= count

    def close(self) -> None:
        """Drop all bytes."""
        self._chunks.clear()
        self._length = 0


class SpareBox(MemoryBox):
    """Bytes in memory that should be in a file; all of these boxes together have SPARE_BYTES."""

    room = Room(SPARE_BYTES)

    def append(self, data: bytes) -> None:
        """Append bytes; raise NoRoom."""
        if not self.room.take(len(data)):
            raise NoRoom("Neither the disk nor the memory has room for what slow clients have not read yet.")
        super().append(data)

    def skip(self, count: int, allow_prune: bool = True) -> None:
        """Drop bytes at the beginning."""
        super().skip(count)
        self.room.give_back(count)

    def close(self) -> None:
        """Drop all bytes."""
        self.room.give_back(self._length)
        super().close()


class FileBox:
    """Bytes in a file."""

    def __init__(self) -> None:
        self._file, self._position = SpoolFile(), 0

    def __len__(self) -> int:
        return self._file.size - self._position

    def append(self, data: bytes) -> None:
        """Append bytes; raise NoRoom."""
        self._file.write(data)

    def get(self, count: int) -> bytes:
        """Return at most `count` of the bytes at the beginning."""
        self._file.seek(self._position)
        return self._file.read(count)

    def skip(self, count: int, allow_prune: bool = True) -> None:
        """Drop bytes at the beginning."""
        self._position += count

    def close(self) -> None:
        """Delete the file."""
        self._position = self._file.size
        self._file.close()


Box: TypeAlias = MemoryBox | FileBox | ReadOnlyFileBasedBuffer
Filled = TypeVar("Filled", MemoryBox, FileBox, SpareBox)


def put(boxes: list[Box], data: bytes) -> None:
    """Append bytes to the last of the boxes, or to a new one behind it; raise NoRoom if no place has room."""
    last = boxes[-1]
    if isinstance(last, SpareBox) or (isinstance(last, MemoryBox) and len(last) + len(data) <= MEMORY_BYTES):
        last.append(data)
        return
    try:
        if isinstance(last, FileBox):
            last.append(data)
        else:
            boxes.append(_filled(FileBox(), data))
    except NoRoom:
        boxes.append(_filled(SpareBox(), data))


def _filled(box: Filled, data: bytes) -> Filled:
    try:
        box.append(data)
    except NoRoom:
        box.close()
        raise
    return box
