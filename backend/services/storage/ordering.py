"""The order of a list in SQL, in parts that an index can serve, and the condition of being after a given row.

Nulls are last in either direction, which no index of both databases can express. So if the first key may be null, the
rows with a value and the rows without one are two parts, one after the other; each is a range of the same index.
"""

from functools import reduce
from itertools import takewhile
from operator import and_, or_
from typing import NamedTuple

from peewee import Column, ColumnBase, EnclosedNodeList, Expression, Field, Node, Value

from backend.models.database import database
from backend.services.storage.listable import Listable
from backend.services.storage.statements import slot

Sort = tuple[tuple[str, bool], ...]  # (field, is descending)


class Key(NamedTuple):
    """One term of an order; no two rows have the same value where it is unique."""

    column: ColumnBase
    descending: bool
    nullable: bool
    unique: bool = False

    @property
    def term(self) -> Node:
        """The ORDER BY term."""
        return database.order(self.column, self.descending, self.nullable)


class Part(NamedTuple):
    """Some rows of a list: the conditions that choose them, and their ORDER BY terms."""

    conditions: list[ColumnBase]
    terms: list[Node]


def total_order(sort: Sort) -> Sort:
    """Return the order with `id` at its end, in the direction of the last term, so that it is total.

    An index on (field, id) can be read forwards and backwards, but its columns only in the same direction.
    """
    names = [name for name, _ in sort]
    if "id" in names:
        return sort[: names.index("id") + 1]
    return (*sort, ("id", bool(sort) and sort[-1][1]))


def order_keys(listable: Listable, sort: Sort) -> list[Key]:
    """Return the Keys of a total order."""
    fields = listable.fields
    return [
        Key(
            fields[name].sort_key(listable.column(name), database.obj),
            descending,
            not fields[name].required,
            fields[name].unique,
        )
        for name, descending in sort
    ]


def parts(keys: list[Key], nulls: tuple[bool, ...] | None) -> list[Part]:
    """Return the Parts of a list in their order.

    `nulls` restricts them to the rows after that in the slots `after0`, `after1`, …; it says which of these are null.
    """
    if not keys[0].nullable:
        return _ranges(keys, nulls)
    if nulls is not None and nulls[0]:
        return [_part_without_value(keys, nulls)]
    return [*_parts_with_value(keys, nulls), _part_without_value(keys, None)]


def _parts_with_value(keys: list[Key], nulls: tuple[bool, ...] | None) -> list[Part]:
    """Return the Parts of the rows that have a value of the first key."""
    first, *rest = keys
    ranges = _ranges([first._replace(nullable=False), *rest], nulls)
    return [part._replace(conditions=[first.column.is_null(False), *part.conditions]) for part in ranges]


def _part_without_value(keys: list[Key], nulls: tuple[bool, ...] | None) -> Part:
    """Return the Part of the rows that have none."""
    first, *rest = keys
    following = [] if nulls is None else [_after(rest, nulls[1:], 1)]
    # The column is the same in all of them; the index is found by its term all the same.
    terms = [first._replace(nullable=False).term, *(key.term for key in rest)]
    return Part([first.column.is_null(), *following], terms)


def _ranges(keys: list[Key], nulls: tuple[bool, ...] | None) -> list[Part]:
    """Return the Parts whose first key is never null, each a range of one index.

    If the directions differ, the rows after a given one are two ranges: those with the same first keys, as far as these
    have one direction, and those after them.
    """
    if keys[0].unique:
        keys = keys[:1]
    terms = [key.term for key in keys]
    if nulls is None:
        return [Part([], terms)]
    alike = list(takewhile(lambda key: key.descending == keys[0].descending, keys))
    if len(alike) == len(keys) or any(key.nullable for key in keys):
        return [Part([_after(keys, nulls, 0)], terms)]
    same = [Expression(key.column, "=", slot(f"after{i}")) for i, key in enumerate(alike)]
    following = _after(keys[len(alike) :], nulls[len(alike) :], len(alike))
    return [Part([*same, following], terms), Part([_after(alike, nulls, 0)], terms)]


def _after(keys: list[Key], nulls: tuple[bool, ...], start: int) -> ColumnBase:
    """Return the condition of being after the row in the slots from `after<start>`."""
    slots = [slot(f"after{start + i}") for i in range(len(keys))]
    if any(key.nullable for key in keys) or len({key.descending for key in keys}) > 1:
        return _after_one_by_one(keys, nulls, slots)
    sign = "<" if keys[0].descending else ">"
    if len(keys) == 1:
        return Expression(keys[0].column, sign, slots[0])
    after = Expression(EnclosedNodeList([key.column for key in keys]), sign, EnclosedNodeList(slots))
    # SQLite finds no range of an index by a row that contains an expression.
    return after if isinstance(keys[0].column, Column | Field) else _from_on(keys[0], slots[0]) & after


def _after_one_by_one(keys: list[Key], nulls: tuple[bool, ...], slots: list[Value]) -> ColumnBase:
    """Return the condition for directions that differ, or keys that may be null.

    It reads: greater in the first column, or equal there and greater in the second, and so on.
    """
    choices: list[ColumnBase] = []
    equals: list[ColumnBase] = []
    for key, is_null, value in zip(keys, nulls, slots, strict=False):
        if not is_null:
            beyond = Expression(key.column, "<" if key.descending else ">", value)
            choices.append(reduce(and_, [*equals, beyond | key.column.is_null() if key.nullable else beyond]))
        equals.append(key.column.is_null() if is_null else Expression(key.column, "=", value))
    after = reduce(or_, choices)
    if nulls[0] or keys[0].nullable:
        return after
    return _from_on(keys[0], slots[0]) & after


def _from_on(key: Key, value: Value) -> ColumnBase:
    """Return the condition of having this value of a key, or a later one: an index can begin to read there."""
    return Expression(key.column, "<=" if key.descending else ">=", value)
