"""Copies of files: each file that backups list is kept once in the backup folder, and once at LARDER_BACKUP_TARGET.

Files never change, so a copy of the right size is not made again, and backups share their copies.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO

from peewee import chunked

from backend.config.settings import Settings
from backend.models.database import connected
from backend.models.file import File
from backend.services.backups.file_lists import ListedFile, read_list
from backend.services.backups.places import Place, open_first, open_intact, read_places
from backend.services.errors import Unavailable
from backend.services.files.storage import storage
from backend.services.files.stored import FileStorage

THREADS = 8  # a bucket takes some 50 ms to answer
MOST_NAMED = 10
BATCH = 1000  # files that wait for a thread


def copy_files(place: FileStorage, files: Path) -> list[ListedFile]:
    """Copy the files of a list that a place does not have; return those that are missing or damaged in the storage.

    A staged file may be missing: it may have been deleted meanwhile. Raises Unavailable if one cannot be copied.
    """
    with _errors_of_copies():
        has = Place(place).has
        return _lacking(
            files, lambda file: has(file) or _save(place, file, open_intact(storage, file)) or file.is_staged
        )


def _save(target: FileStorage, file: ListedFile, content: IO[bytes] | None) -> bool:
    """Store the content of a file and close it; return False if there is none."""
    if content is None:
        return False
    with content:
        target.save(file.id, content)
    return True


def find_damaged(settings: Settings, backup: Path, files: Path) -> list[ListedFile]:
    """Read the copies of the files of a list; return the files without an intact copy.

    Staged files may be missing. Raises Unavailable if a place does not answer.
    """
    with _errors_of_copies():
        places = read_places(settings, backup)
        return _lacking(files, lambda file: file.is_staged or _is_intact(file, places))


def _is_intact(file: ListedFile, places: list[Place]) -> bool:
    if content := open_first(places, file):
        content.close()
    return content is not None


def put_back(settings: Settings, backup: Path, files: Path, *, only_missing: bool = False) -> list[ListedFile]:
    """Store the files of a list that are missing or damaged in the storage; return those without an intact copy.

    A file whose bytes in the storage are right is not written. With `only_missing`, those that are there are not read.
    Raises Unavailable if one cannot be stored.
    """
    with _errors_of_copies():
        places, target = read_places(settings, backup), Place(storage)
        is_right = target.has if only_missing else partial(_is_intact, places=[target])
        return _lacking(files, lambda file: is_right(file) or _save(storage, file, open_first(places, file)))


def _lacking(files: Path, is_there: Callable[[ListedFile], bool]) -> list[ListedFile]:
    """Return the files of a list for which the function, which is called in several threads, returns False."""
    lacking: list[ListedFile] = []
    listed = read_list(files)
    with ThreadPoolExecutor(THREADS) as pool:
        while batch := list(islice(listed, BATCH)):
            lacking += [file for file, found in zip(batch, pool.map(is_there, batch), strict=True) if not found]
    return lacking


def lacking_message(lacking: Sequence[ListedFile]) -> str:
    """Return the sentence that names some of the files without an intact copy."""
    names = ", ".join(file.id for file in lacking[:MOST_NAMED])
    more = len(lacking) - MOST_NAMED
    return f"Files that are missing or damaged: {names}{f' and {more:,} more' if more > 0 else ''}."


def prune_copies(place: FileStorage, listed: set[str], before: datetime) -> None:
    """Delete the copies at a place that were made before a moment, are not listed and have no row any more.

    Even if the place is the storage itself by mistake, no file is lost. Raises Unavailable.
    """
    with _errors_of_copies(), connected():
        old = (file.id for file in place.stored() if file.id not in listed and file.modified_at < before)
        for ids in chunked(old, BATCH):
            known = {row.id for row in File.select(File.id).where(File.id.in_(ids))}
            place.delete([file_id for file_id in ids if file_id not in known])


@contextmanager
def _errors_of_copies() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"The files of the backup cannot be copied: {error.strerror or error}.") from error
