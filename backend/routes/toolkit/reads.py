"""Reads of records, with Flask and without.

The views of routes/records.py call read_record and read_list. So does DirectReads, for the dispatcher: Flask's part of
a read takes longer than all the rest of it. Everything around a read happens in the dispatcher for both ways, and
tests/parts/both_ways.py compares them at each read of the tests.
"""

import re
from collections.abc import Callable
from wsgiref.types import WSGIEnvironment

from backend.middleware.answer import NOT_MODIFIED, Answer
from backend.middleware.authentication import IDENTITY, actor_of
from backend.middleware.paths import API
from backend.middleware.request_log import ROUTE
from backend.routes.toolkit.app import FAILURE, Larder
from backend.routes.toolkit.envelope import json_answer
from backend.routes.toolkit.etags import etag, is_not_modified
from backend.routes.toolkit.expand_parameter import expand_query
from backend.routes.toolkit.lists import list_query, page_answer
from backend.routes.toolkit.public_responses import public_headers, tagged_if_public
from backend.routes.toolkit.resource_blueprint import ResourceBlueprint
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.records import records
from backend.services.records.change_cursors import changes_cursor
from backend.services.records.list_query import NO_EXPANSIONS, ExpandQuery, ListQuery

MAX_REMEMBERED, MAX_REMEMBERED_BYTES = 64, 300  # query strings of each schema, and bytes of each
RECORD = "/<uuid:record_id>"
RECORDS = f"{API}/"
RECORD_ID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # in the form that responses have


def read_record(
    actor: Actor, resource: Resource, record_id: str, expand: ExpandQuery, environ: WSGIEnvironment
) -> Answer:
    """Return the Answer with a record; 304 without it if the client has this version of it."""
    record = records.get_record(actor, resource, record_id, expand)
    headers = [("ETag", etag(resource.definition, record))]
    # The version does not cover related records, nor which of them the actor may read.
    if not expand.paths and not record.is_partial:
        headers += public_headers(resource.definition, environ)
        if is_not_modified(resource.definition, record, environ.get("HTTP_IF_NONE_MATCH")):
            return Answer(b"", NOT_MODIFIED, headers)
    return json_answer(record.json, "OK", headers=headers)


def read_list(actor: Actor, resource: Resource, query: ListQuery, environ: WSGIEnvironment) -> Answer:
    """Return the Answer with a page of the records that the actor may list."""
    cursor = changes_cursor(resource) if resource.has_feed else None  # first, so that no change is missed
    answer = page_answer(query, records.list_records(actor, resource, query), cursor)
    return tagged_if_public(resource.definition, answer, environ, is_list=True)


class DirectReads:
    """Answers the reads of one record and of lists without Flask: one record takes half of the CPU time."""

    def __init__(self, app: Larder) -> None:
        self._app = app

    def answer(self, environ: WSGIEnvironment) -> Answer | None:
        """Return the Answer of a request; None if Flask must answer: other requests, and errors, which it raises."""
        if environ["REQUEST_METHOD"] != "GET":
            return None
        blp, record_id = find_blueprint(self._app, environ)
        if blp is None:
            return None
        return try_answer(blp, environ, record_id, _read)


def find_blueprint(app: Larder, environ: WSGIEnvironment) -> tuple[ResourceBlueprint | None, str]:
    """Return the blueprint and the record id in a path; "" for all records, None for a path of anything else."""
    path: str = environ["PATH_INFO"]
    name, slash, record_id = path.removeprefix(RECORDS).partition("/")
    resource = app.catalog_of(environ).get(name) if path.startswith(RECORDS) else None
    if resource is None or (slash and not RECORD_ID.fullmatch(record_id)):
        return None, ""
    blp = app.routes_of(resource).blueprint
    return (blp, record_id) if isinstance(blp, ResourceBlueprint) else (None, "")


def try_answer(
    blp: ResourceBlueprint,
    environ: WSGIEnvironment,
    record_id: str,
    answer: Callable[[ResourceBlueprint, WSGIEnvironment, str], Answer | None],
) -> Answer | None:
    """Return what `answer` returns; None if it raises an error, which is kept for Flask."""
    environ[ROUTE] = f"{RECORDS}{blp.resource.name}{RECORD if record_id else ''}"
    try:
        return answer(blp, environ, record_id)
    except Exception as error:  # noqa: BLE001  # Flask raises it again, and writes the response
        environ[FAILURE] = error
        return None


def _read(blp: ResourceBlueprint, environ: WSGIEnvironment, record_id: str) -> Answer:
    actor, resource, sent = actor_of(environ[IDENTITY]), blp.resource, environ["QUERY_STRING"].encode("latin-1")
    policies.authorize(resource, "read" if record_id else "list", actor)  # before anything else is read
    if record_id:
        expand = expand_query(blp.schemas.record_query.of(actor).read(sent)) if sent else NO_EXPANSIONS
        return read_record(actor, resource, record_id, expand, environ)
    return read_list(actor, resource, _list_query(blp, actor, sent), environ)


def _list_query(blp: ResourceBlueprint, actor: Actor, sent: bytes) -> ListQuery:
    """Return the ListQuery of a query string; clients repeat few, so what was read is remembered."""
    schema = blp.schemas.list_query.of(actor)
    query: ListQuery | None = schema.remembered.get(sent)
    if query is None:
        query = list_query(schema.read(sent), blp.definition.search)
        if len(schema.remembered) >= MAX_REMEMBERED:
            schema.remembered.clear()
        if len(sent) <= MAX_REMEMBERED_BYTES:
            schema.remembered[sent] = query
    return query
