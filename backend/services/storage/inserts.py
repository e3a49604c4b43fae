"""Inserts many rows at a time."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from backend.models.database import database

MAX_PLACES = 32_000  # of values in one statement; SQLite takes 32,766


def insert_rows(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], conflict: str = "") -> None:
    """Insert rows, each with a value for each of the columns in the form of the database, in their order.

    `conflict` is the ON CONFLICT clause, if there is one. Raises IntegrityError if a row violates a constraint; call it
    in a transaction, because rows before that one may have been inserted.
    """
    names = ", ".join(f'"{name}"' for name in columns)
    places = f"({', '.join([database.param] * len(columns))})"
    insert = f'INSERT INTO "{table}" ({names}) VALUES '
    if not database.inserts_many:
        database.execute_many(f"{insert}{places} {conflict}", rows)
        return
    at_once = MAX_PLACES // len(columns)
    for start in range(0, len(rows), at_once):
        some = rows[start : start + at_once]
        listed = ", ".join([places] * len(some))
        database.execute_sql(f"{insert}{listed} {conflict}", tuple(chain.from_iterable(some)))
