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
MAX_START_WAIT_SECONDS = 600

T = TypeVar("T")
log = structlog.get_logger()


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
        applied = [] if is_up_to_date() else when_writable(_runner(database.obj).up)
        when_writable(refresh_indexes)
        return applied


def when_writable(write: Callable[[], T]) -> T:
    """Call `write` and return its result; call it again for as long as another process holds the write lock.

    A start must wait like this: if it gave up, the release would seem to be broken. Raises OperationalError after
    MAX_START_WAIT_SECONDS.
    """
    deadline = time.monotonic() + MAX_START_WAIT_SECONDS
    while True:
        try:
            return write()
        except OperationalError as error:
            reason = database.temporary_reason(error)
            if not reason or time.monotonic() > deadline:
                raise
            log.warning("the start waits for the database", reason=reason)
            time.sleep(1)


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
