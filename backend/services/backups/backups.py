"""Backups: create one while others write, list, verify and restore them, and delete old ones."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, NamedTuple

import structlog

from backend.config.settings import Settings
from backend.models.database import DATABASE_ERRORS, connected, database
from backend.services.access import audit
from backend.services.access.actors import SYSTEM, Actor
from backend.services.backups import archives, copies
from backend.services.backups.archives import Manifest, Taken, Unpacked
from backend.services.backups.file_copies import copy_files, find_damaged, lacking_message
from backend.services.backups.file_lists import LIST_NAME, ListedFile
from backend.services.backups.folder import (
    NAME_PATTERN,
    backup_paths,
    created_at,
    find_backup,
    named_backup,
    new_path,
    working_folder,
)
from backend.services.backups.places import written_places
from backend.services.backups.pruning import prune_backups
from backend.services.backups.snapshots import own_snapshots, snapshots_of
from backend.services.errors import Conflict, Malformed, Unavailable
from backend.services.operation import migrations
from backend.services.operation.jobs import job
from backend.utils.clock import rfc3339, utcnow
from backend.utils.version import VERSION

MAX_REQUESTED = 100  # with this many backups in the folder, requests cannot create more
SAME_RUN = timedelta(seconds=50)  # a backup younger than this comes from another process with the same schedule

log = structlog.get_logger()


@dataclass(frozen=True)
class Backup:
    """A file in the backup folder, with its size; `manifest` is None if the file is damaged.

    `missing_files` are, after it was created, the files that could not be copied: the storage does not have them.
    """

    name: str
    bytes: int
    manifest: Manifest | None
    missing_files: Sequence[ListedFile] = ()


class LatestBackup(NamedTuple):
    """The latest file in the backup folder. It has not been verified."""

    name: str
    created_at: datetime
    bytes: int


class BackupCopy(NamedTuple):
    """A file at LARDER_BACKUP_TARGET, and whether the backup folder has it, too. It has not been verified."""

    name: str
    bytes: int
    created_at: datetime
    is_in_folder: bool


def create_requested_backup(settings: Settings, actor: Actor) -> Backup:
    """Create a backup for a request.

    Raises what create_backup raises, and Conflict if there are MAX_REQUESTED backups: users who may create backups must
    not be able to fill the disk with them.
    """
    if len(backup_paths(settings.backup_dir)) >= MAX_REQUESTED:
        raise Conflict(f"There are {MAX_REQUESTED} backups already; delete old ones with `flask backup prune`.")
    return create_backup(settings, actor)


def create_backup(settings: Settings, actor: Actor) -> Backup:
    """Create a backup in the backup folder, copy it to LARDER_BACKUP_TARGET if that is set, and return it.

    The files that it lists are copied after it, so that the backup is there even if they do not fit on the disk.
    Readers and writers do not wait. Raises Conflict while another backup or restore runs, Unavailable if the backup
    cannot be written or copied.
    """
    with working_folder(settings.backup_dir) as folder:
        path, snapshot, files = new_path(settings.backup_dir), folder / "snapshot", folder / LIST_NAME
        applied = applied_migrations()
        taken = own_snapshots().take(snapshot, files)
        archives.write_archive(path, new_manifest(taken, applied), snapshot, files)
        _record_backup(actor, path)
        return replace(_describe(path), missing_files=_copy(settings, path, files))


def _copy(settings: Settings, path: Path, files: Path) -> list[ListedFile]:
    """Copy a backup to the target, and its files to each place with copies; return the files that are missing.

    A copy that fails does not prevent the others. Raises Unavailable after them.
    """
    missing, failures = set[ListedFile](), list[str]()
    with _collected(failures):
        if settings.backup_target:
            copies.put(settings.backup_target, path, files)
    for place in written_places(settings):
        with _collected(failures):
            missing.update(copy_files(place, files))
    if failures:
        raise Unavailable(" ".join(failures))
    return sorted(missing)


@contextmanager
def _collected(failures: list[str]) -> Iterator[None]:
    try:
        yield
    except Unavailable as error:
        failures.append(error.message)


def _record_backup(actor: Actor, path: Path) -> None:
    try:
        with connected():
            audit.record(actor, "backup.create", ("backup", path.name))
    except DATABASE_ERRORS:
        path.unlink()  # a backup that failed must not be listed
        raise


def list_backups(settings: Settings) -> list[Backup]:
    """Return the backups in the backup folder, the latest first."""
    return [_describe(path) for path in reversed(backup_paths(settings.backup_dir))]


def list_copies(settings: Settings) -> list[BackupCopy]:
    """Return the copies of backups at LARDER_BACKUP_TARGET, the latest first; none if that is not set.

    Raises Unavailable if the target cannot be read.
    """
    found = copies.sizes(settings.backup_target, NAME_PATTERN) if settings.backup_target else {}
    kept = {path.name for path in backup_paths(settings.backup_dir)}
    return [BackupCopy(name, found[name], created_at(Path(name)), name in kept) for name in sorted(found, reverse=True)]


def get_backup(settings: Settings, name: str) -> Backup:
    """Return a backup in the backup folder. Raises NotFound if there is none of this name."""
    return _describe(named_backup(settings.backup_dir, name))


def open_backup(settings: Settings, actor: Actor, name: str) -> BinaryIO:
    """Return the open file of a backup in the backup folder, which the actor downloads.

    Raises NotFound if there is none of this name, Unavailable if it cannot be read.
    """
    path = named_backup(settings.backup_dir, name)
    try:
        file = path.open("rb")
    except OSError as error:
        raise Unavailable(f"The backup cannot be read: {error.strerror}.") from error
    with ExitStack() as unless_recorded:
        unless_recorded.callback(file.close)
        audit.record(actor, "backup.download", ("backup", name))
        unless_recorded.pop_all()
    return file


def find_damage(settings: Settings, name: str) -> str | None:
    """Read a whole backup in the backup folder, and its files; return what is wrong with it, None if it is intact.

    Raises NotFound if there is none of this name, Conflict while another backup or restore runs, Unavailable if it
    cannot be unpacked.
    """
    path = named_backup(settings.backup_dir, name)
    try:
        _verify(settings, path)
    except Malformed as error:
        return error.message
    return None


def latest_backup(settings: Settings) -> LatestBackup | None:
    """Return the latest backup in the backup folder, found by name without opening it; None if there is none."""
    if not (paths := backup_paths(settings.backup_dir)):
        return None
    return LatestBackup(paths[-1].name, created_at(paths[-1]), paths[-1].stat().st_size)


def verify_backup(settings: Settings, name_or_path: str) -> Manifest:
    """Read a whole backup and its files, given as a path or by its name in the backup folder; return its Manifest.

    Raises NotFound if there is no such file, Malformed if it is damaged or not a backup or if a file is missing,
    Unavailable if it cannot be unpacked.
    """
    return _verify(settings, find_backup(settings.backup_dir, name_or_path))


def _verify(settings: Settings, path: Path) -> Manifest:
    with working_folder(settings.backup_dir) as folder:
        manifest, _, files = unpack_backup(path, folder)
        if files and (damaged := find_damaged(settings, path, files)):
            raise Malformed(lacking_message(damaged))
    return manifest


def unpack_backup(path: Path, folder: Path) -> Unpacked:
    """Unpack a backup and check its snapshot; return what was Unpacked. Raises Malformed, Unavailable."""
    unpacked = archives.unpack(path, folder)
    snapshots_of(unpacked.manifest.database).check(unpacked.snapshot, unpacked.manifest)
    return unpacked


@job(schedule=lambda settings: settings.backup_schedule)
def back_up(settings: Settings) -> None:
    """Create the scheduled backup and delete the oldest ones, unless another process has just done so."""
    latest = latest_backup(settings)
    if latest and utcnow() - latest.created_at < SAME_RUN:
        return
    try:
        with suppress(Conflict):  # another process is creating it
            backup = create_backup(settings, SYSTEM)
            log.info("backup made", name=backup.name, bytes=backup.bytes)
            if backup.missing_files:
                raise Unavailable(lacking_message(backup.missing_files))
    finally:  # also after a failure: while copies fail, backups would otherwise fill the disk
        with suppress(Conflict):
            prune_backups(settings, settings.backup_keep)


def new_manifest(taken: Taken, applied: list[str]) -> Manifest:
    """Return the Manifest of a new backup with these migrations; sizes and checksums are added when it is written."""
    return Manifest(
        version=VERSION,
        database=database.name,
        migrations=applied,
        counts=taken.counts,
        created_at=rfc3339(utcnow()),
        **taken.totals._asdict(),
    )


def _describe(path: Path) -> Backup:
    try:
        manifest = archives.read_manifest(path)
    except Malformed:
        manifest = None
    return Backup(path.name, path.stat().st_size, manifest)


def applied_migrations() -> list[str]:
    """Return the names of the migrations that the database has, in order."""
    with connected():
        return [name for name, applied in migrations.migration_status() if applied]
