"""The database handle, and what SQLite and Postgres say differently."""

from pathlib import Path

import cysqlite
import psycopg
from peewee import PeeweeException

from backend.models.database.failures import DatabaseUnavailable
from backend.models.database.handle import connected, database
from backend.models.database.postgres import Postgres, open_postgres
from backend.models.database.sqlite import Sqlite, open_sqlite

__all__ = [
    "DATABASE_ERRORS",
    "DRIVER_ERRORS",
    "DatabaseUnavailable",
    "Postgres",
    "Sqlite",
    "connected",
    "database",
    "open_database",
]

DRIVER_ERRORS = (cysqlite.Error, psycopg.Error)
# What the database may raise: peewee names errors of executing a statement, not those of reading its rows.
DATABASE_ERRORS = (PeeweeException, *DRIVER_ERRORS)


def open_database(
    url: str,
    *,
    synchronous: str = "full",
    timeout_seconds: float = 5,
    query_seconds: float = 5,
    pool_size: int = 12,
    slow_seconds: float = 1.0,
) -> None:
    """Point the handle at the database of `url`, closing the one it had; connections are made when first needed."""
    if database.obj is not None:
        database.close_all()
    if url.startswith("sqlite:///"):
        handle = open_sqlite(Path(url.removeprefix("sqlite:///")), synchronous, timeout_seconds, pool_size)
    else:
        handle = open_postgres(url, timeout_seconds, pool_size)
    handle.slow_seconds, handle.query_seconds = slow_seconds, query_seconds
    database.initialize(handle)
