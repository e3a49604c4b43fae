"""Aggregates: counts, sums, averages and extremes of the records that a list would find, by group.

Sums of integers and decimals are exact on both databases, whatever their size.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from peewee import SQL, ColumnBase, Node, Select, fn

from backend.models.database import database
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.errors import Invalid
from backend.services.field_types.base import FieldType
from backend.services.records.list_query import ListQuery
from backend.services.storage.answer_sizes import TooLarge, response_limit
from backend.services.storage.ordering import Sort
from backend.services.storage.selections import Selection
from backend.services.storage.statements import slot
from backend.utils.texts import byte_count

FUNCTIONS = ("sum", "avg", "min", "max")

Functions = tuple[tuple[str, str], ...]  # (one of FUNCTIONS, field)
Groups = list[dict[str, Any]]  # as they are answered


@dataclass(frozen=True, kw_only=True)
class AggregateQuery:
    """What a client asks of the records that the ListQuery `found` finds.

    The number of cities and the largest population of each country, countries with most cities first:

        AggregateQuery(
            found=ListQuery(),
            group_by=("country",),
            functions=(("max", "population"),),
            sort=(("count", True),),
        )

    `group_by` are fields, `functions` holds (one of FUNCTIONS, field); `sort` holds (a field of `group_by` or `count`,
    is descending).
    """

    found: ListQuery
    group_by: tuple[str, ...] = ()
    functions: Functions = ()
    sort: Sort = ()


def aggregate(actor: Actor, resource: Resource, query: AggregateQuery) -> tuple[Groups, int]:
    """Return the groups of a page, and the total number of groups.

    Raises Unauthenticated or Denied without a grant to list, Invalid for a field that is hidden, TooLarge.
    """
    allowed = policies.authorize(resource.definition, "list", actor)
    found = _visible(actor, resource, query)
    selection = found.selection(allowed).unranked
    values = found.slot_values(resource, allowed) | {"limit": found.per_page, "offset": found.offset}
    rows = resource.run(_select, selection, query.group_by, query.functions, query.sort, values=values)
    sizes = [byte_count(group) + byte_count(extremes) for group, _, extremes, *_ in rows]
    if sum(sizes) > response_limit.max_bytes:
        raise TooLarge(sizes, response_limit.max_bytes, "group")
    groups = [_group(resource, query, *row) for row in rows]
    if not query.group_by:
        return groups, 1
    return groups, resource.run(_count_groups, selection, query.group_by, values=values)[0][0]


def _visible(actor: Actor, resource: Resource, query: AggregateQuery) -> ListQuery:
    """Return which records are aggregated; raise Invalid if the query asks for a field that is hidden."""
    hidden, found = policies.hidden_fields(resource.definition, actor), query.found
    if concealed := hidden.intersection([*query.group_by, *(name for _, name in query.functions)]):
        raise Invalid({name: ["Unknown field."] for name in concealed}, location="query")
    if hidden:
        found = found.without(hidden, resource)
    if found.terms == ():  # a text without words finds nothing
        return replace(found, filters=(*found.filters, ("id", "in", ())), terms=None)
    return found


def _select(
    resource: Resource, selection: Selection, group_by: tuple[str, ...], functions: Functions, sort: Sort
) -> Select:
    """Return the query of a row for each group: its fields, its count, its extremes, the parts of its sums."""
    columns = {name: resource.column(name) for name in group_by}
    group = [(name, resource.fields[name].json(column, database.obj)) for name, column in columns.items()]
    parts = [part for name in _summed(functions) for part in _sum_parts(resource, name)]
    count = fn.COUNT(SQL("*")).alias("count__")
    rows = selection.rows(resource, _object(group), count, _object(_extremes(resource, functions)), *parts)
    if columns:
        rows = rows.group_by(*columns.values())
    order = [_order_term(resource, *term) for term in _whole_order(group_by, sort)]
    return rows.order_by(*order).limit(slot("limit")).offset(slot("offset"))


def _object(pairs: Sequence[tuple[str, Node]]) -> Node:
    return database.json_object(pairs) if pairs else SQL("'{}'")


def _extremes(resource: Resource, functions: Functions) -> list[tuple[str, Node]]:
    # Named by their place: Postgres would cut a longer name.
    return [
        (str(i), resource.fields[name].json(_extreme(function, resource.column(name)), database.obj))
        for i, (function, name) in enumerate(functions)
        if function in ("min", "max")
    ]


def _extreme(function: str, column: Node) -> ColumnBase:
    return fn.MIN(column) if function == "min" else fn.MAX(column)


def _whole_order(group_by: tuple[str, ...], sort: Sort) -> Sort:
    """Return the order, with every field of the groups at its end, so that no two groups are equal in it."""
    named = {name for name, _ in sort}
    return (*sort, *((name, False) for name in group_by if name not in named))


def _order_term(resource: Resource, name: str, descending: bool) -> Node:
    if name == "count":
        return SQL("count__ DESC") if descending else SQL("count__")
    return database.order(resource.column(name), descending, not resource.fields[name].required)


def _summed(functions: Functions) -> list[str]:
    return list(dict.fromkeys(name for function, name in functions if function in ("sum", "avg")))


def _sum_parts(resource: Resource, name: str) -> list[Node]:
    """Return the expressions of how many values there are, and of their sum."""
    column = resource.column(name)
    return [fn.COUNT(column), *resource.fields[name].sum_parts(column, database.obj)]


def _group(
    resource: Resource, query: AggregateQuery, group_json: str, count: int, extremes_json: str, *parts: Any
) -> dict[str, Any]:
    """Return the group of a row of _select as it is answered."""
    extremes, left = json.loads(extremes_json), iter(parts)
    sums = {name: _read_sum(resource.fields[name], left) for name in _summed(query.functions)}
    found: dict[str, Any] = {"count": count}
    for i, (function, name) in enumerate(query.functions):
        is_extreme = function in ("min", "max")
        value = extremes[str(i)] if is_extreme else _as_json(resource.fields[name], function, *sums[name])
        found.setdefault(function, {})[name] = value
    fields: dict[str, Any] = json.loads(group_json)
    return fields | found


def _read_sum(field: FieldType, parts: Iterator[Any]) -> tuple[int, Any]:
    """Return how many values there are, and their sum."""
    return next(parts), field.read_sum(parts, database.obj)


def _as_json(field: FieldType, function: str, count: int, total: Any) -> Any:
    if not count:
        return None
    return field.sum_to_json(total) if function == "sum" else field.average_to_json(total, count)


def _count_groups(resource: Resource, selection: Selection, group_by: tuple[str, ...]) -> Select:
    columns = [resource.column(name) for name in group_by]
    groups = selection.rows(resource, SQL("1")).group_by(*columns)
    return resource.model.select(fn.COUNT(SQL("*"))).from_(groups.alias("groups"))
