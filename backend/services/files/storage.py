"""The storage of uploaded files at LARDER_FILES."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from backend.config.settings import Settings
from backend.services.files.bucket import BucketStorage
from backend.services.files.folder import FolderStorage
from backend.services.files.stored import FileStorage, StoredFile
from backend.utils.object_stores import FOLDER_SCHEME


def open_storage(url: str) -> FileStorage:
    """Return the storage at `file:///PATH` or `s3://BUCKET/FOLDER`. Nothing is created before a file is saved."""
    if url.startswith(FOLDER_SCHEME):
        return FolderStorage(Path(url.removeprefix(FOLDER_SCHEME)))
    return BucketStorage(url)


class Storage:
    """The FileStorage of the settings. Nothing works before `open`."""

    _storage: FileStorage

    def open(self, settings: Settings) -> None:
        """Use the storage of the settings from now on."""
        self._storage = open_storage(settings.files)

    def save(self, file_id: str, content: IO[bytes]) -> None:
        """Store the rest of `content` under the id. Raises OSError if it cannot be stored; nothing is left then."""
        self._storage.save(file_id, content)

    def open_file(self, file_id: str) -> IO[bytes]:
        """Return the file, open for reading and seekable. Raises FileNotFoundError, or OSError if it cannot be read."""
        return self._storage.open_file(file_id)

    def has(self, file_id: str) -> bool:
        """Return whether the file is stored. Raises OSError."""
        return self._storage.has(file_id)

    def delete(self, ids: Iterable[str]) -> None:
        """Delete files. Those that do not exist are ignored. Raises OSError."""
        self._storage.delete(ids)

    def stored(self) -> Iterator[StoredFile]:
        """Yield each stored file, in no particular order. Raises OSError."""
        return self._storage.stored()


storage = Storage()
