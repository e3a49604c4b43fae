"""Lists of the rows of a Listable, page by page."""

import json
from dataclasses import dataclass
from typing import Any

from backend.services.definitions.policies import Scope
from backend.services.records.cursors import read_cursor, write_cursor
from backend.services.records.list_query import ListQuery
from backend.services.storage.answer_sizes import TooLarge, answer_bound, may_be_too_large
from backend.services.storage.listable import Listable
from backend.services.storage.pages import PageRows, PageShape, count_rows, read_page
from backend.services.storage.selections import Selection
from backend.services.storage.statements import Values
from backend.utils.texts import byte_count

MOST_ESCAPED = 2  # times as long as its values a JSON text may be


@dataclass(frozen=True, slots=True)
class RecordPage:
    """A page of records, each as JSON text.

    `total` is None where it was not counted. `links` holds the values of the linked fields by name, of each record.
    """

    items: list[str]
    total: int | None
    next_cursor: str | None
    links: list[dict[str, Any]]


def list_rows(listable: Listable, allowed: Scope, query: ListQuery, links: tuple[str, ...] = ()) -> RecordPage:
    """Return the RecordPage of the rows within a Scope, with the values of the fields `links`.

    Raises Malformed for a cursor of another query, TooLarge for records that have too many bytes.
    """
    after = read_cursor(listable, query)
    if query.terms == ():  # a text without words finds nothing
        return RecordPage([], 0 if query.count else None, None, [])
    most = query.most_bytes or answer_bound.max_bytes
    selection, shape = query.selection(allowed), _page_shape(listable, query, links, after)
    values = query.slot_values(listable, allowed) | _place(query, after) | {"most": most}
    rows = read_page(listable, selection, shape, values)
    if shape.is_measured:
        _require_fitting(rows, query.per_page, most)
    total = _count(listable, selection, query, values, len(rows.keys))
    linked = [dict(zip(links, json.loads(each), strict=True)) for each in rows.links[: query.per_page]]
    return RecordPage(rows.records[: query.per_page], total, _next_cursor(listable, query, rows), linked)


def _page_shape(listable: Listable, query: ListQuery, links: tuple[str, ...], after: list[Any] | None) -> PageShape:
    nulls = None if after is None else tuple(value is None for value in after)
    is_measured = may_be_too_large(listable, query.fields, query.per_page + 1)
    return PageShape(query.sort, query.fields, links, nulls, is_measured)


def _place(query: ListQuery, after: list[Any] | None) -> dict[str, Any]:
    """Return the values of the slots that say where the page begins and ends; it reads one row more than asked for."""
    limit = query.per_page + 1
    if after is None:
        return {"limit": limit, "offset": query.offset, "reach": query.offset + limit}
    return {"limit": limit, "reach": limit} | {f"after{i}": value for i, value in enumerate(after)}


def _require_fitting(rows: PageRows, per_page: int, most: int) -> None:
    """Raise TooLarge where the records have more bytes than `most`, as measured or, with what is escaped, as JSON."""
    if sum(rows.sizes[:per_page]) > most:
        raise TooLarge(rows.sizes[:per_page], most)
    if sum(map(len, rows.records)) > MOST_ESCAPED * most:
        raise TooLarge([byte_count(each) for each in rows.records[:per_page]], most)


def _count(listable: Listable, selection: Selection, query: ListQuery, values: Values, found: int) -> int | None:
    """Return how many records there are, None where the query does not want it; a last page with rows shows it."""
    if not query.count or query.cursor is not None:
        return None
    is_last = found <= query.per_page
    if is_last and (found or not query.offset):
        return query.offset + found
    return count_rows(listable, selection, values)


def _next_cursor(listable: Listable, query: ListQuery, rows: PageRows) -> str | None:
    if len(rows.keys) <= query.per_page or query.is_ranked:
        return None
    return write_cursor(listable, query, json.loads(rows.keys[query.per_page - 1]))
