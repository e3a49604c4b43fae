"""The nightly clean-up of files: those that were removed or never attached, and stored bytes without a row."""

from datetime import timedelta

import structlog
from peewee import Expression, chunked

from backend.config.settings import Settings
from backend.models.database import connected
from backend.models.file import File
from backend.services.files.comparison import list_stored
from backend.services.files.storage import storage
from backend.services.files.thumbnails import thumbnails
from backend.services.files.uploads import STAGED_FOR
from backend.services.operation.jobs import job
from backend.utils.clock import utcnow

DELETED_AT_ONCE = 500

log = structlog.get_logger()


class TooManyOrphans(Exception):
    """There are so many stored files without a row that none of them is deleted."""


@job(schedule=lambda settings: "10 3 * * *")
def clean_up_files(settings: Settings) -> None:
    """Delete files that were removed long ago or never attached, and stored bytes without a row."""
    now = utcnow()
    is_staged = File.resource.is_null() & File.removed_at.is_null()
    with connected():
        removed = _delete(File.removed_at < now - timedelta(days=settings.files_keep_days))
        staged = _delete(is_staged & (File.created_at < now - STAGED_FOR))
        stored = list_stored()
    log.info("cleaned up files", removed=removed, staged=staged, orphans=len(stored.orphans))
    if stored.has_too_many_orphans:
        raise TooManyOrphans(
            f"{len(stored.orphans):,} of {len(stored.ids):,} files in LARDER_FILES have no row, so none of them was "
            "deleted. Each installation needs a folder or bucket of its own."
        )
    for ids in chunked(stored.orphans, DELETED_AT_ONCE):
        storage.delete(ids)
        thumbnails.delete(ids)


def _delete(condition: Expression) -> int:
    """Delete the files that meet a condition, first their rows; return their number.

    If the process ends between the two, bytes without a row are left, which are found the next night.
    """
    number = 0
    while ids := [row.id for row in File.select(File.id).where(condition).limit(DELETED_AT_ONCE)]:
        # The condition once more: another process may delete the same files, or a write attach one of them.
        deleted = [row.id for row in File.delete().where(File.id.in_(ids), condition).returning(File.id).execute()]
        storage.delete(deleted)
        thumbnails.delete(deleted)
        number += len(deleted)
    return number
