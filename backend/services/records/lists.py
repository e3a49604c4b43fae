"""Lists of the rows of a Listable, page by page."""

import json
from dataclasses import dataclass
from typing import Any

from backend.services.definitions.policies import Scope
from backend.services.definitions.scans import SlowList
from backend.services.errors import Invalid
from backend.services.records.cursors import read_cursor, write_cursor
from backend.services.records.list_query import ListQuery
from backend.services.storage.answer_sizes import TooLarge, may_be_too_large, response_limit
from backend.services.storage.counts import NOT_COUNTED, Total, count_rows
from backend.services.storage.full_text import MAX_RANKED
from backend.services.storage.listable import Listable
from backend.services.storage.pages import PageRows, PageShape, read_page, size_of_page
from backend.services.storage.selections import Selection
from backend.services.storage.statements import Values
from backend.utils.meter import meter
from backend.utils.problems import Problem
from backend.utils.texts import byte_count

MANY_ROWS = 500  # of which it is faster to find out first whether they are too large together
MOST_ESCAPED = 2  # a JSON text may be this many times as long as its values


@dataclass(frozen=True, slots=True)
class RecordPage:
    """A page of records, each as JSON text.

    `link_values` maps link field to value, for each record.
    """

    items: list[str]
    total: Total
    next_cursor: str | None
    link_values: list[dict[str, Any]]


def list_rows(listable: Listable, scope: Scope, query: ListQuery, link_fields: tuple[str, ...] = ()) -> RecordPage:
    """Return the RecordPage of the rows within a Scope, with the values of the `link_fields`.

    Raises Malformed if the cursor is from a different query, TooLarge if the records have too many bytes, Invalid if
    the page is beyond the hits of a search that are ranked.
    """
    slow_before = meter.slow_statements
    try:
        return _list_rows(listable, scope, query, link_fields)
    finally:  # also if the statement was stopped
        if meter.slow_statements > slow_before and query.terms is None:
            meter.slow_list = SlowList.of(listable.name, query.conditions(scope), query.sort).to_texts()


def _list_rows(listable: Listable, scope: Scope, query: ListQuery, link_fields: tuple[str, ...]) -> RecordPage:
    after = read_cursor(listable, query)
    if query.terms == ():  # a text without words finds nothing
        return RecordPage([], Total(0) if query.count else NOT_COUNTED, None, [])
    _require_ranked(query)
    max_bytes = query.max_bytes or response_limit.max_bytes
    selection, shape = query.selection(scope), _page_shape(listable, query, link_fields, after)
    values = query.slot_values(listable, scope) | _page_position(query, after) | {"most": max_bytes}
    rows = _read_fitting(listable, selection, shape, values) if shape.is_measured else None
    if rows is None:
        rows = read_page(listable, selection, shape, values)
    if shape.is_measured:
        _require_fitting(rows, query.per_page, max_bytes)
    total = _count(listable, selection, query, values, len(rows.keys))
    link_values = [dict(zip(link_fields, json.loads(each), strict=True)) for each in rows.link_values[: query.per_page]]
    return RecordPage(rows.records[: query.per_page], total, _next_cursor(listable, query, rows), link_values)


def _read_fitting(listable: Listable, selection: Selection, shape: PageShape, values: Values) -> PageRows | None:
    """Return the rows of a page if they fit without being measured first, which reads each of them twice; else None.

    They fit if each has at most its share of the bytes, or all together have few enough.
    """
    unmeasured = shape._replace(is_measured=False)
    rows = read_page(listable, selection, unmeasured._replace(share=values["most"] // shape.limit), values)
    if len(rows.records) == len(rows.keys):
        return rows
    if shape.limit > MANY_ROWS and size_of_page(listable, selection, shape, values) <= values["most"]:
        return read_page(listable, selection, unmeasured, values)
    return None


def _require_ranked(query: ListQuery) -> None:
    if query.is_ranked and query.offset + query.per_page > MAX_RANKED:
        why = f"Pages reach only the best {MAX_RANKED:,} matches: `page` times `per_page`."
        advice = "To read on, pass `sort`, or search for more words."
        raise Invalid({"page": [Problem("too_large", f"{why} {advice}", limit=MAX_RANKED)]}, "query")


def _page_shape(
    listable: Listable, query: ListQuery, link_fields: tuple[str, ...], after: list[Any] | None
) -> PageShape:
    nulls = None if after is None else tuple(value is None for value in after)
    limit = query.per_page + 1  # one more than was asked for, to find out whether there is a next page
    is_measured = may_be_too_large(listable, query.fields, limit)
    links, skips = query.links.shown, after is None and query.offset > 0
    return PageShape(query.sort, query.fields, link_fields, nulls, limit, is_measured, links, query.as_arrays, skips)


def _page_position(query: ListQuery, after: list[Any] | None) -> dict[str, Any]:
    """Return the values of the slots for the place of the page."""
    limit = query.per_page + 1
    if after is None:
        return {"offset": query.offset, "reach": query.offset + limit}
    return {"reach": limit} | {f"after{i}": value for i, value in enumerate(after)}


def _require_fitting(rows: PageRows, per_page: int, max_bytes: int) -> None:
    """Raise TooLarge if the values of the records have more than `max_bytes`, or their JSON MOST_ESCAPED times that."""
    if sum(rows.sizes[:per_page]) > max_bytes:
        raise TooLarge(rows.sizes[:per_page], max_bytes)
    if sum(map(len, rows.records)) > MOST_ESCAPED * max_bytes:
        raise TooLarge([byte_count(each) for each in rows.records[:per_page]], max_bytes)


def _count(listable: Listable, selection: Selection, query: ListQuery, values: Values, found: int) -> Total:
    """Return the number of records, if the query asks for it. A last page with rows needs no query."""
    if not query.count or query.cursor is not None:
        return NOT_COUNTED
    is_last = found <= query.per_page
    if is_last and (found or not query.offset):
        return Total(query.offset + found)
    return count_rows(listable, selection, values)


def _next_cursor(listable: Listable, query: ListQuery, rows: PageRows) -> str | None:
    if len(rows.keys) <= query.per_page or query.is_ranked:
        return None
    return write_cursor(listable, query, json.loads(rows.keys[query.per_page - 1]))
