"""Writes the records of a list as CSV or NDJSON, page by page, so that their number costs no memory."""

import csv
import io
import json
from dataclasses import replace

from backend.models.database import connected, database
from backend.services import queries
from backend.services.field_types.boolean import Boolean
from backend.services.field_types.integer import Integer
from backend.services.field_types.json import Json
from backend.services.field_types.number import Number
from backend.services.field_types.string import String
from backend.utils.cells import guarded

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
    writers = {name: _cell_writer(resource.kinds[name]) for name in names}

    def cell(name, value):
        return "" if value is None else writers[name](value)

    def write(items, is_first):
        out = io.StringIO(BYTE_ORDER_MARK if is_first else "", newline="")
        out.seek(0, io.SEEK_END)
        writer = csv.writer(out)
        if is_first:
            writer.writerow(names)
        for item in items:
            record = json.loads(item)
            writer.writerow([cell(name, record[name]) for name in names])
        return out.getvalue()

    return write


def _cell_writer(kind):
    """Return what makes the text of a cell from a value in JSON."""
    if isinstance(kind, String):
        return guarded
    if isinstance(kind, Number):  # one database writes 468 and the other 468.0
        return lambda value: repr(float(value)).removesuffix(".0")
    if isinstance(kind, Json | Boolean | Integer):
        return lambda value: json.dumps(value, ensure_ascii=False)
    return str
