"""The database handle, and what SQLite and Postgres say differently."""

from pathlib import Path

from backend.models.database.handle import connected, database
from backend.models.database.postgres import Postgres, open_postgres
from backend.models.database.sqlite import Sqlite, open_sqlite

__all__ = ["Postgres", "Sqlite", "connected", "database", "open_database"]


def open_database(url, *, synchronous="full", timeout_seconds=5, pool_size=12, slow_seconds=1.0):
    """Point the handle at the database of `url`, closing the one it had; connections are made when first needed."""
    if database.obj is not None:
        database.close_all()
    if url.startswith("sqlite:///"):
        handle = open_sqlite(Path(url.removeprefix("sqlite:///")), synchronous, timeout_seconds, pool_size)
    else:
        handle = open_postgres(url, timeout_seconds, pool_size)
    handle.slow_seconds = slow_seconds
    database.initialize(handle)
