"""What an aggregate computes of each group: the keys that make the groups, and the measures of their records."""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from peewee import SQL, ColumnBase, EnclosedNodeList, Expression, Node, fn

from backend.models.database import database
from backend.services.definitions.catalog import Resource
from backend.services.field_types.totals import Totals
from backend.services.storage.operators import COMPARISONS
from backend.services.storage.statements import slot

SUMS, EXTREMES = ("sum", "avg"), ("min", "max")
FUNCTIONS = (*SUMS, *EXTREMES, "count_distinct")

Condition = tuple[str, str, Any]  # (name of a measure, one of COMPARISONS, value)


class GroupKey(NamedTuple):
    """A field that records are grouped by, or one of the `parts` of time in it, such as `created_at:month`."""

    field: str
    part: str | None = None

    @property
    def name(self) -> str:
        """The name in parameters and in the answer."""
        return f"{self.field}:{self.part}" if self.part else self.field

    def expression(self, resource: Resource) -> ColumnBase:
        """Return the expression of the key of a record's group."""
        if not self.part:
            return resource.compared(self.field)
        return resource.fields[self.field].start_of(self.part, resource.column(self.field), database.obj)

    def json(self, resource: Resource) -> ColumnBase:
        """Return the expression of the key in JSON."""
        field = resource.fields[self.field]
        # A group of texts that differ in case only shows the first of them.
        shown = fn.MIN(resource.column(self.field)) if field.ignores_case else self.expression(resource)
        return field.json(shown, database.obj)

    def terms(self, resource: Resource, descending: bool) -> list[Node]:
        """Return the ORDER BY terms."""
        return [database.order(self.expression(resource), descending, not resource.fields[self.field].required)]


class Measure(NamedTuple):
    """One of FUNCTIONS of a field, such as the sum of its values; or `count`, the number of records, of no field."""

    function: str
    field: str = ""

    @property
    def name(self) -> str:
        """The name in parameters, such as `sum.population`."""
        return f"{self.function}.{self.field}" if self.field else self.function

    def expressions(self, resource: Resource) -> list[ColumnBase]:
        """Return the expressions that order groups as the measure does, when compared one after the other."""
        if not self.field:
            return [fn.COUNT(SQL("*"))]
        column = resource.column(self.field)
        if self.function in SUMS:
            return totals_of(resource, self.field).parts(self.function, column, database.obj)
        if self.function in EXTREMES:
            return [fn.MIN(column) if self.function == "min" else fn.MAX(column)]
        return [fn.COUNT(fn.DISTINCT(resource.compared(self.field)))]

    def bounds(self, resource: Resource, value: Any) -> list[Any]:
        """Return the values that `expressions` are compared with in a condition with this value."""
        if self.function in SUMS:
            return totals_of(resource, self.field).bounds(self.function, value, database.obj)
        return [resource.column(self.field).db_value(value) if self.function in EXTREMES else value]

    def terms(self, resource: Resource, descending: bool) -> list[Node]:
        """Return the ORDER BY terms."""
        return [database.order(each, descending, True) for each in self.expressions(resource)]


COUNT = Measure("count")


def totals_of(resource: Resource, name: str) -> Totals:
    """Return the Totals of a field that can be summed."""
    totals = resource.fields[name].totals
    assert totals is not None, name
    return totals


def having(resource: Resource, measures: Iterable[Measure], shape: Iterable[tuple[str, str]]) -> list[ColumnBase]:
    """Return the conditions on groups of this shape, (name of a measure, operator); having_values fills their slots."""
    by_name = {measure.name: measure for measure in (COUNT, *measures)}
    parts = [(by_name[name].expressions(resource), operator) for name, operator in shape]
    return [_condition(expressions, operator, i) for i, (expressions, operator) in enumerate(parts)]


def _condition(parts: list[ColumnBase], operator: str, number: int) -> ColumnBase:
    slots, sign = [slot(f"having{number}_{i}") for i in range(len(parts))], COMPARISONS[operator]
    if operator == "ne":
        return reduce(or_, [Expression(part, sign, each) for part, each in zip(parts, slots, strict=True)])
    if len(parts) == 1:
        return Expression(parts[0], sign, slots[0])
    return Expression(EnclosedNodeList(parts), sign, EnclosedNodeList(slots))


def having_values(resource: Resource, measures: Iterable[Measure], conditions: Iterable[Condition]) -> dict[str, Any]:
    """Return the values of the slots of `having`."""
    by_name = {measure.name: measure for measure in (COUNT, *measures)}
    return {
        f"having{number}_{i}": bound
        for number, (name, _, value) in enumerate(conditions)
        for i, bound in enumerate(by_name[name].bounds(resource, value))
    }
