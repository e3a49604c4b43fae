"""What a storage of files answers."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import IO, NamedTuple, Protocol
from uuid import UUID

CHUNK_BYTES = 1 << 20  # read and written at once


def path_of(file_id: str) -> str:
    """Return the path of a file below the storage: `45/23/0193…2345`.

    The end of a UUIDv7 is random, so all folders have equally many files.
    """
    return f"{file_id[-2:]}/{file_id[-4:-2]}/{file_id}"


def file_id_of(path: str) -> str | None:
    """Return the id of the file at a path below the storage; None if there is none of ours."""
    file_id = path.rpartition("/")[2]
    try:
        is_ours = str(UUID(file_id)) == file_id and path_of(file_id) == path
    except ValueError:
        return None
    return file_id if is_ours else None


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

    def has(self, file_id: str) -> bool:
        """Return whether the file is stored. Raises OSError."""

    def delete(self, ids: Iterable[str]) -> None:
        """Delete files. Those that do not exist are ignored. Raises OSError."""

    def stored(self) -> Iterator[StoredFile]:
        """Yield each stored file, in no particular order. Raises OSError."""
