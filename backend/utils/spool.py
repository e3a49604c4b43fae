"""Temporary files for data that waits for slow clients; their total size is limited."""

import os
import tempfile
import threading
from collections.abc import Callable
from typing import Protocol, Self

# A twentieth of the disk stays free, but at most this much. The database may be on the same disk.
MOST_KEPT_FREE_BYTES = 200 << 20
LEAST_FREE_SHARE = 20


class NoSpace(Exception):
    """There is no space for a temporary file; the message says why."""


class QuotaSettings(Protocol):
    """The setting that limits a Quota."""

    @property
    def max_unread_bytes(self) -> int:
        """The number of bytes that may wait for slow clients."""


class Quota:
    """A limit on bytes, shared by several files. `when_full` is called each time that there is not enough space."""

    def __init__(self, max_bytes: int, when_full: Callable[[], object] = lambda: None) -> None:
        self.max_bytes, self.reserved, self.when_full = max_bytes, 0, when_full
        self._lock = threading.Lock()

    def open(self, settings: QuotaSettings) -> None:
        """Apply the limit of the settings."""
        self.max_bytes = settings.max_unread_bytes

    def reserve(self, count: int) -> bool:
        """Take `count` bytes, and return True; return False if there is not enough space."""
        with self._lock:
            has_space = self.reserved + count <= self.max_bytes
            if has_space:
                self.reserved += count
        if not has_space:
            self.when_full()
        return has_space

    def release(self, count: int) -> None:
        """Give `count` bytes back."""
        with self._lock:
            self.reserved -= count


# The limit for all files of this process.
quota = Quota(4 << 30)


class SpoolFile:
    """A temporary file without a name, so it is deleted when it is closed, or when the process ends."""

    def __init__(self, within: Quota = quota) -> None:
        self._quota, self.size = within, 0
        try:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115, close() closes it
        except OSError as error:  # also if no folder for temporary files is writable
            raise NoSpace(f"No temporary file can be created: {error.strerror}.") from error
        self.seek, self.tell, self.read, self.seekable = (
            self._file.seek,
            self._file.tell,
            self._file.read,
            self._file.seekable,
        )

    def write(self, data: bytes) -> None:
        """Append `data`. Raises NoSpace if it does not fit; the file then keeps its former content."""
        if not self._quota.reserve(len(data)):
            raise NoSpace("Too much data is waiting for slow clients.")
        self.size += len(data)
        try:
            self._append(data)
        except OSError as error:
            self.size -= len(data)
            self._quota.release(len(data))
            raise NoSpace(f"The disk of the temporary files is full: {error.strerror}.") from error

    def _append(self, data: bytes) -> None:
        disk = os.fstatvfs(self._file.fileno())
        kept_free = min(disk.f_blocks * disk.f_frsize // LEAST_FREE_SHARE, MOST_KEPT_FREE_BYTES)
        if disk.f_bavail * disk.f_frsize - len(data) < kept_free:
            raise OSError(None, "only the reserve is left")
        start, view = self.size - len(data), memoryview(data)
        while view:
            written = os.pwrite(self._file.fileno(), view, start)
            start, view = start + written, view[written:]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self.close()

    def close(self) -> None:
        """Close and so delete the file, and give its room back. It can be called again."""
        if not self._file.closed:
            self._file.close()
            self._quota.release(self.size)
