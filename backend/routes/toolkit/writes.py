"""Writes of one record, with Flask and without.

The views of routes/records.py call create_record, change_record and delete_record. So does DirectWrites, for the
dispatcher, like DirectReads.
"""

import io
from functools import partial
from wsgiref.types import WSGIEnvironment

from marshmallow import RAISE, ValidationError

from backend.middleware.answer import Answer
from backend.middleware.authentication import IDENTITY, actor_of
from backend.middleware.paths import API
from backend.routes.toolkit.envelope import json_answer
from backend.routes.toolkit.etags import etag, if_match
from backend.routes.toolkit.reads import DirectReads, find_blueprint, try_answer
from backend.routes.toolkit.resource_blueprint import ResourceBlueprint
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.errors import Invalid
from backend.services.records import records
from backend.services.records.records import Record
from backend.utils.json_types import JsonObject
from backend.utils.strict_json import read_body

ACTIONS = {"POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete"}
FOR_FLASK = ("HTTP_IDEMPOTENCY_KEY", "HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING")  # what only Flask's way reads


def create_record(actor: Actor, resource: Resource, data: JsonObject) -> Answer:
    """Create a record and return the Answer with it."""
    return created(resource, *records.create_record(actor, resource, data))


def created(resource: Resource, record_id: str, record: Record) -> Answer:
    """Return the Answer with a new record."""
    headers = [("ETag", etag(resource.definition, record)), ("Location", f"{API}/{resource.name}/{record_id}")]
    return json_answer(record.json, "Created", status=201, headers=headers)


def change_record(
    actor: Actor, resource: Resource, record_id: str, data: JsonObject, environ: WSGIEnvironment
) -> Answer:
    """Change a record and return the Answer with it."""
    versions = if_match(resource.definition, environ)
    return updated(resource, records.update_record(actor, resource, record_id, data, versions))


def updated(resource: Resource, record: Record) -> Answer:
    """Return the Answer with a changed record."""
    return json_answer(record.json, "Updated", headers=[("ETag", etag(resource.definition, record))])


def delete_record(actor: Actor, resource: Resource, record_id: str, environ: WSGIEnvironment) -> Answer:
    """Delete a record and return the Answer without one."""
    records.delete_record(actor, resource, record_id, if_match(resource.definition, environ))
    return json_answer("null", "Deleted")


class DirectWrites(DirectReads):
    """Answers the creation, change and deletion of one record without Flask, too."""

    def answer(self, environ: WSGIEnvironment) -> Answer | None:
        """Return the Answer of a request; None if Flask must answer: other requests, and errors, which it raises."""
        method = environ["REQUEST_METHOD"]
        if method not in ACTIONS:
            return super().answer(environ)
        blp, record_id = find_blueprint(self._app, environ)
        if blp is None or (record_id == "") != (method == "POST"):
            return None
        if environ["QUERY_STRING"] or any(name in environ for name in FOR_FLASK):
            return None
        return try_answer(blp, environ, record_id, partial(_write, self._app.settings.max_body_bytes))


def _write(max_bytes: int, blp: ResourceBlueprint, environ: WSGIEnvironment, record_id: str) -> Answer | None:
    """Return the Answer to a write; None if Flask must read the body."""
    actor, resource, method = actor_of(environ[IDENTITY]), blp.resource, environ["REQUEST_METHOD"]
    policies.authorize(resource, ACTIONS[method], actor)
    if method == "DELETE":
        return delete_record(actor, resource, record_id, environ)
    schema = blp.schemas.patch if method == "PATCH" else blp.schemas.create
    narrowed = schema.for_actor(actor) if schema.for_actor else schema
    body = _read_object(environ, max_bytes)
    if body is None:
        return None
    try:
        data = narrowed.load(body, unknown=RAISE)
    except ValidationError as error:
        raise Invalid(error.messages_dict) from error
    if method == "POST":
        return create_record(actor, resource, data)
    return change_record(actor, resource, record_id, data, environ)


def _read_object(environ: WSGIEnvironment, max_bytes: int) -> JsonObject | None:
    """Return the JSON object in the body, which can be read again; None if there is none."""
    sent_length = environ.get("CONTENT_LENGTH", "")
    length = int(sent_length) if sent_length.isdecimal() else 0
    if not 0 < length <= max_bytes or environ.get("CONTENT_TYPE", "").partition(";")[0].strip() != "application/json":
        return None
    body = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    try:
        value = read_body(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) and len(body) == length else None
