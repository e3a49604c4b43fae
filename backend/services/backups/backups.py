"""Backups: made beside what writes, listed, verified, put back, and thrown away when there are enough."""

import fcntl
import re
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import structlog

from backend.config.settings import Settings
from backend.models.database import DATABASE_ERRORS, connected, database
from backend.models.definition import Generation
from backend.services.access import audit
from backend.services.access.actors import SYSTEM, Actor
from backend.services.backups import archives, copies, postgres_snapshots, sqlite_snapshots
from backend.services.errors import Conflict, Malformed, NotFound, Unavailable
from backend.services.operation import migrations
from backend.services.operation.jobs import job
from backend.utils.clock import rfc3339, utcnow
from backend.utils.version import VERSION

NAME_FORMAT = "larder-%Y%m%dT%H%M%S%fZ.zip"  # sorts by time
NAME = re.compile(r"larder-\d{8}T\d{12}Z\.zip")
MAX_REQUESTED = 100  # backups in the folder; beyond that requests make none
ONE_RUN = timedelta(seconds=50)  # of the schedule, which several processes follow

log = structlog.get_logger()


@dataclass(frozen=True)
class Backup:
    """A file in the folder of backups; `bytes` is its own size. `manifest` is None where it cannot be read."""

    name: str
    bytes: int
    manifest: archives.Manifest | None


class LatestBackup(NamedTuple):
    """The latest file in the folder of backups, which need not be intact."""

    name: str
    created_at: datetime
    bytes: int


def create_requested_backup(settings: Settings, actor: Actor) -> Backup:
    """Make a backup for a request as create_backup does, unless there are MAX_REQUESTED already: raises Conflict then.

    Whoever may make backups is not to fill the disk with them.
    """
    if len(_paths(settings)) >= MAX_REQUESTED:
        raise Conflict(f"There are {MAX_REQUESTED} backups already; delete old ones with `flask backup prune`.")
    return create_backup(settings, actor)


def create_backup(settings, actor):
    """Write a backup of the database to the folder, and to the place for copies if there is one; return its Backup.

    Nobody waits for it. Raises Conflict while another is made or put back, Unavailable where it cannot be made now.
    """
    with _working(settings) as folder:
        path = _new_path(settings)
        applied, snapshot = _applied_migrations(), folder / "snapshot"
        _archive(path, snapshot, _snapshots().take(snapshot), applied)
    try:
        with connected():
            audit.record(actor, "backup.create", ("backup", path.name))
    except DATABASE_ERRORS:
        path.unlink()  # what failed must not be found in the list
        raise
    if settings.backup_target:
        copies.put(settings.backup_target, path)
    return _describe(path)


def list_backups(settings):
    """Return the Backups of the folder, the latest first."""
    return [_describe(path) for path in reversed(_paths(settings))]


def verify_backup(settings, given):
    """Return the Manifest of a backup, a name in the folder or a path, all of which was read.

    Raises NotFound, Malformed where it is damaged or is none, Unavailable without room to unpack it.
    """
    with _working(settings) as folder:
        return _unpack(_find(settings, given), folder)[0]


def restore_backup(settings, given):
    """Put a backup, a name in the folder or a path, in the place of what the database holds, and migrate it.

    Whoever uses the database sees all of the one or all of the other. Returns (Manifest, what keeps that which was
    there: the name of a Backup or of a schema, None where there was nothing). Raises what verify_backup does, and
    Conflict for one of another kind of database or of a newer version; then nothing has changed.
    """
    with _working(settings) as folder:
        manifest, snapshot = _unpack(_find(settings, given), folder)
        _require_suitable(manifest)
        applied, generation = _applied_migrations(), _generation()
        path = _new_path(settings)
        if database.name == "sqlite":
            migrations.upgrade_file(snapshot)
        aside = settings.backup_dir / f"before_restore_{utcnow():%Y%m%dt%H%M%S}"
        _snapshots().put_back(snapshot, manifest, generation, aside)
        kept = aside.name
        if database.name == "sqlite":
            kept = path.name
            _archive(path, aside, sqlite_snapshots.count_rows(aside), applied)
            aside.unlink()
    migrations.upgrade()
    with connected():
        audit.record(SYSTEM, "backup.restore", ("backup", Path(given).name), kept=kept)
    return manifest, kept if applied else None


