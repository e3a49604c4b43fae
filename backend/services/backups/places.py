"""Places with copies of files: the backup folder, LARDER_BACKUP_TARGET, the folder beside a backup."""

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO

from backend.config.settings import COPIES_FOLDER, Settings
from backend.services.backups.file_lists import ListedFile
from backend.services.files.folder import FolderStorage
from backend.services.files.storage import open_storage
from backend.services.files.stored import CHUNK_BYTES, FileStorage
from backend.utils.object_stores import FOLDER_SCHEME


class LinkedFolder(FolderStorage):
    """A folder on the disk of the storage, if possible: then a copy is a second name of the same bytes.

    They need no second room, and are there until both names are deleted. Files never change, so that is enough.
    """

    def save(self, file_id: str, content: IO[bytes]) -> None:
        """Link or copy `content`. Raises OSError if neither is possible."""
        with suppress(OSError, AttributeError, TypeError):  # another disk, or a file without a name
            self.link(file_id, Path(content.name))
            return
        super().save(file_id, content)


class Place:
    """A storage of files, with the sizes of those that were in it when it was opened. Raises OSError."""

    def __init__(self, storage: FileStorage) -> None:
        self.storage = storage
        self._sizes = {file.id: file.bytes for file in storage.stored()}

    def has(self, file: ListedFile) -> bool:
        """Return whether there is a file of the right size."""
        return self._sizes.get(file.id) == file.bytes


def open_intact(storage: FileStorage, file: ListedFile) -> IO[bytes] | None:
    """Return the file, open at its beginning; None if it is missing or damaged."""
    try:
        content = storage.open_file(file.id)
    except FileNotFoundError:
        return None
    if _digest(content) == file.sha256:
        content.seek(0)
        return content
    content.close()
    return None


def _digest(content: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := content.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def open_first(places: Iterable[Place], file: ListedFile) -> IO[bytes] | None:
    """Return the file, open at its beginning, from the first place that has it intact; None if there is none."""
    found = (open_intact(place.storage, file) for place in places if place.has(file))
    return next((content for content in found if content), None)


def backup_files(settings: Settings) -> FileStorage:
    """Return the copies in the backup folder."""
    return LinkedFolder(settings.backup_dir / COPIES_FOLDER)


def target_files(settings: Settings) -> FileStorage | None:
    """Return the copies at LARDER_BACKUP_TARGET; None if that is not set."""
    return open_storage(f"{settings.backup_target.rstrip('/')}/{COPIES_FOLDER}") if settings.backup_target else None


def written_places(settings: Settings) -> list[FileStorage]:
    """Return where copies are made: in the backup folder and at the target.

    Files of a bucket may be more than the disk of this machine holds: with a target they are copied only there.
    """
    folder, target = backup_files(settings), target_files(settings)
    if target and not settings.files.startswith(FOLDER_SCHEME):
        return [target]
    return [folder, target] if target else [folder]


def read_places(settings: Settings, backup: Path) -> list[Place]:
    """Return where the copies of a backup may be: beside it, in the backup folder and at the target."""
    folders = dict.fromkeys([backup.absolute().parent / COPIES_FOLDER, settings.backup_dir.absolute() / COPIES_FOLDER])
    target = target_files(settings)
    return [*(Place(FolderStorage(folder)) for folder in folders), *([Place(target)] if target else [])]
