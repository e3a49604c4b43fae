"""The operators of comparisons, as SQL with slots for the values."""

import json
from collections.abc import Callable, Collection
from typing import Any

from peewee import SQL, ColumnBase, Expression, Node, NodeList

from backend.models.database import database
from backend.services.storage.statements import slot
from backend.utils.nearest import nearest
from backend.utils.prefixes import prefix_end

COMPARISONS = {
    "eq": "=",
    "ne": "IS DISTINCT FROM",  # a NULL is not the value either, so it is found
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
}

OF_LISTS = ("has", "has_any", "has_all")
OF_VALUES = ("in", "any", "all", "none", "has_any", "has_all")  # the operators with several values
NOT_EMPTY = ("all", "has_all")  # of these, the operators with at least one
OF_TRUTH = ("isnull", "isempty")  # the operators with true or false

# The operators that other products have, each with the names of ours, of which a field may have one.
FOREIGN_OPERATORS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(["like", "match"], ("contains",)),
    **dict.fromkeys(["ilike", "search", "iregex"], ("icontains",)),
    **dict.fromkeys(["neq", "not", "nin", "exclude"], ("ne", "none")),
    **dict.fromkeys(["ge", "min", "from", "after", "since"], ("gte",)),
    **dict.fromkeys(["le", "max", "to", "before", "until"], ("lte",)),
    **dict.fromkeys(["exact", "equals", "is", "iexact"], ("eq",)),
    **dict.fromkeys(["null", "is_null", "exists", "notnull"], ("isnull",)),
    **dict.fromkeys(["empty", "is_empty"], ("isempty",)),
    **dict.fromkeys(["starts_with", "istartswith", "prefix"], ("startswith",)),
    **dict.fromkeys(["contains", "includes"], ("has", "any")),
    **dict.fromkeys(["overlap"], ("has_any", "any")),
    **dict.fromkeys(["oneof"], ("in",)),
}


def near_operator(operator: str, operators: Collection[str]) -> str | None:
    """Return the one of `operators` that was most likely meant by one that does not exist; None if none was."""
    meant = (operator, *FOREIGN_OPERATORS.get(operator, ()))
    return next((each for each in meant if each in operators), None) or nearest(operator, operators)


def value_count(operator: str, value: Any) -> Any:
    """Return what of a value decides the SQL text: how many values it has; for OF_TRUTH the value itself."""
    if operator == "in":
        return len(value)
    if operator == "startswith":
        return 1 if prefix_end(value) is None else 2
    return value if operator in OF_TRUTH else 1


def operand_values(compared_value: Callable[[Any], Any], operator: str, value: Any, key: str) -> dict[str, Any]:
    """Return the values of the slots of `operation`; `compared_value` returns what a value is compared by."""
    if operator in OF_TRUTH:
        return {}
    if operator == "in":
        return {f"{key}_{i}": compared_value(each) for i, each in enumerate(value)}
    if operator in OF_LISTS:
        return {key: json.dumps([value] if operator == "has" else value)}
    compared = compared_value(value)
    return {key: compared, f"{key}_end": prefix_end(compared)} if operator == "startswith" else {key: compared}


def operation(column: ColumnBase, operator: str, count: Any, key: str) -> ColumnBase:
    """Return the SQL of an operator with a value, of which value_count is given; its slots begin with `key`."""
    if operator in COMPARISONS:
        return comparison(column, operator, slot(key))
    return OTHER_OPERATORS[operator](column, count, key)


def comparison(column: ColumnBase, operator: str, other: Node) -> ColumnBase:
    """Return the SQL of one of COMPARISONS."""
    return Expression(column, COMPARISONS[operator], other)


def _is_null(column: ColumnBase, is_null: bool, key: str) -> ColumnBase:
    return column.is_null(is_null)


def _is_among(column: ColumnBase, count: int, key: str) -> ColumnBase:
    return column.in_([slot(f"{key}_{i}") for i in range(count)]) if count else SQL("1 = 0")


def _contains(column: ColumnBase, count: int, key: str) -> ColumnBase:
    return Expression(database.position(column, slot(key)), ">", 0)


def _contains_folded(column: ColumnBase, count: int, key: str) -> ColumnBase:
    return Expression(database.position(database.fold(column), database.fold(slot(key))), ">", 0)


def _has_all(column: ColumnBase, count: int, key: str) -> ColumnBase:
    return database.has_all(column, slot(key))


def _has_any(column: ColumnBase, count: int, key: str) -> ColumnBase:
    return database.has_any(column, slot(key))


def _is_empty(column: ColumnBase, is_empty: bool, key: str) -> ColumnBase:
    text = database.json_text(column)
    if is_empty:
        return NodeList([column.is_null(), Expression(text, "=", SQL("'[]'"))], glue=" OR ", parens=True)
    return Expression(text, "<>", SQL("'[]'"))


def _starts_with(column: ColumnBase, count: int, key: str) -> ColumnBase:
    begins = column >= slot(key)
    return begins & (column < slot(f"{key}_end")) if count == 2 else begins


OTHER_OPERATORS: dict[str, Callable[[ColumnBase, Any, str], ColumnBase]] = {
    "isnull": _is_null,
    "in": _is_among,
    "contains": _contains,
    "icontains": _contains_folded,
    "has": _has_all,
    "has_any": _has_any,
    "has_all": _has_all,
    "isempty": _is_empty,
    "startswith": _starts_with,
}
