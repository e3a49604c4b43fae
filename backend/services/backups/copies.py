"""Copies of backups at LARDER_BACKUP_TARGET: a folder, such as a mounted disk, or an S3 bucket."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from backend.services.errors import Unavailable

if TYPE_CHECKING:
    from obstore.store import ObjectStore, RetryConfig

FOLDER_SCHEME = "file://"
# Of a request, whose client waits; else a target that does not answer is tried for three minutes.
ONE_RETRY: "RetryConfig" = {"max_retries": 1, "retry_timeout": timedelta(seconds=10)}


def put(url: str, path: Path) -> None:
    """Copy a backup file to the target. Raises Unavailable if that fails."""
    with _target_errors():
        _store(url).put(path.name, path)


def prune(url: str, pattern: re.Pattern[str], keep: int) -> None:
    """Of the files at the target whose names match the pattern, delete all but the `keep` last by name."""
    with _target_errors():
        store = _store(url)
        paths = (file["path"] for file in store.list().collect())
        names = sorted(path for path in paths if pattern.fullmatch(path))
        store.delete(names[:-keep])


def sizes(url: str, pattern: re.Pattern[str]) -> dict[str, int]:
    """Return the map of name to bytes of the files at the target whose names match.

    Raises Unavailable if the target cannot be read.
    """
    with _target_errors():
        files = _store(url, is_for_request=True).list().collect()
        return {file["path"]: file["size"] for file in files if pattern.fullmatch(file["path"])}


def _store(url: str, *, is_for_request: bool = False) -> "ObjectStore":
    # Imported only where it is used: the import takes a tenth of a second, and most installations have no target.
    from obstore.store import LocalStore, from_url

    if url.startswith(FOLDER_SCHEME):
        return LocalStore(url.removeprefix(FOLDER_SCHEME), mkdir=True)
    return from_url(url, retry_config=ONE_RETRY if is_for_request else None)


@contextmanager
def _target_errors() -> Iterator[None]:
    """Raise Unavailable for an error of the target."""
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, OSError) as error:
        reason = str(error).partition("\n\nDebug source:")[0]  # which has several pages
        raise Unavailable(f"LARDER_BACKUP_TARGET cannot be used: {reason}") from error
