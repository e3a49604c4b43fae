"""Migrations of the system tables, one process at a time."""

from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from playhouse.migrations import Runner

from backend import models
from backend.models.database import Dialect, database
from backend.models.database.retries import retry_while_locked
from backend.models.database.sqlite import open_file
from backend.services.definitions.indexes import refresh_indexes

FOLDER = Path(models.__file__).parent / "migrations"
HISTORY_TABLE = "larder_migrations"
NOT_MIGRATED = "The database is not migrated; run `flask db upgrade`."


class MigrationStatus(NamedTuple):
    """The name of a migration, and when it was applied; None if it was not."""

    name: str
    applied: datetime | None


def upgrade() -> list[str]:
    """Apply the migrations that have not been applied yet, in order; return their names.

    Also update the indexes of resources to those of this version.

    Several processes may call this at once: one works, the others wait and find nothing left to do. A database that is
    up to date is only read, so that a start does not wait for a long write of another process.
    """
    with database.connection_context(), database.lock_migrations():
        applied = [] if is_up_to_date() else retry_while_locked(_runner(database.obj).up)
        retry_while_locked(refresh_indexes)
        return applied


def upgrade_file(path: Path) -> None:
    """Apply the migrations to an SQLite file that no other process has open, such as a snapshot."""
    handle = open_file(path)
    with handle.connection_context():
        _runner(handle).up()
    handle.close_all()


def migration_status() -> list[MigrationStatus]:
    """Return the MigrationStatus of each migration, in order."""
    return [MigrationStatus(migration.name, migration.applied) for migration in _runner(database.obj).status()]


def is_up_to_date() -> bool:
    """Return whether every migration of this version has been applied."""
    return _names() <= set(_runner(database.obj).applied())


@cache
def _names() -> set[str]:
    return {path.stem for path in FOLDER.glob("[0-9]*.py")}


@lru_cache(maxsize=1)
def _runner(handle: Dialect) -> Runner:
    return Runner(handle, directory=str(FOLDER), table_name=HISTORY_TABLE)
