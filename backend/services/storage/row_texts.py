"""Many rows in one: each column has the texts of all rows, one after the other.

A driver releases the interpreter for every row it fetches, and with other threads waiting it takes long to get it back:
a hundred rows in one are several times faster under load.
"""

from collections.abc import Iterable, Mapping

from peewee import SQL, ColumnBase, Select, fn

from backend.models.database import database
from backend.services.storage.listable import Listable

SEPARATOR = "\x1e"  # JSON text has no control characters: it escapes them


def split_texts(joined: str | None) -> list[str]:
    """Return the texts in a column of in_one_row; it is None if there are no rows."""
    return joined.split(SEPARATOR) if joined else []


def in_one_row(listable: Listable, rows: Select, names: Iterable[str]) -> Select:
    """Return the query of one row with the texts of all `rows`, in their order, in each named column."""
    # Both databases aggregate the rows of a sorted subquery in its order.
    joined = [fn.string_agg(SQL(name), SQL(f"'{SEPARATOR}'")) for name in names]
    return listable.model.select(*joined).from_(rows)


def select_named(listable: Listable, expressions: Mapping[str, ColumnBase]) -> Select:
    """Return the query of all rows with these expressions by name."""
    return listable.model.select(*(expression.alias(name) for name, expression in expressions.items()))


def bindable(columns: Iterable[ColumnBase]) -> list[ColumnBase]:
    """Return the expressions of values in a JSON array, in forms that a query can bind again."""
    return [database.bindable(column) for column in columns]
