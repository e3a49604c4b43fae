"""Conditions on rows, of which filters, row rules and `where` are made.

A condition is a tree: Compare, All, AnyOf, Not, and Through, which leads along a relation. Its `shape` is the same tree
with the number of values in place of the values. Only the shape decides the SQL text, and each value has a slot: one
statement serves all conditions of the same shape.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Protocol, Self

from peewee import SQL, ColumnBase, Expression, NodeList, fn

from backend.models.database import database
from backend.models.links import is_in
from backend.services.storage.listable import Field, Listable
from backend.services.storage.operators import comparison, operand_values, operation, value_count
from backend.services.storage.relations import Relation

NO_ROW, EVERY_ROW = SQL("1 = 0"), SQL("1 = 1")

Triple = tuple[str, str, Any]  # (field, operator, value)


class Row(Protocol):
    """What a condition is about: the rows of a Listable, or one row, which need not exist yet."""

    is_one: bool

    @property
    def fields(self) -> Mapping[str, Field]:
        """Map of name to the type of the field."""

    def column(self, name: str) -> ColumnBase:
        """Return the expression of a field's value."""

    def related(self, relation: Relation) -> Listable:
        """Return the Listable to which a relation leads."""


class Condition(ABC):
    """A condition, or its shape."""

    __slots__ = ()

    @property
    @abstractmethod
    def shape(self) -> "Condition":
        """The condition without its values, which decides the SQL text."""

    @property
    @abstractmethod
    def own_fields(self) -> frozenset[str]:
        """The fields of the row itself that it depends on."""

    @abstractmethod
    def values(self, listable: Listable, key: str) -> dict[str, Any]:
        """Return the values of its slots, whose names begin with `key`."""

    @abstractmethod
    def sql(self, row: Row, key: str) -> ColumnBase:
        """Return the SQL of a shape; its slots have names that begin with `key`."""


@dataclass(frozen=True, slots=True)
class OtherField:
    """Another field of the same row, as the value of a Compare."""

    name: str


@dataclass(frozen=True, slots=True)
class Compare(Condition):
    """A field is compared with a value, or with OtherField.

    In a shape, `value` is how many values there are; of `isnull` it is the value.
    """

    field: str
    operator: str
    value: Any

    @property
    def shape(self) -> "Compare":
        """The comparison without its value."""
        value = self.value if isinstance(self.value, OtherField) else value_count(self.operator, self.value)
        return Compare(self.field, self.operator, value)

    @property
    def own_fields(self) -> frozenset[str]:
        """The field, and the one it is compared with."""
        return frozenset({self.field, self.value.name} if isinstance(self.value, OtherField) else {self.field})

    def values(self, listable: Listable, key: str) -> dict[str, Any]:
        """Return the values as the database stores them."""
        if isinstance(self.value, OtherField):
            return {}
        return operand_values(partial(listable.compared_value, self.field), self.operator, self.value, key)

    def sql(self, row: Row, key: str) -> ColumnBase:
        """Return the comparison."""
        column = row.column(self.field)
        if self.operator != "isnull":
            column = row.fields[self.field].compared(column, database.obj)
        if isinstance(self.value, OtherField):
            other = row.fields[self.field].compared(row.column(self.value.name), database.obj)
            return comparison(column, self.operator, other)
        return operation(column, self.operator, self.value, key)


@dataclass(frozen=True, slots=True)
class _Group(Condition):
    """Several parts, joined by an operator."""

    parts: tuple[Condition, ...]
    glue: ClassVar[str]
    without_parts: ClassVar[ColumnBase]

    @property
    def shape(self) -> Self:
        """The parts without their values."""
        return type(self)(tuple([part.shape for part in self.parts]))

    @property
    def own_fields(self) -> frozenset[str]:
        """The fields of all parts."""
        return frozenset().union(*(part.own_fields for part in self.parts))

    def values(self, listable: Listable, key: str) -> dict[str, Any]:
        """Return the values of all parts."""
        values: dict[str, Any] = {}
        for i, part in enumerate(self.parts):
            values |= part.values(listable, f"{key}_{i}")
        return values

    def sql(self, row: Row, key: str) -> ColumnBase:
        """Return the parts in one list: nested pairs of many parts would fill Python's stack."""
        nodes = [part.sql(row, f"{key}_{i}") for i, part in enumerate(self.parts)]
        if len(nodes) > 1:
            return NodeList(nodes, glue=self.glue, parens=True)
        return nodes[0] if nodes else self.without_parts


@dataclass(frozen=True, slots=True)
class All(_Group):
    """Each of the parts is true."""

    glue: ClassVar[str] = " AND "
    without_parts: ClassVar[ColumnBase] = EVERY_ROW


@dataclass(frozen=True, slots=True)
class AnyOf(_Group):
    """At least one of the parts is true."""

    glue: ClassVar[str] = " OR "
    without_parts: ClassVar[ColumnBase] = NO_ROW


