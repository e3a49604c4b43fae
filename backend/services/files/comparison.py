"""Compares the storage of files with their rows."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from time import monotonic
from typing import NamedTuple

from peewee import chunked

from backend.models.file import File
from backend.services.files.storage import storage
from backend.utils.clock import utcnow

ORPHANS_KEPT_FOR = timedelta(hours=24)  # much longer than an upload, which stores the bytes before the row
# More orphans than both are not the remains of crashes: another installation may use the same storage.
MOST_ORPHANS, MOST_ORPHANS_SHARE = 100, 0.1
AT_ONCE = 500
LATEST = 20  # files that are looked up one by one if there is no time to list all


class Stored(NamedTuple):
    """The ids of the stored files, and of those without a row, whose upload must have ended long ago."""

    ids: set[str]
    orphans: list[str]
    began_at: datetime
    is_complete: bool

    @property
    def has_too_many_orphans(self) -> bool:
        """Whether there are more files without a row than crashes leave."""
        return len(self.orphans) > max(MOST_ORPHANS, MOST_ORPHANS_SHARE * len(self.ids))


def list_stored(seconds: float | None = None) -> Stored:
    """Return the Stored; it is not complete if that takes longer than `seconds`. Raises OSError."""
    began_at, began = utcnow(), monotonic()
    ids, orphans = set[str](), list[str]()
    for files in chunked(storage.stored(), AT_ONCE):
        ids |= {file.id for file in files}
        orphans += _without_row([file.id for file in files if file.modified_at < began_at - ORPHANS_KEPT_FOR])
        if seconds is not None and monotonic() - began > seconds:
            return Stored(ids, orphans, began_at, is_complete=False)
    return Stored(ids, orphans, began_at, is_complete=True)


def _without_row(ids: list[str]) -> list[str]:
    known = {row.id for row in File.select(File.id).where(File.id.in_(ids))}
    return [file_id for file_id in ids if file_id not in known]


def find_missing(stored: Stored) -> list[str]:
    """Return the ids of files that are not stored: of all files, or of the latest if `stored` is not complete."""
    if not stored.is_complete:
        latest = File.select(File.id).order_by(File.id.desc()).limit(LATEST)
        return [row.id for row in latest if not storage.has(row.id)]
    return [file_id for file_id in _ids(stored.began_at) if file_id not in stored.ids]


def _ids(before: datetime) -> Iterator[str]:
    """Yield the ids of all files that were uploaded before a moment. The bytes of later ones may not be listed."""
    last, query = "", File.select(File.id).where(File.created_at < before).order_by(File.id).limit(AT_ONCE)
    while ids := [row.id for row in (query.where(File.id > last) if last else query)]:
        yield from ids
        last = ids[-1]
