"""SQL conditions made from triples of field, operator and value: the filters of a list, the row rules of a grant.

Only their shape decides the SQL text, and each value has a slot: one statement serves all triples of the same shape.
"""

from collections.abc import Callable, Iterable
from functools import reduce
from operator import and_, or_
from typing import Any, Protocol

from peewee import OP, SQL, ColumnBase, Expression

from backend.models.database import database
from backend.services.storage.listable import Listable
from backend.services.storage.statements import slot
from backend.utils.prefixes import prefix_end

COMPARISONS = {
    "eq": "=",
    "ne": "IS DISTINCT FROM",  # a NULL is not the value either, so it is found
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
}
NO_ROW, EVERY_ROW = SQL("1 = 0"), SQL("1 = 1")

Triple = tuple[str, str, Any]  # (field, operator, value)
TripleShape = tuple[str, str, Any]  # (field, operator, how many values; of `isnull` the value)
ScopeShape = tuple[tuple[TripleShape, ...], ...] | None  # alternatives, in each all triples hold; None for all rows


class HasColumns(Protocol):
    """What has an expression for each field: a Listable, or a row that does not exist yet."""

    def column(self, name: str) -> ColumnBase:
        """Return the expression of a field's value."""


def shape_of(triples: Iterable[Triple]) -> tuple[TripleShape, ...]:
    """Return what of the triples decides the SQL text: the field, the operator and how many values."""
    return tuple((field, operator, _value_count(operator, value)) for field, operator, value in triples)


def _value_count(operator: str, value: Any) -> Any:
    if operator == "in":
        return len(value)
    if operator == "startswith":
        return 1 if prefix_end(value) is None else 2
    return value if operator == "isnull" else 1


def slot_values(listable: Listable, triples: Iterable[Triple], prefix: str) -> dict[str, Any]:
    """Return the values of the triples' slots, whose names begin with `prefix`."""
    values: dict[str, Any] = {}
    for i, (field, operator, value) in enumerate(triples):
        values |= _values(listable, field, operator, value, f"{prefix}{i}")
    return values


def _values(listable: Listable, field: str, operator: str, value: Any, key: str) -> dict[str, Any]:
    if operator == "isnull":
        return {}
    if operator == "in":
        return {f"{key}_{i}": listable.column(field).db_value(each) for i, each in enumerate(value)}
    if operator == "startswith":
        return {key: value, f"{key}_end": prefix_end(value)}
    return {key: value if operator == "has" else listable.column(field).db_value(value)}


def conditions(columns: HasColumns, shape: Iterable[TripleShape], prefix: str) -> list[ColumnBase]:
    """Return the SQL condition of each triple of this shape; slot_values fills its slots."""
    return [_condition(columns, *each, f"{prefix}{i}") for i, each in enumerate(shape)]


def _condition(columns: HasColumns, field: str, operator: str, count: Any, key: str) -> ColumnBase:
    column = columns.column(field)
    if operator in COMPARISONS:
        return Expression(column, COMPARISONS[operator], slot(key))
    return OTHER_OPERATORS[operator](column, count, key)


def _is_null(column: ColumnBase, is_null: bool, key: str) -> ColumnBase:
    return column.is_null(is_null)


def _is_among(column: ColumnBase, count: int, key: str) -> ColumnBase:
    return column.in_([slot(f"{key}_{i}") for i in range(count)]) if count else NO_ROW


def _contains(column: ColumnBase, count: int, key: str) -> ColumnBase:
    return Expression(database.position(column, slot(key)), ">", 0)


def _contains_folded(column: ColumnBase, count: int, key: str) -> ColumnBase:
    return Expression(database.position(database.fold(column), database.fold(slot(key))), ">", 0)


def _has(column: ColumnBase, count: int, key: str) -> ColumnBase:
    return Expression(slot(key), OP.IN, column)


def _starts_with(column: ColumnBase, count: int, key: str) -> ColumnBase:
    begins = column >= slot(key)
    return begins & (column < slot(f"{key}_end")) if count == 2 else begins


OTHER_OPERATORS: dict[str, Callable[[ColumnBase, Any, str], ColumnBase]] = {
    "isnull": _is_null,
    "in": _is_among,
    "contains": _contains,
    "icontains": _contains_folded,
    "has": _has,
    "startswith": _starts_with,
}


def within(columns: HasColumns, shape: ScopeShape, prefix: str = "scope") -> ColumnBase:
    """Return the condition that a row is within a scope of this shape."""
    if shape is None:
        return EVERY_ROW
    alternatives = [conditions(columns, each, f"{prefix}{i}_") for i, each in enumerate(shape)]
    return reduce(or_, [reduce(and_, each) for each in alternatives]) if alternatives else NO_ROW


def scope_values(listable: Listable, alternatives: Iterable[Iterable[Triple]], prefix: str = "scope") -> dict[str, Any]:
    """Return the values of the slots of `within`, of a scope with these alternatives."""
    values: dict[str, Any] = {}
    for i, triples in enumerate(alternatives):
        values |= slot_values(listable, triples, f"{prefix}{i}_")
    return values
