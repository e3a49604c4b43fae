"""The database handle, and what SQLite and Postgres answer differently."""

import cysqlite
import psycopg
from peewee import PeeweeException

from backend.models.database.dialect import Dialect
from backend.models.database.failures import DatabaseUnavailable
from backend.models.database.handle import connected, database
from backend.models.database.postgres import Postgres
from backend.models.database.sqlite import Sqlite

__all__ = [
    "DATABASE_ERRORS",
    "DIALECTS",
    "DRIVER_ERRORS",
    "DatabaseUnavailable",
    "Dialect",
    "connected",
    "database",
]

DIALECTS = (Sqlite, Postgres)
DRIVER_ERRORS = (cysqlite.Error, psycopg.Error)
# What the database may raise: peewee names errors of executing a statement, not those of reading its rows.
DATABASE_ERRORS = (PeeweeException, *DRIVER_ERRORS)
