"""Copies of backups in another place: a folder, such as a mounted disk, or an S3 bucket."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from backend.services.errors import Unavailable

if TYPE_CHECKING:
    from obstore.store import ObjectStore

FOLDER_SCHEME = "file://"


def put(url: str, path: Path) -> None:
    """Copy a backup file to the place; raise Unavailable if that does not work."""
    with _refused():
        _store(url).put(path.name, path)


def prune(url: str, pattern: re.Pattern[str], keep: int) -> None:
    """Delete all but the `keep` last of those files there whose names match the pattern, which sorts them."""
    with _refused():
        store = _store(url)
        names = sorted(each["path"] for each in store.list().collect() if pattern.fullmatch(each["path"]))
        store.delete(names[:-keep])


def _store(url: str) -> "ObjectStore":
    # Imported where it is used: most installations have no such place, and it takes a tenth of a second.
    from obstore.store import LocalStore, from_url

    if url.startswith(FOLDER_SCHEME):
        return LocalStore(url.removeprefix(FOLDER_SCHEME), mkdir=True)
    return from_url(url)


@contextmanager
def _refused() -> Iterator[None]:
    """Turn an error of the place into Unavailable."""
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, OSError) as error:
        reason = str(error).partition("\n\nDebug source:")[0]  # pages of it
        raise Unavailable(f"The place for copies of backups cannot be used: {reason}") from error
