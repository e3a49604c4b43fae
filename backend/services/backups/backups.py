"""Backups: create one while others write, list, verify and restore them, and delete old ones."""

from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, NamedTuple

import structlog

from backend.config.settings import Settings
from backend.models.database import DATABASE_ERRORS, connected, database
from backend.models.definition import Generation
from backend.services.access import audit
from backend.services.access.actors import SYSTEM, Actor
from backend.services.backups import archives, copies
from backend.services.backups.archives import Manifest, RowCounts
from backend.services.backups.folder import (
    NAME_PATTERN,
    backup_paths,
    created_at,
    find_backup,
    named_backup,
    new_path,
    working_folder,
)
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
    """A file in the backup folder, with its size; `manifest` is None if the file is damaged."""

    name: str
    bytes: int
    manifest: Manifest | None


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


class Restored(NamedTuple):
    """The manifest of a restored backup.

    `kept` is the name of the backup file or the Postgres schema with the replaced content; None if there was none.
    """

    manifest: Manifest
    kept: str | None


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

    Readers and writers do not wait for it. Raises Conflict while another backup or restore runs, Unavailable if the
    backup cannot be written or copied.
    """
    with working_folder(settings.backup_dir) as folder:
        path, snapshot = new_path(settings.backup_dir), folder / "snapshot"
        applied = _applied_migrations()
        counts = own_snapshots().take(snapshot)
        archives.write_archive(path, _new_manifest(counts, applied), snapshot)
    _record_backup(actor, path)
    if settings.backup_target:
        copies.put(settings.backup_target, path)
    return _describe(path)


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
    """Read a whole backup in the backup folder; return what is wrong with it, None if it is intact.

    Raises NotFound if there is none of this name, Conflict while another backup or restore runs, Unavailable if it
    cannot be unpacked.
    """
    path = named_backup(settings.backup_dir, name)
    try:
        with working_folder(settings.backup_dir) as folder:
            _unpack(path, folder)
    except Malformed as error:
        return error.message
    return None


def latest_backup(settings: Settings) -> LatestBackup | None:
    """Return the latest backup in the backup folder, found by name without opening it; None if there is none."""
    if not (paths := backup_paths(settings.backup_dir)):
        return None
    return LatestBackup(paths[-1].name, created_at(paths[-1]), paths[-1].stat().st_size)


def verify_backup(settings: Settings, name_or_path: str) -> Manifest:
    """Read a whole backup, given as a path or by its name in the backup folder; return its Manifest.

    Raises NotFound if there is no such file, Malformed if it is damaged or not a backup, Unavailable if it cannot be
    unpacked.
    """
    with working_folder(settings.backup_dir) as folder:
        manifest, _ = _unpack(find_backup(settings.backup_dir, name_or_path), folder)
    return manifest


def restore_backup(settings: Settings, name_or_path: str) -> Restored:
    """Replace the content of the database with a backup, and migrate it.

    The backup is given as a path or by its name in the backup folder. Other connections see either all of the old
    content or all of the new content. Raises what verify_backup raises, and Conflict if the backup is of a different
    database system or of a newer version of Larder. Nothing has changed then.
    """
    with working_folder(settings.backup_dir) as folder:
        manifest, snapshot = _unpack(find_backup(settings.backup_dir, name_or_path), folder)
        _require_restorable(manifest)
        applied, path = _applied_migrations(), new_path(settings.backup_dir)
        old_content = settings.backup_dir / f"before_restore_{utcnow():%Y%m%dt%H%M%S%f}"
        old_counts = own_snapshots().restore(snapshot, manifest, _generation(), old_content)
        kept = old_content.name
        if old_counts is not None:  # the old content is a file, not a schema
            archives.write_archive(path, _new_manifest(old_counts, applied), old_content)
            old_content.unlink()
            kept = path.name
    migrations.upgrade()
    with connected():
        audit.record(SYSTEM, "backup.restore", ("backup", Path(name_or_path).name), kept=kept)
    return Restored(manifest, kept if applied else None)


def _require_restorable(manifest: Manifest) -> None:
    if manifest.database != database.name:
        raise Conflict(
            f"This is a backup of {manifest.database}, and the database is {database.name}; "
            "move records with `flask records export` and `import`."
        )
    with connected():
        known = {name for name, _ in migrations.migration_status()}
    if newer := [name for name in manifest.migrations if name not in known]:
        raise Conflict(f"This is a backup of Larder {manifest.version}, which is newer: {', '.join(newer)} is unknown.")


def _unpack(path: Path, folder: Path) -> tuple[Manifest, Path]:
    """Unpack a backup and check its snapshot; return the Manifest and the path of the snapshot."""
    manifest, snapshot = archives.unpack(path, folder)
    snapshots_of(manifest.database).check(snapshot, manifest)
    return manifest, snapshot


def prune_backups(settings: Settings, keep: int) -> list[str]:
    """Delete all but the `keep` latest backups, and their copies; return the names deleted from the backup folder."""
    surplus = backup_paths(settings.backup_dir)[:-keep]
    for path in surplus:
        path.unlink(missing_ok=True)
    if settings.backup_target:
        copies.prune(settings.backup_target, NAME_PATTERN, keep)
    return [path.name for path in surplus]


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
    finally:  # also after a failure: while copies fail, backups would otherwise fill the disk
        prune_backups(settings, settings.backup_keep)


def _new_manifest(counts: RowCounts, applied: list[str]) -> Manifest:
    return Manifest(
        version=VERSION, database=database.name, migrations=applied, counts=counts, created_at=rfc3339(utcnow())
    )


def _describe(path: Path) -> Backup:
    try:
        manifest = archives.read_manifest(path)
    except Malformed:
        manifest = None
    return Backup(path.name, path.stat().st_size, manifest)


def _applied_migrations() -> list[str]:
    with connected():
        return [name for name, applied in migrations.migration_status() if applied]


def _generation() -> int:
    """Return the current generation of the definitions, 0 before the first migration."""
    with connected():
        return Generation.current() if database.table_exists(Generation) else 0
