"""Aggregates: counts, sums, averages and extremes of the records that a list would find, by groups.

Sums of integers and decimals are exact on both databases, whatever their size.
"""

import json
from dataclasses import dataclass, replace

from peewee import SQL, fn

from backend.models.database import database
from backend.services.definitions import policies
from backend.services.errors import Invalid
from backend.services.records import lists
from backend.services.records.lists import ListQuery
from backend.services.storage import full_text
from backend.services.storage.answer_sizes import TooLarge, answer_bound
from backend.services.storage.conditions import scope_values, shape_of, slot_values
from backend.services.storage.statements import slot
from backend.utils.texts import byte_count

FUNCTIONS = ("sum", "avg", "min", "max")


@dataclass(frozen=True, kw_only=True)
class AggregateQuery:
    """What a client asks of the records that the ListQuery `found` finds.

    `group_by` are fields, `functions` holds (one of FUNCTIONS, field); `sort` holds (a field of `group_by` or `count`,
    is descending).
    """

    found: ListQuery
    group_by: tuple = ()
    functions: tuple = ()
    sort: tuple = ()


def can_sum(kind):
    """Tell whether the values of a field have a sum and an average."""
    return kind.can_be_summed


def can_order(kind):
    """Tell whether the values of a field have a least and a greatest."""
    return "gt" in kind.operators


def can_group(kind):
    """Tell whether records can be grouped by a field."""
    return kind.sortable


def aggregate(actor, resource, query):
    """Return (groups, how many there are in all), each group a dict of the answer.

    Raises Unauthenticated or Denied without a grant to list, Invalid for a field that is hidden, TooLarge.
    """
    allowed = policies.authorize(resource.definition, "list", actor)
    hidden, found = policies.hidden_fields(resource.definition, actor), query.found
    if concealed := hidden.intersection([*query.group_by, *(name for _, name in query.functions)]):
        raise Invalid({name: ["Unknown field."] for name in concealed}, location="query")
    if hidden:
        found = found.without(hidden, resource)
    if found.terms == ():  # a text without words finds nothing
        found = replace(found, filters=(*found.filters, ("id", "in", ())), terms=None)
    values = scope_values(resource, allowed) | slot_values(resource, found.filters, "filter")
    values |= {"limit": found.per_page, "offset": (found.page - 1) * found.per_page}
    searched = (found.searched, 0) if found.terms else None
    if searched:
        values |= full_text.slot_values(resource, found.searched, found.terms)
    shape = (allowed.shape, shape_of(found.filters), searched)
    rows = resource.run(_select, shape, query.group_by, query.functions, query.sort, values=values)
    sizes = [byte_count(group) + byte_count(extremes) for group, _, extremes, *_ in rows]
    if sum(sizes) > answer_bound.max_bytes:
        raise TooLarge(sizes, answer_bound.max_bytes, "group")
    groups = [_group(resource, query, row) for row in rows]
    if not query.group_by:
        return groups, 1
    return groups, resource.run(_count_groups, shape, query.group_by, values=values)[0][0]


def _select(resource, shape, group_by, functions, sort):
    """Return the query of a row for each group: its fields, its count, its extremes, the parts of its sums."""
    columns = {name: resource.column(name) for name in group_by}
    group = [(name, resource.kinds[name].json(column, database.obj)) for name, column in columns.items()]
    # Named by their place: Postgres would cut a longer name.
    extremes = [
        (str(i), resource.kinds[name].json(_extreme(function, resource.column(name)), database.obj))
        for i, (function, name) in enumerate(functions)
        if function in ("min", "max")
    ]
    parts = [part for name in _summed(functions) for part in _sum_parts(resource, name)]
    told = [database.json_object(pairs) if pairs else SQL("'{}'") for pairs in (group, extremes)]
    selected = resource.model.select(told[0], fn.COUNT(SQL("*")).alias("count__"), told[1], *parts)
    selected, _ = lists.search(resource, shape, selected)
    order = [_order_term(resource, *term) for term in _whole_order(group_by, sort)]
    rows = selected.where(*lists.where(resource, shape))
    if columns:
        rows = rows.group_by(*columns.values())
    return rows.order_by(*order).limit(slot("limit")).offset(slot("offset"))


def _whole_order(group_by, sort):
    """Return the order, with every field of the groups at its end, so that no two groups are equal in it."""
    named = {name for name, _ in sort}
    return [*sort, *((name, False) for name in group_by if name not in named)]


def _order_term(resource, name, descending):
    if name == "count":
        return SQL("count__ DESC") if descending else SQL("count__")
    return database.order(resource.column(name), descending, not resource.kinds[name].required)


def _extreme(function, column):
    return fn.MIN(column) if function == "min" else fn.MAX(column)


def _summed(functions):
    return list(dict.fromkeys(name for function, name in functions if function in ("sum", "avg")))


def _sum_parts(resource, name):
    """Return the expressions of how many values there are, and of their sum."""
    column = resource.column(name)
    return [fn.COUNT(column), *resource.kinds[name].sum_parts(column, database.obj)]


def _group(resource, query, row):
    group, count, extremes, *parts = row
    extremes, parts = json.loads(extremes), iter(parts)
    sums = {name: _total(resource.kinds[name], parts) for name in _summed(query.functions)}
    found = {"count": count}
    for i, (function, name) in enumerate(query.functions):
        found.setdefault(function, {})[name] = (
            extremes[str(i)] if function in ("min", "max") else _as_json(resource.kinds[name], function, *sums[name])
        )
    return json.loads(group) | found


def _total(kind, parts):
    """Return (how many values, their sum)."""
    return next(parts), kind.read_sum(parts, database.obj)


def _as_json(kind, function, count, total):
    if not count:
        return None
    return kind.sum_to_json(total) if function == "sum" else kind.average_to_json(total, count)


def _count_groups(resource, shape, group_by):
    columns = [resource.column(name) for name in group_by]
    selected, _ = lists.search(resource, shape, resource.model.select(SQL("1")))
    groups = selected.where(*lists.where(resource, shape)).group_by(*columns)
    return resource.model.select(fn.COUNT(SQL("*"))).from_(groups.alias("groups"))
