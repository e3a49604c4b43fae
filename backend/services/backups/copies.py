"""Copies of backups at LARDER_BACKUP_TARGET: a folder, such as a mounted disk, or an S3 bucket.

Beside each is its list of files: a copy of a file is needed until no list names it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from backend.services.errors import Malformed, Unavailable
from backend.utils.object_stores import object_store_errors, open_object_store, reason_of

if TYPE_CHECKING:
    from obstore.store import ObjectStore

LIST_SUFFIX = ".files.ndjson"


def put(url: str, path: Path, files: Path) -> None:
    """Copy a backup file and its list of files to the target. Raises Unavailable if that fails."""
    with _target_errors():
        store = open_object_store(url)
        store.put(_list_name(path.name), files)
        store.put(path.name, path)


def _list_name(name: str) -> str:
    return name.removesuffix(".zip") + LIST_SUFFIX


def prune(url: str, pattern: re.Pattern[str], keep: int) -> list[str]:
    """Of the backups at the target whose names match the pattern, delete all but the `keep` last by name.

    Return the names of those that are kept.
    """
    with _target_errors():
        store = open_object_store(url)
        names = sorted(_sizes(store, pattern))
        for name in names[:-keep]:
            store.delete(name)
            with suppress(FileNotFoundError):  # an old backup has no list
                store.delete(_list_name(name))
        return names[-keep:]


def sizes(url: str, pattern: re.Pattern[str]) -> dict[str, int]:
    """Return the map of name to bytes of the files at the target whose names match.

    Raises Unavailable if the target cannot be read.
    """
    with _target_errors():
        return _sizes(open_object_store(url, is_for_request=True), pattern)


def _sizes(store: "ObjectStore", pattern: re.Pattern[str]) -> dict[str, int]:
    found = store.list_with_delimiter()["objects"]  # without the copies of files, which are in a folder
    return {file["path"]: file["size"] for file in found if pattern.fullmatch(file["path"])}


def fetch_list(url: str, name: str, folder: Path) -> Path:
    """Write the list of files of a backup at the target into the folder; return its path.

    Raises Malformed if the backup has no list, Unavailable if it cannot be fetched.
    """
    path = folder / _list_name(name)
    with _target_errors():
        try:
            path.write_bytes(open_object_store(url).get(path.name).bytes())
        except FileNotFoundError as error:
            raise Malformed(f"{path.name} is not at LARDER_BACKUP_TARGET.") from error
    return path


@contextmanager
def _target_errors() -> Iterator[None]:
    """Raise Unavailable for an error of the target."""
    try:
        yield
    except object_store_errors() as error:
        raise Unavailable(f"LARDER_BACKUP_TARGET cannot be used: {reason_of(error)}") from error
