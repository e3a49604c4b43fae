"""Copies of backups at LARDER_BACKUP_TARGET: a folder, such as a mounted disk, or an S3 bucket."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.services.errors import Unavailable
from backend.utils.object_stores import object_store_errors, open_object_store, reason_of


def put(url: str, path: Path) -> None:
    """Copy a backup file to the target. Raises Unavailable if that fails."""
    with _target_errors():
        open_object_store(url).put(path.name, path)


def prune(url: str, pattern: re.Pattern[str], keep: int) -> None:
    """Of the files at the target whose names match the pattern, delete all but the `keep` last by name."""
    with _target_errors():
        store = open_object_store(url)
        paths = (file["path"] for file in store.list().collect())
        names = sorted(path for path in paths if pattern.fullmatch(path))
        store.delete(names[:-keep])


def sizes(url: str, pattern: re.Pattern[str]) -> dict[str, int]:
    """Return the map of name to bytes of the files at the target whose names match.

    Raises Unavailable if the target cannot be read.
    """
    with _target_errors():
        files = open_object_store(url, is_for_request=True).list().collect()
        return {file["path"]: file["size"] for file in files if pattern.fullmatch(file["path"])}


@contextmanager
def _target_errors() -> Iterator[None]:
    """Raise Unavailable for an error of the target."""
    try:
        yield
    except object_store_errors() as error:
        raise Unavailable(f"LARDER_BACKUP_TARGET cannot be used: {reason_of(error)}") from error
