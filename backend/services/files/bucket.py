"""A bucket of files, by the protocol of S3; the credentials are in the `AWS_` variables."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Any, cast

from backend.services.files.stored import CHUNK_BYTES, StoredFile
from backend.utils.spool import NoSpace, SpoolFile

if TYPE_CHECKING:
    from obstore.store import ObjectStore

RETRIES: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}
DELETED_AT_ONCE = 1000  # ids in one request


class BucketStorage:
    """Files in a folder of a bucket: each is an object with its id as name, which is complete or absent."""

    def __init__(self, url: str) -> None:
        # Imported only where it is used: the import takes a tenth of a second, and most installations have no bucket.
        from obstore.store import from_url

        self._store: ObjectStore = from_url(url, retry_config=RETRIES)

    def save(self, file_id: str, content: IO[bytes]) -> None:
        """Upload the rest of `content`. Raises OSError if that fails; nothing is left then."""
        with _bucket_errors():
            self._store.put(file_id, content)

    def open_file(self, file_id: str) -> IO[bytes]:
        """Return the file, downloaded to a temporary file. Raises FileNotFoundError, or OSError."""
        with _bucket_errors():
            found = self._store.get(file_id)
            file = SpoolFile()
            for chunk in found.stream(min_chunk_size=CHUNK_BYTES):
                file.write(bytes(chunk))
        file.seek(0)
        return cast(IO[bytes], file)

    def delete(self, ids: Iterable[str]) -> None:
        """Delete files. Those that do not exist are ignored. Raises OSError."""
        names = list(ids)
        with _bucket_errors():
            for start in range(0, len(names), DELETED_AT_ONCE):
                self._store.delete(names[start : start + DELETED_AT_ONCE])

    def stored(self) -> Iterator[StoredFile]:
        """Yield each file. Raises OSError."""
        with _bucket_errors():
            for batch in self._store.list():
                for found in batch:
                    yield StoredFile(found["path"], found["size"], found["last_modified"])


@contextmanager
def _bucket_errors() -> Iterator[None]:
    """Raise OSError for an error of the bucket; obstore itself raises FileNotFoundError for a missing file."""
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, NoSpace) as error:
        raise OSError(str(error).partition("\n\nDebug source:")[0]) from error  # which has several pages
