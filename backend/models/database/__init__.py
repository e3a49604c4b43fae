"""The database handle, and the differences between SQLite and Postgres."""

import cysqlite
import psycopg
from peewee import PeeweeException

from backend.models.database.dialect import Dialect
from backend.models.database.failures import DatabaseUnavailable, QueryTimeout
from backend.models.database.handle import connected, database, open_database
from backend.models.database.postgres import Postgres
from backend.models.database.sqlite import Sqlite

__all__ = [
    "DATABASE_ERRORS",
    "DIALECTS",
    "DRIVER_ERRORS",
    "DatabaseUnavailable",
    "Dialect",
    "QueryTimeout",
    "connected",
    "database",
    "open_database",
]

DIALECTS = (Sqlite, Postgres)
DRIVER_ERRORS = (cysqlite.Error, psycopg.Error)
# All errors of a database: peewee wraps those of executing a statement, but not those of fetching its rows.
DATABASE_ERRORS = (PeeweeException, *DRIVER_ERRORS)
