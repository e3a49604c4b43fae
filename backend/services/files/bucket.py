"""A bucket of files, with S3's protocol."""

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import IO, TYPE_CHECKING, cast

from backend.services.files.stored import CHUNK_BYTES, StoredFile, file_id_of, path_of
from backend.utils.object_stores import object_store_errors, open_object_store, reason_of
from backend.utils.spool import NoSpace, SpoolFile

if TYPE_CHECKING:
    from obstore.store import ObjectStore

LISTED_AT_ONCE = 1000


class BucketStorage:
    """Files in a bucket or a folder of it, under the same paths as in a folder of this machine."""

    def __init__(self, url: str) -> None:
        self._url = url

    @cached_property
    def _store(self) -> "ObjectStore":
        return open_object_store(self._url, is_for_request=True)

    def save(self, file_id: str, content: IO[bytes]) -> None:
        """Store the rest of `content`. Raises OSError."""
        try:
            with _bucket_errors():
                self._store.put(path_of(file_id), content)
        except FileNotFoundError as error:  # so the bucket
            raise _error_of(error) from error

    def open_file(self, file_id: str) -> IO[bytes]:
        """Return a temporary copy of the file. Raises FileNotFoundError, or OSError if it cannot be read."""
        copy = SpoolFile()
        with _bucket_errors():
            for data in self._store.get(path_of(file_id)).stream(CHUNK_BYTES):
                copy.write(bytes(data))
        return cast(IO[bytes], copy)  # it has the methods of a file that is read

    def has(self, file_id: str) -> bool:
        """Return whether the file is stored. Raises OSError."""
        try:
            with _bucket_errors():
                self._store.head(path_of(file_id))
        except FileNotFoundError:
            return False
        return True

    def delete(self, ids: Iterable[str]) -> None:
        """Delete files. Raises OSError."""
        with _bucket_errors():
            self._store.delete([path_of(file_id) for file_id in ids])

    def stored(self) -> Iterator[StoredFile]:
        """Yield each file. Raises OSError."""
        with _bucket_errors():
            for page in self._store.list(chunk_size=LISTED_AT_ONCE):
                for item in page:
                    if file_id := file_id_of(item["path"]):
                        yield StoredFile(file_id, item["size"], item["last_modified"])


@contextmanager
def _bucket_errors() -> Iterator[None]:
    """Raise OSError for an error of the bucket, and where there is no room for a copy."""
    try:
        yield
    except FileNotFoundError:
        raise
    except NoSpace as error:
        raise OSError(errno.ENOSPC, str(error)) from error
    except object_store_errors() as error:
        raise _error_of(error) from error


def _error_of(error: Exception) -> OSError:
    return OSError(errno.EIO, f"LARDER_FILES cannot be used: {reason_of(error)}")
