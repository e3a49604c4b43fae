"""The backup folder: which files in it are backups, and the lock that allows one backup or restore at a time."""

import fcntl
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from backend.models.database import database
from backend.services.errors import Conflict, NotFound, Unavailable
from backend.utils.clock import utcnow

NAME_FORMAT = "larder-%Y%m%dT%H%M%S%fZ.zip"  # the time of creation, so that names sort by it
NAME_PATTERN = re.compile(r"larder-\d{8}T\d{12}Z\.zip")
LOCK_NAME = ".lock"
WORK_PREFIX = ".work-"


def backup_paths(folder: Path) -> list[Path]:
    """Return the paths of all backups, the oldest first."""
    return sorted(path for path in folder.glob("*.zip") if NAME_PATTERN.fullmatch(path.name))


def new_path(folder: Path) -> Path:
    """Return the path of a new backup, named after the current time."""
    return folder / utcnow().strftime(NAME_FORMAT)


def created_at(path: Path) -> datetime:
    """Return when a backup was created, as its name says."""
    return datetime.strptime(path.name, NAME_FORMAT).replace(tzinfo=UTC)


def find_backup(folder: Path, name_or_path: str) -> Path:
    """Return the path of a backup, given as a path or by its name. Raises NotFound if there is no such file."""
    for path in (Path(name_or_path), folder / name_or_path):
        if path.is_file():
            return path
    raise NotFound(f"There is no backup {name_or_path}.")


def named_backup(folder: Path, name: str) -> Path:
    """Return the path of a backup in the folder; `name` may come from a client. Raises NotFound if there is none."""
    path = folder / name
    if not NAME_PATTERN.fullmatch(name) or not path.is_file():
        raise NotFound("There is no backup of this name.")
    return path


@contextmanager
def working_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder for one backup or restore. It is deleted after the block.

    Database statements in the block have no time limit. Raises Conflict while such a block runs in this or another
    process, Unavailable if the backup folder cannot be used.
    """
    with _lock(folder), _temporary_folder(folder) as path, database.time_limit(None):
        yield Path(path)


def _lock(folder: Path) -> IO[str]:
    """Lock the backup folder, and return the lock file: closing it releases the lock."""
    lock = _open_lock(folder)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        if isinstance(error, BlockingIOError):
            raise Conflict("Another backup or restore is running.") from error
        raise _unusable(error) from error
    return lock


def _open_lock(folder: Path) -> IO[str]:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return (folder / LOCK_NAME).open("w")
    except OSError as error:
        raise _unusable(error) from error


def _temporary_folder(folder: Path) -> TemporaryDirectory[str]:
    try:
        _delete_leftovers(folder)
        return TemporaryDirectory(prefix=WORK_PREFIX, dir=folder)
    except OSError as error:
        raise _unusable(error) from error


def _delete_leftovers(folder: Path) -> None:
    """Delete the temporary files of a killed process."""
    for path in folder.glob(f"{WORK_PREFIX}*"):
        shutil.rmtree(path)
    for path in folder.glob(".*.partial"):
        path.unlink()


def _unusable(error: OSError) -> Unavailable:
    return Unavailable(f"The backup folder cannot be used: {error.strerror or error}.")
