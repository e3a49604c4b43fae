"""Lists that were slow because no index serves them, and the index that would."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, Self

from backend.services.definitions.definition import Definition
from backend.services.definitions.field_sets import DESCENDING, FieldSet
from backend.services.storage.conditions import All, Compare, Condition, OtherField
from backend.services.storage.ordering import Sort

MAX_NAMED = 8  # fields of one list that are remembered
OF_ONE_VALUE = {"eq"}
OF_A_RANGE = {"gt", "gte", "lt", "lte", "in", "startswith"}

Columns = list[tuple[str, bool]]  # of an index: the name of each field, and whether its order is descending


class SlowList(NamedTuple):
    """What a slow list asked of an index: fields with one value, fields with several values, and the order.

    For example, `priority=3&due__gt=2030-01-01&sort=-created_at` of notes, by someone who may list their own notes:

        SlowList("notes", ("created_by", "priority"), ("due",), ("-created_at",))
    """

    resource: str
    equal: tuple[str, ...]
    ranges: tuple[str, ...]
    sort: tuple[str, ...]

    @classmethod
    def of(cls, resource: str, conditions: Iterable[Condition], sort: Sort) -> Self:
        """Return the SlowList of a query whose rows meet all `conditions`."""
        compared = [each for condition in conditions for each in _comparisons(condition)]
        equal = {each.field for each in compared if each.operator in OF_ONE_VALUE}
        ranges = {each.field for each in compared if each.operator in OF_A_RANGE}
        terms = [DESCENDING * descending + name for name, descending in sort]
        return cls(resource, *map(_few, (sorted(equal), sorted(ranges - equal), terms)))

    @classmethod
    def read(cls, parts: Iterable[str]) -> Self:
        """Return the SlowList that `to_texts` wrote."""
        resource, *lists = parts
        equal, ranges, sort = [tuple(text.split(",")) if text else () for text in lists]
        return cls(resource, equal, ranges, sort)

    def to_texts(self) -> tuple[str, ...]:
        """Return it as texts, of which the metrics keep the number."""
        return self.resource, ",".join(self.equal), ",".join(self.ranges), ",".join(self.sort)

    @property
    def text(self) -> str:
        """It as a query string without values, such as `priority=…&sort=-created_at`."""
        filters = [*(f"{name}=…" for name in self.equal), *(f"{name}__…" for name in self.ranges)]
        return "&".join([*filters, *([f"sort={','.join(self.sort)}"] if self.sort else [])])

    def missing_index(self, definition: Definition) -> FieldSet | None:
        """Return the index that would serve this list; None if there is one, or if no index can."""
        usable = {name for name, field in definition.all_fields.items() if not field.index_problem and field.has_column}
        equal = [name for name in self.equal if name in usable]
        rest = _rest(self.sort, [name for name in self.ranges if name in usable], usable)
        if any(set(key) <= {*equal} for key in (("id",), *definition.key_sets())):
            return None  # it finds one record
        wanted = FieldSet((*equal, *rest))
        sets = (*definition.index_sets(), *definition.unique_sets(), *definition.implied_sets())
        filtered = {*self.equal, *self.ranges}
        served = any(
            _serves(each.with_id().columns, set(equal), FieldSet(tuple(rest)).columns)
            for each in sets
            if each.rule_fields <= filtered
        )
        return None if served or not wanted.terms else wanted


def _comparisons(condition: Condition) -> Iterator[Compare]:
    """Yield the comparisons of fields with values that all rows meet."""
    if isinstance(condition, Compare) and not isinstance(condition.value, OtherField):
        yield condition
    elif isinstance(condition, All):
        for part in condition.parts:
            yield from _comparisons(part)


def _few(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(islice(names, MAX_NAMED))


def _rest(sort: Sequence[str], ranges: list[str], usable: set[str]) -> list[str]:
    """Return the terms of an index after the fields with one value: the order, or else one range.

    An order with a field that cannot be in an index is sorted in any case.
    """
    sort = _without_last_id(sort)
    names = [term.removeprefix(DESCENDING) for term in sort]
    if sort and usable.issuperset(names):
        return [*sort]
    return ranges[:1]


def _without_last_id(sort: Sequence[str]) -> list[str]:
    """Return the terms that an index needs: its last column is `id` anyway, in the direction of the one before it."""
    names = [term.removeprefix(DESCENDING) for term in sort]
    known = [*sort[: names.index("id") + 1]] if "id" in names else [*sort]  # what follows the id decides nothing
    directions = [term.startswith(DESCENDING) for term in known[-2:]]
    return known[:-1] if "id" in names and len({*directions}) == 1 else known


def _serves(columns: Columns, equal: set[str], rest: Columns) -> bool:
    """Return whether the rows of a list are a range of the index with these columns, in the order of the list."""
    head, tail = columns[: len(equal)], columns[len(equal) :]
    if {name for name, _ in head} != equal or len(head) != len(equal):
        return False
    if not rest:
        return [name for name, _ in tail] == ["id"]
    return tail[: len(rest)] in (rest, [(name, not descending) for name, descending in rest])
