"""Migrations of the system tables, one process at a time."""

import time
from collections.abc import Callable
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple, TypeVar

import structlog
from peewee import OperationalError
from playhouse.migrations import Runner

from backend import models
from backend.models.database import Dialect, database
from backend.models.database.sqlite import open_file
from backend.services.definitions.indexes import refresh_indexes

FOLDER = Path(models.__file__).parent / "migrations"
HISTORY_TABLE = "larder_migrations"
NOT_MIGRATED = "The database is not migrated; run `flask db upgrade`."
START_PATIENCE_SECONDS = 600

T = TypeVar("T")
log = structlog.get_logger()


class MigrationStatus(NamedTuple):
    """A migration by its name, and the moment it was applied, if it was."""

    name: str
    applied: datetime | None


def upgrade() -> list[str]:
    """Apply the migrations that have not been applied yet, in order; return their names.

    The indexes of resources become those of this version, too.

    Several processes may call this at once: one works, the others wait and find nothing left to do. A database that is
    up to date is only read, so that a start does not wait for a process that writes for long.
    """
    with database.connection_context(), database.lock_migrations():
        applied = [] if is_up_to_date() else when_writable(_runner(database.obj).up)
        when_writable(refresh_indexes)
        return applied


def when_writable(write: Callable[[], T]) -> T:
    """Return what `write` returns, called again for as long as another process holds the lock to write.

    For a start: one that gives up looks like a bad release. Raises OperationalError after START_PATIENCE_SECONDS.
    """
    last_moment = time.monotonic() + START_PATIENCE_SECONDS
    while True:
        try:
            return write()
        except OperationalError as error:
            reason = database.temporary_reason(error)
            if not reason or time.monotonic() > last_moment:
                raise
            log.warning("the start waits for the database", reason=reason)
            time.sleep(1)


def upgrade_file(path: Path) -> None:
    """Apply them to an SQLite database that no other process has open, such as a copy of this one."""
    handle = open_file(path)
    with handle.connection_context():
        _runner(handle).up()
    handle.close_all()


def migration_status() -> list[MigrationStatus]:
    """Return the migrations in order."""
    return [MigrationStatus(migration.name, migration.applied) for migration in _runner(database.obj).status()]


def is_up_to_date() -> bool:
    """Tell whether every migration of this version has been applied."""
    return _names() <= set(_runner(database.obj).applied())


@cache
def _names() -> set[str]:
    return {path.stem for path in FOLDER.glob("[0-9]*.py")}


@lru_cache(maxsize=1)
def _runner(handle: Dialect) -> Runner:
    return Runner(handle, directory=str(FOLDER), table_name=HISTORY_TABLE)
