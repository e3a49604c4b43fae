"""Inserts many rows with one statement.

For each statement, SQLite writes the full-text index to its pages, and Postgres takes a round trip. So 200 rows in one
are several times faster than 200 statements.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from backend.models.database import database

MAX_PLACES = 32_000  # of values in one statement; SQLite takes 32,766, Postgres twice as many


def insert_rows(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], conflict: str = "") -> None:
    """Insert rows, each with a value for each of the columns in the form of the database, in their order.

    `conflict` is the ON CONFLICT clause, if there is one. Raises IntegrityError if a row violates a constraint; call it
    in a transaction, because rows before that one may have been inserted.
    """
    at_once = MAX_PLACES // len(columns)
    names = ", ".join(f'"{name}"' for name in columns)
    places = f"({', '.join([database.param] * len(columns))})"
    for start in range(0, len(rows), at_once):
        some = rows[start : start + at_once]
        listed = ", ".join([places] * len(some))
        sql = f'INSERT INTO "{table}" ({names}) VALUES {listed} {conflict}'
        database.execute_sql(sql, tuple(chain.from_iterable(some)))
