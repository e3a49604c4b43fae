"""Aggregates: counts, sums, averages and extremes of the records that a list would find, by group.

Sums of integers and decimals are exact on both databases, whatever their size.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from peewee import SQL, ColumnBase, Node, Select, fn

from backend.models.database import database
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.errors import Invalid
from backend.services.records.list_query import ListQuery
from backend.services.records.measures import (
    COUNT,
    SUMS,
    Condition,
    GroupKey,
    Measure,
    having,
    having_values,
    totals_of,
)
from backend.services.records.visible_queries import visible_query
from backend.services.storage.answer_sizes import TooLarge, response_limit
from backend.services.storage.ordering import Sort
from backend.services.storage.selections import Selection
from backend.services.storage.statements import slot
from backend.utils.problems import UNKNOWN_FIELD
from backend.utils.texts import byte_count

Groups = list[dict[str, Any]]  # as they are answered


class GroupShape(NamedTuple):
    """What decides the SQL text of groups: their keys, their measures, and the conditions without their values."""

    keys: tuple[GroupKey, ...]
    measures: tuple[Measure, ...]
    having: tuple[tuple[str, str], ...]  # (name of a measure, operator)


@dataclass(frozen=True, kw_only=True)
class AggregateQuery:
    """What a client asks of the records that the ListQuery `found` finds.

    The number of cities and the largest population of each country with more than five, most cities first:

        AggregateQuery(
            found=ListQuery(),
            group_by=(GroupKey("country"),),
            measures=(Measure("max", "population"),),
            having=(("count", "gt", 5),),
            sort=(("count", True),),
        )

    `sort` holds (name, is descending), of `count`, a key or a measure; `having` are conditions that groups must meet.
    """

    found: ListQuery
    group_by: tuple[GroupKey, ...] = ()
    measures: tuple[Measure, ...] = ()
    having: tuple[Condition, ...] = ()
    sort: Sort = ()

    @property
    def shape(self) -> GroupShape:
        """The query without its order and its values."""
        return GroupShape(self.group_by, self.measures, tuple(condition[:2] for condition in self.having))


def aggregate(actor: Actor, resource: Resource, query: AggregateQuery) -> tuple[Groups, int]:
    """Return the groups of a page, and the total number of groups.

    Raises Unauthenticated or Denied without a grant to list, Invalid for a field that is hidden, TooLarge.
    """
    allowed = policies.authorize(resource, "list", actor)
    found = _visible(actor, resource, query)
    resource = resource.with_paths(found.paths)
    selection = found.selection(allowed).unranked
    values = found.slot_values(resource, allowed) | having_values(resource, query.measures, query.having)
    values |= {"limit": found.per_page, "offset": found.offset}
    rows = resource.run(_select, selection, query.shape, query.sort, values=values)
    sizes = [byte_count(members) for _, members, *_ in rows]
    if sum(sizes) > response_limit.max_bytes:
        raise TooLarge(sizes, response_limit.max_bytes, "group")
    groups = [_group(resource, query, *row) for row in rows]
    if len(groups) < found.per_page and (groups or not found.offset):
        return groups, found.offset + len(groups)
    return groups, resource.run(_count_groups, selection, query.shape, values=values)[0][0]


def _visible(actor: Actor, resource: Resource, query: AggregateQuery) -> ListQuery:
    """Return which records are aggregated; raise Invalid if the query asks for a field that is hidden."""
    hidden, found = policies.hidden_fields(resource.definition, actor), query.found
    used = [key.field for key in query.group_by] + [measure.field for measure in query.measures]
    if concealed := hidden.intersection(used):
        raise Invalid({name: [UNKNOWN_FIELD] for name in concealed}, location="query")
    # The order is that of the groups, whose paths are among the keys.
    found = visible_query(actor, resource, found, (key.field for key in query.group_by))
    if found.terms == ():  # a text without words finds nothing
        return replace(found, filters=(*found.filters, ("id", "in", ())), terms=None)
    return found


def _select(resource: Resource, selection: Selection, shape: GroupShape, sort: Sort) -> Select:
    """Return the query of a row for each group: its count, a JSON array of its members, the parts of its sums.

    The members are its keys, and its measures that are no sums.
    """
    keys = [key.json(resource) for key in shape.keys]
    members = [_json(resource, measure) for measure in shape.measures if measure.function not in SUMS]
    parts = [part for name in _summed(shape.measures) for part in _sum_parts(resource, name)]
    rows = _groups(resource, selection, shape, database.json_array([*keys, *members]), *parts)
    return rows.order_by(*_order(resource, shape, sort)).limit(slot("limit")).offset(slot("offset"))


def _groups(resource: Resource, selection: Selection, shape: GroupShape, *columns: Node) -> Select:
    """Return the query of the count and these columns of each group."""
    rows = selection.rows(resource, fn.COUNT(SQL("*")), *columns)
    if shape.keys:
        keys = [key.expression(resource) for key in shape.keys]
        in_index = _is_in_an_index(resource, selection, shape)
        rows = rows.group_by(*(keys if in_index else map(database.in_table_order, keys)))
    return rows.having(*having(resource, shape.measures, shape.having)) if shape.having else rows


def _is_in_an_index(resource: Resource, selection: Selection, shape: GroupShape) -> bool:
    """Return whether one index has all fields that the groups need.

    Otherwise the order of an index would make the database look up row after row, all over the table.
    """
    used = {key.field for key in shape.keys} | {measure.field for measure in shape.measures}
    used |= selection.scope.own_fields | selection.filters.own_fields
    definition = resource.definition
    return any(used <= {*each.fields, "id"} for each in (*definition.index_sets(), *definition.implied_sets()))


def _json(resource: Resource, measure: Measure) -> ColumnBase:
    (expression,) = measure.expressions(resource)
    is_count = measure.function == "count_distinct"
    return expression if is_count else resource.fields[measure.field].json(expression, database.obj)


def _order(resource: Resource, shape: GroupShape, sort: Sort) -> list[Node]:
    """Return the ORDER BY terms, with every key at their end, so that no two groups are equal in them."""
    by_name: dict[str, GroupKey | Measure] = {key.name: key for key in shape.keys}
    by_name |= {measure.name: measure for measure in (COUNT, *shape.measures)}
    named = {name for name, _ in sort}
    whole = (*sort, *((key.name, False) for key in shape.keys if key.name not in named))
    return [term for name, descending in whole for term in by_name[name].terms(resource, descending)]


def _summed(measures: Iterable[Measure]) -> list[str]:
    return list(dict.fromkeys(measure.field for measure in measures if measure.function in SUMS))


def _sum_parts(resource: Resource, name: str) -> list[Node]:
    """Return the expressions of how many values there are, and of their sum."""
    column = resource.column(name)
    return [fn.COUNT(column), *totals_of(resource, name).parts("sum", column, database.obj)]


def _group(resource: Resource, query: AggregateQuery, count: int, members_json: str, *parts: Any) -> dict[str, Any]:
    """Return the group of a row of _select as it is answered."""
    members, left = iter(json.loads(members_json)), iter(parts)
    group = {key.name: next(members) for key in query.group_by} | {"count": count}
    # Each sum is preceded by how many values it has.
    sums = {
        name: (next(left), totals_of(resource, name).read_sum(left, database.obj)) for name in _summed(query.measures)
    }
    for measure in query.measures:
        is_sum = measure.function in SUMS
        value = _total(resource, measure, *sums[measure.field]) if is_sum else next(members)
        group.setdefault(measure.function, {})[measure.field] = value
    return group


def _total(resource: Resource, measure: Measure, count: int, total: Any) -> Any:
    return totals_of(resource, measure.field).to_json(measure.function, total, count) if count else None


def _count_groups(resource: Resource, selection: Selection, shape: GroupShape) -> Select:
    groups = _groups(resource, selection, shape).alias("groups")
    return resource.model.select(fn.COUNT(SQL("*"))).from_(groups)
