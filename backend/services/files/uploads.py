"""Uploads: a file is staged until a record's write attaches it."""

import errno
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import IO

import structlog
from peewee import fn

from backend.config.settings import Settings
from backend.models.database import database
from backend.models.file import File
from backend.models.user import User
from backend.services.access import audit
from backend.services.access.actors import Actor
from backend.services.errors import Conflict, Invalid, StorageFull, TooLarge, Unauthenticated, Unavailable
from backend.services.files.kinds import detect_type
from backend.services.files.storage import storage
from backend.services.files.stored import CHUNK_BYTES
from backend.utils.file_names import safe_file_name
from backend.utils.ids import uuid7
from backend.utils.problems import Problem

STAGED_FOR = timedelta(hours=24)
DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT)
COUNTED_BYTES = 4096  # what each staged file counts in addition to its bytes, so that nobody stages millions

log = structlog.get_logger()


def stage(actor: Actor, content: IO[bytes], name: str, declared_type: str, settings: Settings) -> File:
    """Store an uploaded file that only `actor` can attach, within STAGED_FOR; return its File.

    `content` is open and seekable. The name is cleaned, and the type is what the bytes are. Raises TooLarge, Invalid if
    the file is empty, Conflict if too many files of the actor wait to be attached, StorageFull if there is no room, and
    Unavailable if the storage does not work.
    """
    size, sha256 = _measure(content, settings.max_file_bytes)
    _require_total(size, settings)
    _require_staged(actor, size, settings.files_staged_bytes)  # before it is written; again in the transaction
    name = safe_file_name(name)
    file_id, media_type = uuid7(), detect_type(content, declared_type, name)
    content.seek(0)
    with _disk_errors():
        storage.save(file_id, content)
    # The bytes before the row: a crash between them leaves bytes without a row, which the clean-up deletes.
    # If the commit fails, it may have been done, so the bytes stay then, too.
    with database.atomic(), _undone(file_id):
        _lock_uploads(actor)
        _require_staged(actor, size, settings.files_staged_bytes)
        values = {"name": name, "type": media_type, "bytes": size, "sha256": sha256}
        file = File.create(id=file_id, uploaded_by=actor.user_id, **values)
        audit.record(actor, "file.upload", ("file", file_id), name=name, type=media_type, bytes=size)
        return file


def _measure(content: IO[bytes], max_bytes: int) -> tuple[int, str]:
    """Return the number of bytes and their SHA-256 in hexadecimal. Raises TooLarge, and Invalid for an empty file."""
    size, digest = 0, hashlib.sha256()
    while data := content.read(CHUNK_BYTES):
        size += len(data)
        if size > max_bytes:
            raise TooLarge(f"The file is larger than {max_bytes:,} bytes (LARDER_MAX_FILE_BYTES).")
        digest.update(data)
    if not size:
        raise Invalid({"file": [Problem("too_small", "The file is empty.", limit=1)]})
    return size, digest.hexdigest()


def _require_total(size: int, settings: Settings) -> None:
    """Raise StorageFull if a file of this size would exceed the limit of all files together.

    Uploads that run at the same time may exceed it together: they do not wait for each other to add up all files.
    """
    limit = settings.files_max_bytes
    if limit is not None and int(File.select(fn.COALESCE(fn.SUM(File.bytes), 0)).scalar()) + size > limit:
        raise StorageFull(f"All files together would exceed {limit:,} bytes (LARDER_FILES_MAX_BYTES).")


def _require_staged(actor: Actor, size: int, limit: int) -> None:
    """Raise Conflict if a file of this size would exceed the limit of what a user has not attached yet."""
    staged = (File.uploaded_by == actor.user_id) & File.resource.is_null() & File.removed_at.is_null()
    waiting = File.select(fn.COALESCE(fn.SUM(File.bytes), 0) + fn.COUNT(File.id) * COUNTED_BYTES).where(staged).scalar()
    if int(waiting) + size > limit:
        raise Conflict(
            f"Too many of your files wait to be attached: at most {limit:,} bytes (LARDER_FILES_STAGED_BYTES). "
            "Attach some to a record; those that are not attached are deleted after a day."
        )


def _lock_uploads(actor: Actor) -> None:
    """Have uploads of the same user wait for each other, or together they could exceed the limit.

    Raises Unauthenticated if the user has been deleted.
    """
    if not database.lock_for_update(User.select(User.id).where(User.id == actor.user_id)).first():
        raise Unauthenticated()


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Raise StorageFull if the disk is full, Unavailable for another error of the storage."""
    try:
        yield
    except OSError as error:
        log.error("file not stored", reason=str(error))
        if error.errno in DISK_IS_FULL:
            raise StorageFull("No disk space is left for the file.") from error
        raise Unavailable("The file cannot be stored now; the log of the server says why.") from error


@contextmanager
def _undone(file_id: str) -> Iterator[None]:
    """Delete the stored file if the row cannot be written. If even that fails, the clean-up deletes it."""
    is_done = False
    try:
        yield
        is_done = True
    finally:
        if not is_done:
            with suppress(OSError):
                storage.delete([file_id])
