"""Writes the records of a list as CSV or NDJSON, page by page, so that their number costs no memory."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace

from backend.models.database import connected, database
from backend.services import queries
from backend.services.field_types.base import FieldType
from backend.utils.cells import NULL, written

ROWS_AT_ONCE = 500
PAGE_SECONDS = 60  # what the database may take for each page but the first, which belongs to the request
BYTE_ORDER_MARK = "\ufeff"  # without it spreadsheets take UTF-8 for something else


def export_records(actor, resource, query, form):
    """Return an iterator of texts, together all records that the ListQuery finds, as `csv` or `ndjson`.

    The first page is read at once: raises what list_records does. Each page is read by itself, so a record that changes
    meanwhile is in the file as it was or as it is.
    """
    query = replace(query, per_page=ROWS_AT_ONCE, count=False, sort=query.sort or (("id", False),))
    first = queries.list_records(actor, resource, query)
    write = _csv_writer(actor, resource, query) if form == "csv" else _ndjson
    return _texts(actor, resource, query, first, write)


def _texts(actor, resource, query, page, write):
    yield write(page.items, True)
    while page.next_cursor is not None:
        # That of a request is back in the pool by now.
        with connected(), database.time_limit(PAGE_SECONDS):
            page = queries.list_records(actor, resource, replace(query, cursor=page.next_cursor))
        yield write(page.items, False)


def _ndjson(items, is_first):
    return "".join(f"{item}\n" for item in items)


def _csv_writer(actor, resource, query):
    names = query.fields or queries.visible_fields(actor, resource)
    cells = [(name, _cell_writer(resource.kinds[name])) for name in names]

    def line(item):
        record = json.loads(item)
        return _csv_line([write(record[name]) for name, write in cells])

    def write(items, is_first):
        head = f"{BYTE_ORDER_MARK}{_csv_line(names)}" if is_first else ""
        return head + "".join(map(line, items))

    return write


def _csv_line(cells: Iterable[str]) -> str:
    text = ",".join(cells)
    # A row of nothing but commas would be no row for whoever reads it.
    return (text if text.strip(",") else NULL + text) + "\r\n"


def _cell_writer(kind: FieldType) -> Callable:
    """Return what makes the text of a cell from a value in JSON."""
    # An empty cell of a new record is the default.
    null, to_cell = "" if kind.default is None else NULL, kind.to_cell
    return lambda value: null if value is None else written(to_cell(value))