@dataclass(frozen=True, slots=True)
class Not(Condition):
    """The part is false, or neither true nor false because of a NULL."""

    part: Condition

    @property
    def shape(self) -> "Not":
        """The part without its values."""
        return Not(self.part.shape)

    @property
    def own_fields(self) -> frozenset[str]:
        """The fields of the part."""
        return self.part.own_fields

    def values(self, listable: Listable, key: str) -> dict[str, Any]:
        """Return the values of the part."""
        return self.part.values(listable, key)

    def sql(self, row: Row, key: str) -> ColumnBase:
        """Return that the part is not true."""
        return Expression(self.part.sql(row, key), "IS NOT", SQL("TRUE"))


@dataclass(frozen=True, slots=True)
class Through(Condition):
    """At least one of the related records meets the part."""

    relation: Relation
    part: Condition

    @property
    def shape(self) -> "Through":
        """The relation, and the part without its values."""
        return Through(self.relation, self.part.shape)

    @property
    def own_fields(self) -> frozenset[str]:
        """The field by which the related records are found."""
        return frozenset({self.relation.link_field})

    def values(self, listable: Listable, key: str) -> dict[str, Any]:
        """Return the values of the part."""
        return self.part.values(listable.related(self.relation), key)

    def sql(self, row: Row, key: str) -> ColumnBase:
        """Return that the link is among those of the related records that meet the part.

        For many rows the related records are found once, for one row only its own ones are tested.
        """
        is_one = row.is_one or self.relation.is_looked_up
        target = row.related(self.relation).aliased(is_one=is_one)
        if self.relation.links:
            return self._through_links(row, target, key)
        link, matching = row.column(self.relation.link_field), target.column(self.relation.matching_field)
        part = self.part.sql(target, key)
        if is_one:
            mine = Expression(matching, "=", link)
            return fn.EXISTS(target.model.select(SQL("1")).where(mine, part))
        return is_in(link, target.model.select(matching).where(part))

    def _through_links(self, row: Row, target: Listable, key: str) -> ColumnBase:
        """Return that a link of the row, or a link to it, is one of a related record that meets the part."""
        if not self.relation.is_back:
            links: Any = row.column(self.relation.field)
            condition: ColumnBase = links.some(partial(self._is_met_by, target, key), is_one=row.is_one)
            return condition
        back: Any = target.column(self.relation.field)
        part, record_id = self.part.sql(target, key), row.column("id")
        if row.is_one:
            mine = fn.EXISTS(back.select(SQL("1")).where(back.table.c.target == record_id))
            return fn.EXISTS(target.model.select(SQL("1")).where(mine, part))
        records = target.model.select(target.column("id")).where(part)
        return is_in(record_id, back.table.select(back.table.c.target).where(is_in(back.table.c.record, records)))

    def _is_met_by(self, target: Listable, key: str, record_id: ColumnBase) -> ColumnBase:
        """Return that the record of `target` with this id meets the part."""
        part = self.part
        if isinstance(part, Compare) and part.field == "id" and not isinstance(part.value, OtherField):
            return operation(record_id, part.operator, part.value, key)  # its links have the ids already
        if part == EVERY:
            return EVERY_ROW
        meets, target_id = part.sql(target, key), target.column("id")
        if target.is_one:
            return fn.EXISTS(target.model.select(SQL("1")).where(target_id == record_id, meets))
        return is_in(record_id, target.model.select(target_id).where(meets))


EVERY: Condition = All(())
NEVER: Condition = AnyOf(())


def all_of(parts: Iterable[Condition]) -> Condition:
    """Return that all parts are true, as simply as possible."""
    kept = [part for part in parts if part != EVERY]
    if NEVER in kept:
        return NEVER
    return kept[0] if len(kept) == 1 else All(tuple(kept))


def any_of(parts: Iterable[Condition]) -> Condition:
    """Return that at least one part is true, as simply as possible."""
    kept = [part for part in parts if part != NEVER]
    if EVERY in kept:
        return EVERY
    return kept[0] if len(kept) == 1 else AnyOf(tuple(kept))


def linked(relation: Relation, scope: Condition, operator: str, operand: Any) -> Condition:
    """Return the condition on the ids in a list of references: of the links to records within the scope.

    `operator` is `any`, `all` or `none` of several ids, or `isempty`.
    """
    if operator == "isempty":
        some = Through(relation, scope)
        return Not(some) if operand else some
    if operator == "all":
        return all_of(Through(relation, all_of([scope, Compare("id", "eq", each)])) for each in operand)
    some = Through(relation, all_of([scope, Compare("id", "in", tuple(operand))]))
    return Not(some) if operator == "none" else some


def comparisons(triples: Iterable[Triple]) -> Condition:
    """Return that all these comparisons are true."""
    return all_of(Compare(*triple) for triple in triples)
