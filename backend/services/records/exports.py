"""Exports records as CSV or NDJSON, page by page, so that large exports need no more memory than small ones."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from backend.models.database import connected, database
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.errors import Invalid, Unavailable
from backend.services.records.export_columns import CsvForm, ExportColumn, export_columns, with_columns
from backend.services.records.list_query import ListQuery
from backend.services.records.lists import RecordPage
from backend.services.records.records import list_records, visible_fields
from backend.services.records.row_files.csv_lines import csv_line, csv_lines
from backend.services.records.shown_links import VisibleLinks, visible_links
from backend.services.records.user_addresses import with_address_columns, with_addresses
from backend.services.storage.answer_sizes import TooLarge
from backend.utils.problems import Problem
from backend.utils.spool import NoSpace, SpoolFile

ROWS_AT_ONCE = 1000
FILE_SECONDS = 600  # how long a request may take to write the whole file
ANY_BYTES = 1 << 60
PAGE_SECONDS = 60  # how long a page may take in the database; the first page has the time limit of the request
ADVICE = "Export less at once: use filters, or name the fields you need in `fields`."
BYTE_ORDER_MARK = "\ufeff"  # without it, spreadsheets do not recognize UTF-8

CSV_FORM = CsvForm()

PageWriter = Callable[[Sequence[str], bool], str]  # (records as JSON texts, whether the page is the first) -> text


def export_records(
    actor: Actor,
    resource: Resource,
    query: ListQuery,
    form: str,
    *,
    addresses: bool = False,
    csv_form: CsvForm = CSV_FORM,
) -> Iterator[str]:
    """Yield all records that the ListQuery finds, as parts of a file; `form` is `csv` or `ndjson`.

    With `addresses`, users are written by address, in columns that an import elsewhere understands.

    Raises what list_records raises. Each page is a query of its own: a record that changes meanwhile is exported in
    its old or its new state.
    """
    return _texts(lambda: actor, resource, query, form, csv_form, addresses)


def check_export(actor: Actor, resource: Resource, query: ListQuery, csv_form: CsvForm = CSV_FORM) -> None:
    """Raise what the first page of an export would raise."""
    if csv_form.columns:
        query = with_columns(query, export_columns(actor, resource, csv_form.columns))
    _read_page(actor, resource, replace(_by_pages(query), per_page=1))


def write_export(
    reload_actor: Callable[[], Actor],
    resource: Resource,
    query: ListQuery,
    form: str,
    csv_form: CsvForm = CSV_FORM,
    *,
    max_bytes: int,
) -> SpoolFile:
    """Write all records that the ListQuery finds to a temporary file, and return it, to be read from its start.

    `reload_actor` is called before each page and returns the current state of the actor. Raises what it and
    list_records raise, and Invalid if the file would have more than `max_bytes`. Raises Unavailable if the disk is full
    or too much data waits for slow clients, if the export takes too long, or if the actor's access has changed since
    the first page.
    """
    with ExitStack() as unless_complete:
        try:
            file = SpoolFile()
            unless_complete.callback(file.close)
            for data in _bounded(_texts(reload_actor, resource, query, form, csv_form), max_bytes):
                file.write(data)
        except NoSpace as error:
            raise Unavailable(f"The file cannot be written now: {error} Try again later.") from error
        unless_complete.pop_all()
    return file


def _bounded(texts: Iterable[str], max_bytes: int) -> Iterator[bytes]:
    """Yield the texts in UTF-8. Raises Unavailable if they take too long, Invalid if they are too large."""
    deadline, size = time.monotonic() + FILE_SECONDS, 0
    for text in texts:
        if time.monotonic() > deadline:
            raise Unavailable(f"The file took longer than {FILE_SECONDS} seconds. {ADVICE}")
        data = text.encode()
        size += len(data)
        if size > max_bytes:
            message = f"The file would be larger than {max_bytes:,} bytes (LARDER_MAX_EXPORT_BYTES). {ADVICE}"
            raise Invalid(
                {"fields": [Problem("response_too_large", ADVICE, limit=max_bytes)]}, location="query", message=message
            )
        yield data


def _texts(
    reload_actor: Callable[[], Actor],
    resource: Resource,
    query: ListQuery,
    form: str,
    csv_form: CsvForm,
    addresses: bool = False,
) -> Iterator[str]:
    query, columns, are_arrays = _by_pages(query), list[ExportColumn](), False
    with connected():
        actor = reload_actor()
        if csv_form.columns:
            columns = export_columns(actor, resource, csv_form.columns)
            query = with_columns(query, columns)
        elif form == "csv":
            columns = _own_columns(actor, resource, query, addresses)
        if form == "csv" and not addresses and not query.expand.paths:
            # They are parsed in half the time of objects.
            query, are_arrays = replace(query, fields=tuple(each.field_name for each in columns), as_arrays=True), True
        page = _read_page(actor, resource, query)
    access = _access_of(resource, actor)
    write: PageWriter = _ndjson
    if form == "csv":
        write = _csv_writer(columns, csv_form.delimiter, are_arrays=are_arrays)
    yield write(with_addresses(resource, page.items) if addresses else page.items, True)
    while page.next_cursor is not None:
        with connected(), database.time_limit(PAGE_SECONDS):
            actor = reload_actor()
            page = _read_page(actor, resource, replace(query, cursor=page.next_cursor))
        if _access_of(resource, actor) != access:
            raise Unavailable("What you may read has changed while the file was written; request the export again.")
        yield write(with_addresses(resource, page.items) if addresses else page.items, False)


def _by_pages(query: ListQuery) -> ListQuery:
    return replace(query, per_page=ROWS_AT_ONCE, count=False, sort=query.sort or (("id", False),))


def _access_of(resource: Resource, actor: Actor) -> tuple[policies.Scope, frozenset[str], VisibleLinks]:
    """Return (scope of the records, hidden fields, visible links) of the actor."""
    scope, hidden = policies.scope(resource, "list", actor), policies.hidden_fields(resource.definition, actor)
    return scope, hidden, visible_links(actor, resource)


def _read_page(actor: Actor, resource: Resource, query: ListQuery) -> RecordPage:
    """Return the next page, with fewer records if they are too large to be held in memory at once, but at least one."""
    try:
        return list_records(actor, resource, query)
    except TooLarge as error:
        if error.fits:
            return _read_page(actor, resource, replace(query, per_page=error.fits))
        return list_records(actor, resource, replace(query, per_page=1, max_bytes=ANY_BYTES))


def _ndjson(items: Sequence[str], is_first: bool) -> str:
    return "".join(f"{item}\n" for item in items)


def _own_columns(actor: Actor, resource: Resource, query: ListQuery, addresses: bool) -> list[ExportColumn]:
    fields = {name: resource.fields[name] for name in query.fields or visible_fields(actor, resource)}
    fields = with_address_columns(resource, fields) if addresses else fields
    return [ExportColumn(name, (), name, field) for name, field in fields.items()]


def _csv_writer(columns: Sequence[ExportColumn], delimiter: str, *, are_arrays: bool) -> PageWriter:
    """Return the PageWriter of CSV; `are_arrays` says whether records are arrays with the value of each column."""

    def write(items: Sequence[str], is_first: bool) -> str:
        head = f"{BYTE_ORDER_MARK}{csv_line([each.name for each in columns], delimiter)}" if is_first else ""
        if not items:
            return head
        records = json.loads(f"[{','.join(items)}]")
        values = zip(*records, strict=True) if are_arrays else _by_column(columns, records)
        return head + csv_lines(zip([each.field for each in columns], values, strict=True), delimiter)

    return write


def _by_column(columns: Sequence[ExportColumn], records: Sequence[dict[str, Any]]) -> Iterator[list[Any]]:
    for column in columns:
        yield [column.value(record) for record in records]
