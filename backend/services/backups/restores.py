"""Restores: the content of the database is replaced with a backup, and its files are put back into the storage."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import structlog
from peewee import chunked

from backend.config.settings import COPIES_FOLDER, Settings
from backend.models.database import connected, database
from backend.models.definition import Generation
from backend.models.file import File
from backend.services.access import audit
from backend.services.access.actors import SYSTEM
from backend.services.backups import archives
from backend.services.backups.archives import Manifest
from backend.services.backups.backups import applied_migrations, new_manifest, unpack_backup
from backend.services.backups.file_copies import copy_files, lacking_message, put_back
from backend.services.backups.file_lists import LIST_NAME, TABLE, read_list
from backend.services.backups.folder import find_backup, new_path, working_folder
from backend.services.backups.places import written_places
from backend.services.backups.snapshots import own_snapshots
from backend.services.errors import Conflict, Unavailable
from backend.services.operation import migrations
from backend.utils.clock import rfc3339, utcnow

COLUMNS = "id, created_at, name, type, bytes, sha256, resource, record_id, field"
# The files that only the replaced content has: as removed ones they are kept for some days more.
KEEP_REPLACED = f"""
    INSERT INTO {TABLE} ({COLUMNS}, removed_at)
    SELECT {COLUMNS}, coalesce(removed_at, {{now}}) FROM {{schema}}.{TABLE} AS old
    WHERE NOT EXISTS (SELECT 1 FROM {TABLE} AS kept WHERE kept.id = old.id)
"""
BATCH = 500  # ids in a statement

log = structlog.get_logger()


class Restored(NamedTuple):
    """The manifest of a restored backup.

    `kept` is the name of the backup file or the Postgres schema with the replaced content; None if there was none.
    """

    manifest: Manifest
    kept: str | None


def restore_backup(settings: Settings, name_or_path: str, *, without_files: bool = False) -> Restored:
    """Replace the content of the database with a backup, migrate it, and put its files back into the storage.

    The backup is given as a path or by its name in the backup folder. Other connections see either all of the old
    content or all of the new content. Raises what verify_backup raises, and Conflict if the backup is of a different
    database system or of a newer version of Larder, or if files are missing. Nothing has changed in the database then.
    `without_files` leaves the files in the storage as they are.
    """
    path = find_backup(settings.backup_dir, name_or_path)
    with working_folder(settings.backup_dir) as folder:
        manifest, snapshot, files = unpack_backup(path, folder)
        _require_restorable(manifest)
        absent = _restore_files(settings, path, files, without_files) if files else []
        applied, kept_path = applied_migrations(), new_path(settings.backup_dir)
        old_content = settings.backup_dir / f"before_restore_{utcnow():%Y%m%dt%H%M%S%f}"
        old_files = folder / f"old-{LIST_NAME}"
        taken = own_snapshots().restore(snapshot, manifest, _generation(), old_content, old_files)
        if taken:  # the old content is a file, not a schema
            archives.write_archive(kept_path, new_manifest(taken, applied), old_content, old_files)
        migrations.upgrade()
        _settle_rows(absent, old_content)
        if files and not without_files:  # a clean-up may have deleted some by the rows of the old content
            put_back(settings, path, files, only_missing=True)
        if taken:
            old_content.unlink()
            _copy_old_files(settings, old_files)
    kept = kept_path.name if taken else old_content.name
    with connected():
        audit.record(SYSTEM, "backup.restore", ("backup", path.name), kept=kept)
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


def _restore_files(settings: Settings, backup: Path, files: Path, without_files: bool) -> list[str]:
    """Put the files back; return the ids of staged files that are not there. Raises Conflict if others are missing."""
    if without_files:
        return [file.id for file in read_list(files) if file.is_staged]
    missing = put_back(settings, backup, files)
    if attached := [file for file in missing if not file.is_staged]:
        raise Conflict(
            f"{lacking_message(attached)} The others are in the storage now. The database has not changed: bring the "
            f"folder `{COPIES_FOLDER}` of the backup, or restore the database alone with `--without-files`."
        )
    return [file.id for file in missing]


def _settle_rows(absent: Iterable[str], old_content: Path) -> None:
    """Delete rows of files without bytes, and add those of the old content as removed files.

    So each row has its bytes, and no clean-up deletes at once what only the old content needs.
    """
    with own_snapshots().old_tables(old_content) as schema, database.atomic():
        File.delete().where(File.removed_at.is_null(False)).execute()  # a backup does not have their bytes
        if database.table_exists(TABLE, schema=schema):
            database.execute_sql(KEEP_REPLACED.format(schema=f'"{schema}"', now=f"'{rfc3339(utcnow())}'"))
        for ids in chunked(absent, BATCH):
            File.delete().where(File.id.in_(ids)).execute()


def _copy_old_files(settings: Settings, files: Path) -> None:
    try:
        copy_files(written_places(settings)[0], files)
    except Unavailable as error:  # the restore is complete, and the storage keeps them for some days
        log.warning("files of the replaced content not copied", reason=error.message)


def _generation() -> int:
    """Return the current generation of the definitions, 0 before the first migration."""
    with connected():
        return Generation.current() if database.table_exists(Generation) else 0
