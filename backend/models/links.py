"""Junction tables: the links from the records of one table to those of another, for fields that hold several ids."""

import hashlib
from collections.abc import Callable
from typing import Any, Self

from peewee import SQL, ColumnBase, Expression, Node, Select, Table, WrappedNode, fn

PREFIX = "larder_links_"


def links_table(resource: str, field: str) -> str:
    """Return the name of the junction table of a field, short enough for Postgres."""
    digest = hashlib.sha256(f"{resource}\n{field}".encode()).hexdigest()[:12]
    return f"{PREFIX}{resource[:17]}_{field[:17]}_{digest}"


def insert_links_sql(table: str, param: str) -> str:
    """Return the statement that inserts (record, target, place), or changes the place of a link that is there.

    `param` is the placeholder of the database.
    """
    moved = f'ON CONFLICT (record, target) DO UPDATE SET place = excluded.place WHERE "{table}".place <> excluded.place'
    return f'INSERT INTO "{table}" (record, target, place) VALUES ({param}, {param}, {param}) {moved}'


class Subquery(WrappedNode):
    """A query that is a value: peewee itself would give it an alias in a RETURNING clause."""

    def __sql__(self, ctx: Any) -> Any:
        with ctx.scope_normal(subquery=True):
            return ctx.sql(self.node)


def is_in(value: Node, query: Node) -> ColumnBase:
    """Return the condition that a query has the value.

    For the operator `IN`, peewee would build the SQL of the query twice, to see whether it is an empty list: on each
    level of nested queries, so 2 to the power of 14 times in a deep condition. The space makes it another operator.
    """
    return Expression(value, "IN ", query)


class Links:
    """The links of a row, in the order of `place`: what a field without a column has in place of one.

    `record` is the expression of the row's id. With `is_shown`, which returns a condition for the expression of a
    target's id, links that do not meet it are left out.
    """

    def __init__(
        self, table: str, record: ColumnBase, is_shown: Callable[[ColumnBase], ColumnBase] | None = None
    ) -> None:
        self.name, self.record, self.is_shown = table, record, is_shown
        self.table = Table(table)

    def narrowed(self, is_shown: Callable[[ColumnBase], ColumnBase]) -> Self:
        """Return those whose target meets the condition."""
        return type(self)(self.name, self.record, is_shown)

    def all_rows(self, *columns: Any) -> Select:
        """Return the query of the links of all rows."""
        query = self.table.select(*columns)
        return query.where(self.is_shown(self.table.c.target)) if self.is_shown else query

    def select(self, *columns: Any) -> Select:
        """Return the query of the links of the row."""
        return self.all_rows(*columns).where(self.table.c.record == self.record)

    def some(self, meets: Callable[[ColumnBase], ColumnBase], *, is_one: bool) -> ColumnBase:
        """Return the condition that the target of one of the links meets `meets`.

        For many rows the links are found once, for one row only its own ones are tested.
        """
        condition = meets(self.table.c.target)
        if is_one:
            return fn.EXISTS(self.select(SQL("1")).where(condition))
        return is_in(self.record, self.all_rows(self.table.c.record).where(condition))
