"""Lists of records: filters, order, pages and cursors, in SQL that writes the JSON itself."""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import NamedTuple

from itsdangerous import BadData
from peewee import SQL, Case, Cast, fn

from backend.models.database import database
from backend.services.definitions import policies
from backend.services.errors import Invalid, Malformed
from backend.services.storage import full_text, ordering
from backend.services.storage.answer_sizes import TooLarge, answer_bound, may_be_too_large, size
from backend.services.storage.conditions import conditions, scope_values, shape_of, slot_values, within
from backend.services.storage.statements import slot
from backend.utils.texts import byte_count

MOST_ESCAPED = 2  # times as long as its values a JSON text may be
SEPARATOR = "\x1e"  # JSON text has no control characters: it escapes them


@dataclass(frozen=True, kw_only=True)
class ListQuery:
    """What a client asks of a list.

    `filters` holds (field, operator, value), `sort` holds (field, is descending); `fields` None means all. `terms` are
    those of a full-text search in the fields `searched`, None for no search; without a `sort` the best comes first and
    there is no cursor. `expand` holds paths of relations, and `links` the fields whose values following them takes.
    """

    filters: tuple = ()
    terms: tuple | None = None
    searched: tuple = ()
    sort: tuple = ()
    fields: tuple | None = None
    expand: tuple = ()
    links: tuple = ()
    page: int = 1
    per_page: int = 20
    cursor: str | None = None
    count: bool = True
    most_bytes: int | None = None  # of all records; by default what an answer may have

    def without(self, hidden, resource):
        """Return the query for somebody from whom these fields are hidden; raise Invalid if it asks for one."""
        asked = [*(name for name, *_ in (*self.filters, *self.sort)), *(self.fields or ())]
        if not hidden.isdisjoint(asked):
            raise Invalid({name: ["Unknown parameter."] for name in hidden.intersection(asked)}, location="query")
        searched = tuple(name for name in self.searched if name not in hidden)
        if self.terms is not None and not searched:
            raise Invalid({"q": ["Unknown parameter."]}, location="query")
        return replace(self, fields=self.fields or resource.visible(hidden), searched=searched)

    @property
    def is_ranked(self):
        """Whether the best comes first."""
        return self.terms is not None and not self.sort

    def fingerprint(self, resource):
        """Return what ties a cursor to its query: the resource, the filters and the order."""
        told = json.dumps([resource.name, self.filters, self.terms, ordering.total_order(self.sort)], default=str)
        return hashlib.sha256(told.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class RecordPage:
    """A page of records, each as JSON text; `total` is None when nobody counted, `links` as the query wants them."""

    items: list
    total: int | None
    next_cursor: str | None
    links: list = ()


def list_records(actor, resource, query):
    """Return the RecordPage of the records the actor may list.

    Raises Unauthenticated or Denied without a grant, Invalid for a field that is hidden from them, Malformed for a
    cursor that is not of this query.
    """
    allowed = policies.authorize(resource.definition, "list", actor)
    if hidden := policies.hidden_fields(resource.definition, actor):
        query = query.without(hidden, resource)
    return list_rows(resource, allowed, query)


def visible_fields(actor, resource):
    """Return the names of the fields that the actor may read, in their order."""
    return resource.visible(policies.hidden_fields(resource.definition, actor)) or tuple(resource.kinds)


def list_rows(resource, allowed, query):
    """Return the RecordPage of the rows of a Listable within a Scope; raise Malformed for a cursor of another query."""
    after = None if query.cursor is None else _read_cursor(resource, query)
    values = scope_values(resource, allowed) | slot_values(resource, query.filters, "filter")
    values["limit"] = query.per_page + 1
    if query.terms is not None:
        if not query.terms:
            return RecordPage([], 0 if query.count else None, None)
        values |= full_text.slot_values(resource, query.searched, query.terms)
    if query.is_ranked and after is not None:
        raise Malformed("A search in the order of its hits has pages and no cursors; add a sort.")
    if after is None:
        values["offset"] = offset = (query.page - 1) * query.per_page
        values["reach"] = offset + values["limit"]
    else:
        values |= {"reach": values["limit"]} | {f"after{i}": value for i, value in enumerate(after)}
    # What decides the SQL text of a search: its fields, and by how many terms it is ranked.
    searched = (query.searched, len(query.terms) if query.is_ranked else 0) if query.terms else None
    shape = (allowed.shape, shape_of(query.filters), searched)
    nulls = None if after is None else tuple(value is None for value in after)
    measured = may_be_too_large(resource, query.fields, query.per_page + 1)
    values["most"] = most = query.most_bytes or answer_bound.max_bytes
    page = PageShape(query.sort, query.fields, query.links, nulls, measured)
    ((told, keys, *linked),) = resource.run(_select_page, shape, page, values=values)
    items = split(told)
    count = _require_fitting(linked.pop(), items, query.per_page, most) if measured else len(items)
    more = count > query.per_page
    total = None
    if query.count and after is None:
        if more or (not count and offset):
            counted = (*shape[:2], searched and (query.searched, 0))
            total = resource.run(_count, counted, values=values)[0][0]
        else:
            total = offset + count
    next_cursor = None
    if more and not query.is_ranked:
        next_cursor = write_cursor(resource, query, json.loads(keys.split(SEPARATOR)[query.per_page - 1]))
    links = [dict(zip(query.links, json.loads(each), strict=True)) for told in linked for each in split(told)]
    return RecordPage(items[: query.per_page], total, next_cursor, links[: query.per_page])


def _require_fitting(sizes, items, per_page, most):
    """Return how many records were found, one more than are asked for perhaps, of which no JSON need be made.

    Raises TooLarge where those asked for have more bytes than `most`, as measured or, with what is escaped, as JSON.
    """
    measured = [int(each) for each in split(sizes)]
    if sum(measured[:per_page]) > most:
        raise TooLarge(measured[:per_page], most)
    if sum(map(len, items)) > MOST_ESCAPED * most:
        raise TooLarge([byte_count(each) for each in items[:per_page]], most)
    return len(measured)


def split(told):
    """Return the texts that a query of `joined` has made one of; None for no rows."""
    return told.split(SEPARATOR) if told else []


def joined(table, rows, names):
    """Return the query that makes one row of many: of each named column all texts, in the order of `rows`."""
    # Both databases aggregate the rows of a sorted subquery in its order.
    return table.model.select(*(fn.string_agg(SQL(name), SQL(f"'{SEPARATOR}'")) for name in names)).from_(rows)


def where(resource, shape):
    """Return the conditions of the actor's scope and the filters, as a list."""
    scope, filters, _ = shape
    return [within(resource, scope), *conditions(resource, filters, "filter")]


class PageShape(NamedTuple):
    """What decides the SQL text of a page, beside what chooses the records.

    `nulls` tells of a page after a cursor which values of its last row are null, None stands for a page by number;
    `measured` whether the records are measured before their JSON is made.
    """

    sort: tuple
    fields: tuple | None
    links: tuple
    nulls: tuple | None
    measured: bool


def _select_page(resource, shape, page):
    """Return the query of a page, a single row: all records' JSON, and of each what a cursor needs to go on after it.

    A driver lets go of the interpreter for every row it fetches, and with other threads waiting it takes long to get it
    back: a hundred rows in one are several times faster under load.
    """
    keys = ordering.order_keys(resource, ordering.total_order(page.sort))
    told = {"record": resource.json(page.fields), "keys": _bindable(key.column for key in keys)}
    if page.links:
        told["links"] = _bindable(resource.column(name) for name in page.links)
    terms, parts = [key.term for key in keys], ordering.parts(keys, page.nulls)
    if (
        shape == (None, (), None) and len(keys) == 1 and not page.measured
    ):  # read in the order of the table's own key, without any sort
        (only,) = parts
        rows = told_rows(resource, told).where(*where(resource, shape), *only.conditions).order_by(*terms)
        return joined(resource, _bounded(rows, page.nulls), told)
    picked = _picked(resource, shape, parts, page.nulls).alias("picked")
    if page.measured:
        kept = [picked.c.score] if _is_ranked(shape) else []
        picked = sized(resource, picked, page.fields, [*kept, *terms], kept)
        told |= if_within(picked, told["record"])
    best_first = [picked.c.score] if _is_ranked(shape) else []
    page_rows = (
        told_rows(resource, told).join(picked, on=(picked.c.id == resource.column("id"))).order_by(*best_first, *terms)
    )
    return joined(resource, page_rows, told)


def _is_ranked(shape):
    *_, searched = shape
    return searched is not None and searched[1] > 0


def told_rows(table, told):
    """Return the query of all rows of a table with these expressions by name."""
    return table.model.select(*(expression.alias(name) for name, expression in told.items()))


def sized(table, picked, names, terms, kept=()):
    """Return the query of the picked ids with the bytes that each record takes, alone and with those before it."""
    each = size(table, names)
    columns = [picked.c.id.alias("id"), *(column.alias(column.name) for column in kept)]
    rows = table.model.select(*columns, each.alias("size"), fn.SUM(each).over(order_by=terms).alias("so_far"))
    return rows.join(picked, on=(picked.c.id == table.column("id"))).alias("sized")


def if_within(sizes, record):
    """Return the expressions of a record's JSON, NULL where it and those before have more than `most`, and its size."""
    told = Case(None, [(sizes.c.so_far <= slot("most"), record)], None)
    return {"record": told, "size": Cast(sizes.c.size, "TEXT")}


def _picked(resource, shape, parts, nulls):
    """Return the query of the ids of a page.

    Only ids and keys go through a sort: the JSON of a record is made when it is known to be in the answer.
    """
    queries = [_select_part(resource, shape, part) for part in parts]
    if len(queries) == 1:
        return _bounded(queries[0], nulls)
    several = [query.limit(slot("reach")).alias(f"part{i}") for i, query in enumerate(queries)]
    first, second = (resource.model.select(each.c.id.alias("id")).from_(each) for each in several)
    both = first.union_all(second).alias("both")
    return _bounded(resource.model.select(both.c.id.alias("id")).from_(both), nulls)


def _select_part(resource, shape, part):
    query, hits = search(resource, shape, resource.model.select(resource.column("id").alias("id")))
    best_first = []
    if _is_ranked(shape):
        query, best_first = query.select_extend(hits.c.score.alias("score")), [hits.c.score]
    return query.where(*where(resource, shape), *part.conditions).order_by(*best_first, *part.terms)


def _bounded(query, nulls):
    return query.limit(slot("limit")).offset(slot("offset") if nulls is None else None)


def _bindable(columns):
    return database.json_array([database.bindable(column) for column in columns])


def _count(resource, shape):
    counted, _ = search(resource, shape, resource.model.select(fn.COUNT(SQL("*"))))
    return counted.where(*where(resource, shape))


def search(resource, shape, query):
    """Return the query joined with the hits of a search, and these; None for them when nothing is searched for."""
    *_, searched = shape
    if searched is None:
        return query, None
    hits = full_text.found(resource, *searched).alias("hits")
    return query.join(hits, on=(hits.c.id == resource.column("id"))), hits


def write_cursor(resource, query, values):
    """Return the cursor that goes on after the row with these values of the total order."""
    return resource.catalog.cursor_serializer.dumps([query.fingerprint(resource), values])


def _read_cursor(resource, query):
    try:
        fingerprint, values = resource.catalog.cursor_serializer.loads(query.cursor)
    except BadData as error:
        raise Malformed("The cursor is not one that was given out here.") from error
    if fingerprint != query.fingerprint(resource):
        raise Malformed("The cursor belongs to another query: keep its filters and its sort.")
    return values