def prune_backups(settings, keep):
    """Delete all but the `keep` latest backups of the folder and of the place for copies; return the deleted names."""
    gone = _paths(settings)[:-keep]
    for path in gone:
        path.unlink(missing_ok=True)
    if settings.backup_target:
        copies.prune(settings.backup_target, NAME, keep)
    return [path.name for path in gone]


def latest_backup(settings: Settings) -> LatestBackup | None:
    """Return the latest backup of the folder by its name, without opening it; None if there is none."""
    if not (paths := _paths(settings)):
        return None
    path = paths[-1]
    created_at = datetime.strptime(path.name, NAME_FORMAT).replace(tzinfo=UTC)
    return LatestBackup(path.name, created_at, path.stat().st_size)


@job(schedule=lambda settings: settings.backup_schedule)
def back_up(settings):
    """Make a backup, and let go of the oldest."""
    latest = latest_backup(settings)
    if latest and utcnow() - latest.created_at < ONE_RUN:
        return  # another process has made it
    try:
        backup = create_backup(settings, SYSTEM)
    except Conflict:
        return  # another process makes it
    finally:  # or the disk would fill while the place for copies is not to be reached
        prune_backups(settings, settings.backup_keep)
    log.info("backup made", name=backup.name, bytes=backup.bytes)


@contextmanager
def _working(settings):
    """Yield a new folder for one backup or restore at a time, which goes with the block."""
    try:
        settings.backup_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (settings.backup_dir / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in settings.backup_dir.glob(".work-*"):  # by a process that was killed
                shutil.rmtree(left)
            for left in settings.backup_dir.glob(".*.partial"):
                left.unlink()
            folder = tempfile.TemporaryDirectory(prefix=".work-", dir=settings.backup_dir)
            with database.time_limit(None), folder as path:
                yield Path(path)
    except BlockingIOError as error:
        raise Conflict("Another backup or restore is under way.") from error
    except OSError as error:
        raise Unavailable(f"The folder of backups cannot be used: {error.strerror or error}.") from error


def _new_path(settings):
    return settings.backup_dir / utcnow().strftime(NAME_FORMAT)


def _archive(path, snapshot, counts, applied):
    manifest = archives.Manifest(
        version=VERSION, database=database.name, migrations=applied, counts=counts, created_at=rfc3339(utcnow())
    )
    archives.write_archive(path, manifest, snapshot)


def _unpack(path, folder):
    """Return (Manifest, path of the snapshot), checked as far as that is possible without a database to put it in."""
    manifest, snapshot = archives.unpack(path, folder)
    snapshots = postgres_snapshots if manifest.database == "postgres" else sqlite_snapshots
    snapshots.check(snapshot, manifest)
    return manifest, snapshot


def _require_suitable(manifest):
    if manifest.database != database.name:
        raise Conflict(
            f"This is a backup of {manifest.database}, and the database is {database.name}; "
            "move records with `flask records export` and `import`."
        )
    with connected():
        known = {name for name, _ in migrations.migration_status()}
    if newer := [name for name in manifest.migrations if name not in known]:
        raise Conflict(f"This is a backup of Larder {manifest.version}, which is newer: {', '.join(newer)} is unknown.")


def _find(settings, given):
    for path in (Path(given), settings.backup_dir / given):
        if path.is_file():
            return path
    raise NotFound(f"There is no backup {given}.")


def _paths(settings):
    """Return the paths of all backups, the oldest first."""
    return sorted(path for path in settings.backup_dir.glob("*.zip") if NAME.fullmatch(path.name))


def _describe(path):
    try:
        manifest = archives.read_manifest(path)
    except Malformed:
        manifest = None
    return Backup(path.name, path.stat().st_size, manifest)


def _snapshots():
    return postgres_snapshots if database.name == "postgres" else sqlite_snapshots


def _applied_migrations():
    with connected():
        return [name for name, applied in migrations.migration_status() if applied]


def _generation():
    """Return the generation in force, 0 before the first migration."""
    with connected():
        return Generation.current() if Generation.table_exists() else 0
