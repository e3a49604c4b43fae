"""The tables of an installation, with their columns on each database: what `flask data copy` moves and compares."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from graphlib import TopologicalSorter
from typing import Any, NamedTuple, TypeAlias

from peewee import Column, ColumnBase, Field, Model, Select, Table, Tuple

from backend.models.base import BaseModel, system_models
from backend.models.columns import IntegerColumn, JsonColumn, UuidColumn
from backend.models.database import Dialect
from backend.models.feed import Feed, FeedChange
from backend.models.links import links_table
from backend.models.records import ROWS_AT_ONCE, build_model
from backend.models.webhook import Webhook
from backend.services.definitions.definition import Definition
from backend.utils.clock import rfc3339

Values: TypeAlias = tuple[Any, ...]  # of a row, as Python values; JSON as text

CHECKSUM_BITS = 64
NOT_COPIED: dict[type[Model], Sequence[str]] = {Webhook: ("transaction_id", "sequence")}  # they are 0 then
LINK_COLUMNS: dict[str, Field] = {"record": UuidColumn(), "target": UuidColumn(), "place": IntegerColumn()}


class Checksum(NamedTuple):
    """The number of rows of a table, and a sum of their hashes, which does not depend on their order."""

    rows: int
    sum: str


class TableRows(NamedTuple):
    """The rows of a table on one database. `key` are the columns of the primary key, `given` those that are written."""

    dialect: Dialect
    name: str
    columns: dict[str, Field]
    key: tuple[str, ...]
    given: tuple[str, ...]

    def read(self, names: Sequence[str]) -> Iterator[list[Values]]:
        """Yield the values of these columns, some thousand rows at a time, in the order of the key."""
        table, count = Table(self.name), len(self.key)
        columns = [self._readable(table.c[name], self.columns[name]) for name in (*self.key, *names)]
        key = [table.c[name] for name in self.key]
        query = table.select(*columns).order_by(*key).limit(ROWS_AT_ONCE)
        rows = self._fetch(query)
        while rows:
            yield [self._values(row[count:], names) for row in rows]
            last = [self.columns[name].db_value(value) for name, value in zip(self.key, rows[-1], strict=False)]
            rows = self._fetch(query.where(Tuple(*key) > Tuple(*last)))

    def _fetch(self, query: Select) -> list[Values]:
        return list(self.dialect.execute(query).fetchall())

    def _readable(self, node: Column, column: Field) -> ColumnBase:
        return self.dialect.json_text(node) if isinstance(column, JsonColumn) else node

    def _values(self, row: Values, names: Sequence[str]) -> Values:
        return tuple(
            value if isinstance(self.columns[name], JsonColumn) else self.columns[name].python_value(value)
            for name, value in zip(names, row, strict=True)
        )

    def write(self, rows: Iterable[Values]) -> None:
        """Insert rows, with the values of the `given` columns."""
        columns = [self.columns[name] for name in self.given]
        listed, places = ", ".join(f'"{name}"' for name in self.given), ", ".join([self.dialect.param] * len(columns))
        stored = [
            [
                value if isinstance(column, JsonColumn) else column.db_value(value)
                for column, value in zip(columns, row, strict=True)
            ]
            for row in rows
        ]
        self.dialect.execute_many(f'INSERT INTO "{self.name}" ({listed}) VALUES ({places})', stored)

    def clear(self) -> None:
        """Delete all rows."""
        self.dialect.execute(Table(self.name).delete())

    def checksum(self) -> Checksum:
        """Return the Checksum of all rows, with computed values: equal rows have the same one on both databases."""
        count, total = 0, 0
        for rows in self.read([*self.columns]):
            count += len(rows)
            total += sum(_hash(row) for row in rows)
        return Checksum(count, f"{total % 2**CHECKSUM_BITS:016x}")


def _hash(row: Values) -> int:
    text = json.dumps(row, default=_plain, ensure_ascii=True)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=CHECKSUM_BITS // 8).digest(), "big")


def _plain(value: Any) -> str:
    """Return a moment or a decimal as text that is the same on both databases."""
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(f"no text for {type(value)}")


def system_tables(dialect: Dialect) -> list[TableRows]:
    """Return the system tables, those first that others refer to.

    The feed of changes begins anew, so it is not among them, nor are positions in it.
    """
    feed = Feed, FeedChange
    models = {str(model._meta.table_name): model for model in system_models() if model not in feed}
    targets = {name: [each for each in _targets(model) if each != name] for name, model in models.items()}
    return [_of_model(dialect, models[name]) for name in TopologicalSorter(targets).static_order()]


def _targets(model: type[BaseModel]) -> list[str]:
    constraints = [each.sql.split() for field in model._meta.sorted_fields for each in field.constraints or ()]
    return [words[1] for words in constraints if words[0] == "REFERENCES"]


def record_table(dialect: Dialect, definition: Definition) -> TableRows:
    """Return the table of a resource."""
    table = _of_model(dialect, build_model(definition, dialect))
    return table._replace(given=tuple(name for name in table.columns if name not in definition.computed_fields))


def link_tables(dialect: Dialect, definition: Definition) -> list[TableRows]:
    """Return the junction tables of a resource."""
    columns, key = LINK_COLUMNS, ("record", "target")
    names = [links_table(definition.name, field) for field in definition.links]
    return [TableRows(dialect, name, columns, key, tuple(columns)) for name in names]


def _of_model(dialect: Dialect, model: type[Model]) -> TableRows:
    meta = model._meta
    left_out = NOT_COPIED.get(model, ())
    columns = {str(field.column_name): field for field in meta.sorted_fields if field.name not in left_out}
    key = tuple(str(field.column_name) for field in meta.get_primary_keys())
    return TableRows(dialect, str(meta.table_name), columns, key, tuple(columns))
