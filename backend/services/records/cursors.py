"""Cursors: signed texts that say after which record the next page begins."""

from typing import Any

from itsdangerous import BadData

from backend.services.errors import Malformed
from backend.services.records.list_query import ListQuery
from backend.services.storage.listable import Listable


def write_cursor(listable: Listable, query: ListQuery, values: list[Any]) -> str:
    """Return the cursor of the page after the record with these values of the sort keys."""
    cursor: str = listable.cursor_serializer.dumps([query.fingerprint(listable), values])
    return cursor


def read_cursor(listable: Listable, query: ListQuery) -> list[Any] | None:
    """Return the values in the cursor of a query, None if it has none; raise Malformed for a wrong one."""
    if query.cursor is None:
        return None
    try:
        fingerprint, values = listable.cursor_serializer.loads(query.cursor)
    except BadData as error:
        raise Malformed("The cursor was not issued here, or not with the present key.") from error
    if fingerprint != query.fingerprint(listable):
        raise Malformed("The cursor belongs to a different query: use the same filters and sort.")
    if query.is_ranked:
        raise Malformed("A search ordered by rank has no cursors: use `page`, or add a `sort`.")
    after: list[Any] = values
    return after
