"""Parts of files, which look like whole ones."""

import io
from typing import IO


class FilePart:
    """The bytes of a file from `start` to before `stop`: a file that can be read and closed, but not written."""

    def __init__(self, file: IO[bytes], start: int, stop: int) -> None:
        self._file, self._start, self._stop = file, start, stop
        self.close = file.close
        file.seek(start)

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position within the part."""
        return self._file.tell() - self._start

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position within the part, and return it."""
        origins = {io.SEEK_SET: self._start, io.SEEK_CUR: self._file.tell(), io.SEEK_END: self._stop}
        return self._file.seek(origins[whence] + offset) - self._start

    def read(self, count: int = -1) -> bytes:
        """Read at most `count` bytes; all that are left without one."""
        left = max(0, self._stop - self._file.tell())
        return self._file.read(left if count < 0 else min(count, left))
