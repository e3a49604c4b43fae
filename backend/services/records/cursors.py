"""Cursors: signed texts that say after which record a list goes on."""

from typing import Any

from itsdangerous import BadData

from backend.services.errors import Malformed
from backend.services.records.list_query import ListQuery
from backend.services.storage.listable import Listable


def write_cursor(listable: Listable, query: ListQuery, values: list[Any]) -> str:
    """Return the cursor that goes on after the record with these values of the total order."""
    cursor: str = listable.cursor_serializer.dumps([query.fingerprint(listable), values])
    return cursor


def read_cursor(listable: Listable, query: ListQuery) -> list[Any] | None:
    """Return the values in the cursor of a query, None if it has none; raise Malformed for a wrong one."""
    if query.cursor is None:
        return None
    try:
        fingerprint, values = listable.cursor_serializer.loads(query.cursor)
    except BadData as error:
        raise Malformed("The cursor is not one that was given out here.") from error
    if fingerprint != query.fingerprint(listable):
        raise Malformed("The cursor belongs to another query: keep its filters and its sort.")
    if query.is_ranked:
        raise Malformed("A search in the order of its hits has pages and no cursors; add a sort.")
    after: list[Any] = values
    return after
