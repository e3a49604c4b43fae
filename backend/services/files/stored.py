"""What a storage of files answers."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import IO, NamedTuple, Protocol

CHUNK_BYTES = 1 << 20  # read and written at once


class StoredFile(NamedTuple):
    """A file in the storage; `modified_at` is in UTC, by the clock of the storage."""

    id: str
    bytes: int
    modified_at: datetime


class FileStorage(Protocol):
    """Keeps the bytes of files, each under the id of its row. A stored file never changes."""

    def save(self, file_id: str, content: IO[bytes]) -> None:
        """Store the rest of `content`. When it returns, a power failure no longer loses the file.

        Raises OSError if it cannot be stored; nothing is left then.
        """

    def open_file(self, file_id: str) -> IO[bytes]:
        """Return the file, open for reading and seekable. Raises FileNotFoundError, or OSError if it cannot be read."""

    def delete(self, ids: Iterable[str]) -> None:
        """Delete files. Those that do not exist are ignored. Raises OSError."""

    def stored(self) -> Iterator[StoredFile]:
        """Yield each stored file, in no particular order. Raises OSError."""
