"""Lists of records: filters, order, pages and cursors, in SQL that writes the JSON itself."""

import hashlib
import json
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_

from itsdangerous import BadData
from peewee import OP, SQL, Expression, fn

from backend.models.database import database
from backend.services import policies
from backend.services.errors import Malformed
from backend.services.statements import slot
from backend.utils.prefixes import prefix_end

COMPARISONS = {
    "eq": "=",
    "ne": "IS DISTINCT FROM",  # a NULL is not the value either, so it is found
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
}
SEPARATOR = "\x1e"  # JSON text has no control characters: it escapes them
NO_ROW, EVERY_ROW = SQL("1 = 0"), SQL("1 = 1")


@dataclass(frozen=True, kw_only=True)
class ListQuery:
    """What a client asks of a list.

    `filters` holds (field, operator, value), `sort` holds (field, is descending); `fields` None means all.
    """

    filters: tuple = ()
    sort: tuple = ()
    fields: tuple | None = None
    page: int = 1
    per_page: int = 20
    cursor: str | None = None
    count: bool = True

    def fingerprint(self, resource):
        """Return what ties a cursor to its query: the resource, the filters and the order."""
        told = json.dumps([resource.name, self.filters, self.sort], default=str)
        return hashlib.sha256(told.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class RecordPage:
    """A page of records, each as JSON text; `total` is None when nobody counted."""

    items: list
    total: int | None
    next_cursor: str | None


def list_records(actor, resource, query):
    """Return the RecordPage of the records the actor may list.

    Raises Unauthenticated or Denied without a grant, Malformed for a cursor that is not of this query.
    """
    return list_rows(resource, policies.authorize(resource.definition, "list", actor), query)


def list_rows(resource, allowed, query):
    """Return the RecordPage of the rows of a Table within a Scope; raise Malformed for a cursor of another query."""
    after = None if query.cursor is None else _read_cursor(resource, query)
    values = {"owner": allowed.owner, "limit": query.per_page + 1}
    for field, operator, value in query.filters:
        values |= _filter_values(resource, field, operator, value)
    if after is None:
        values["offset"] = offset = (query.page - 1) * query.per_page
    else:
        values |= {f"after{i}": value for i, value in enumerate(after)}
    shape = (allowed.everything, _filter_shapes(query))
    nulls = None if after is None else tuple(value is None for value in after)
    statement = resource.statements.get(
        ("list", shape, query.sort, query.fields, nulls), _select_page, resource, shape, query, nulls
    )
    ((told, keys),) = statement.run(values)
    items = told.split(SEPARATOR) if told else []
    more = len(items) > query.per_page
    total = None
    if query.count and after is None:
        if more or (not items and offset):
            total = resource.statements.get(("count", shape), _count, resource, shape).run(values)[0][0]
        else:
            total = offset + len(items)
    next_cursor = _write_cursor(resource, query, keys.split(SEPARATOR)[query.per_page - 1]) if more else None
    return RecordPage(items[: query.per_page], total, next_cursor)


def _filter_shapes(query):
    """Return what of the filters decides the SQL text: the field, the operator and how many values."""
    return tuple((field, operator, _value_count(operator, value)) for field, operator, value in query.filters)


def _value_count(operator, value):
    if operator == "in":
        return len(value)
    if operator == "startswith":
        return 1 if prefix_end(value) is None else 2
    return value if operator == "isnull" else 1


def _filter_values(resource, field, operator, value):
    """Return the values of a filter's slots."""
    key = f"{field}__{operator}"
    if operator == "isnull":
        return {}
    if operator == "in":
        return {f"{key}{i}": resource.column(field).db_value(each) for i, each in enumerate(value)}
    if operator == "startswith":
        return {key: value, f"{key}_end": prefix_end(value)}
    return {key: value if operator == "has" else resource.column(field).db_value(value)}


def _condition(resource, field, operator, count):
    """Return the SQL condition of a filter; see _filter_values for its slots."""
    column, key = resource.column(field), f"{field}__{operator}"
    if operator == "isnull":
        return column.is_null(count)
    if operator == "in":
        return column.in_([slot(f"{key}{i}") for i in range(count)]) if count else NO_ROW
    if operator == "contains":
        return database.position(column, slot(key)) > 0
    if operator == "icontains":
        return database.position(database.fold(column), database.fold(slot(key))) > 0
    if operator == "has":
        return Expression(slot(key), OP.IN, column)
    if operator == "startswith":
        begins = column >= slot(key)
        return begins & (column < slot(f"{key}_end")) if count == 2 else begins
    return Expression(column, COMPARISONS[operator], slot(key))


def _where(resource, shape):
    """Return the conditions of the actor's scope and the filters, as a list."""
    everything, filters = shape
    conditions = [] if everything else [resource.column("created_by") == slot("owner")]
    return conditions + [_condition(resource, *each) for each in filters]


def _select_page(resource, shape, query, nulls):
    """Return the query of a page, a single row: all records' JSON, and of each what a cursor needs to go on after it.

    A driver lets go of the interpreter for every row it fetches, and with other threads waiting it takes long to get it
    back: a hundred rows in one are several times faster under load.
    """
    order = _total_order(query)
    columns = [(resource.column(name), descending, not resource.kinds[name].required) for name, descending in order]
    conditions = _where(resource, shape)
    if nulls is not None:
        conditions.append(_after(columns, nulls))
    keys = database.json_array([database.bindable(column) for column, _, _ in columns])
    page = (
        resource.model.select(resource.json(query.fields).alias("record"), keys.alias("keys"))
        .where(*conditions or [EVERY_ROW])
        .order_by(*(database.order(*each) for each in columns))
        .limit(slot("limit"))
        .offset(slot("offset") if nulls is None else None)
    )
    # Both databases aggregate the rows of a sorted subquery in its order.
    joined = [fn.string_agg(SQL(name), SQL(f"'{SEPARATOR}'")) for name in ("record", "keys")]
    return resource.model.select(*joined).from_(page)


def _count(resource, shape):
    return resource.model.select(fn.COUNT(SQL("*"))).where(*_where(resource, shape) or [EVERY_ROW])


def _total_order(query):
    """Return the order with `id` at its end, so that no two records are equal in it."""
    return query.sort if ("id", False) in query.sort or ("id", True) in query.sort else (*query.sort, ("id", False))


def _after(columns, nulls):
    """Return the condition of coming after the row in the slots `after0`, `after1`, …, with NULL last in each column.

    It reads: greater in the first column, or equal there and greater in the second, and so on.
    """
    choices, equals = [], []
    for i, ((column, descending, nullable), is_null) in enumerate(zip(columns, nulls, strict=True)):
        if not is_null:
            beyond = column < slot(f"after{i}") if descending else column > slot(f"after{i}")
            choices.append(reduce(and_, [*equals, beyond | column.is_null() if nullable else beyond]))
        equals.append(column.is_null() if is_null else column == slot(f"after{i}"))
    return reduce(or_, choices)


def _write_cursor(resource, query, keys):
    return resource.catalog.cursor_serializer.dumps([query.fingerprint(resource), json.loads(keys)])


def _read_cursor(resource, query):
    try:
        fingerprint, values = resource.catalog.cursor_serializer.loads(query.cursor)
    except BadData as error:
        raise Malformed("The cursor is not one that was given out here.") from error
    if fingerprint != query.fingerprint(resource):
        raise Malformed("The cursor belongs to another query: keep its filters and its sort.")
    return values
