"""Records: `/api/v1/<name>`. Builds the blueprint of a resource from its definition."""

from typing import Any
from uuid import UUID

from flask import request

from backend.middleware.answer import Answer
from backend.middleware.authentication import current_actor
from backend.routes.toolkit.envelope import LOCATION
from backend.routes.toolkit.etags import if_match
from backend.routes.toolkit.expand_parameter import expand_query
from backend.routes.toolkit.lists import list_query
from backend.routes.toolkit.public_responses import documented_tag
from backend.routes.toolkit.reads import RECORD, read_list, read_record
from backend.routes.toolkit.resource_blueprint import ResourceBlueprint
from backend.routes.toolkit.resource_schemas import UPSERT, create_summary
from backend.routes.toolkit.writes import change_record, create_record, created, delete_record, updated
from backend.services.definitions.catalog import Resource
from backend.services.records.upserts import upsert_record

ETAG_HEADERS = {"ETag": {"schema": {"type": "string"}, "description": "The record's version"}}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "schema": {"type": "string"},
    "description": "Change the record only if it still has one of these ETags",
}
IF_MATCH_OF_UPSERT = IF_MATCH | {
    "description": "With `upsert`: create no record, and change the record only if it still has one of these ETags"
}
IF_NONE_MATCH = IF_MATCH | {
    "name": "If-None-Match",
    "description": "Respond with 304 if the record still has one of these ETags",
}
NOT_MODIFIED = {"304": {"description": "The record has not changed"}}


def make_blueprint(resource: Resource) -> ResourceBlueprint:
    """Return the blueprint of a resource, with its views and their schemas."""
    blp = ResourceBlueprint(resource)
    for add_view in (_add_list, _add_create, _add_read, _add_replace, _add_update, _add_delete):
        add_view(blp)
    return blp


def _add_list(blp: ResourceBlueprint) -> None:
    @blp.get("")
    @blp.guard(blp.allowed("list"))
    @blp.arguments(blp.schemas.list_query, location="query")
    @blp.documented_response(200, blp.schemas.record(many=True))
    @blp.fails(400, 401, 403)
    @blp.documented("list", f"list_{blp.names.many}", f"List {blp.resource.name}", **documented_tag(blp.definition))
    def list_records(arguments: dict[str, Any]) -> Answer:
        query = list_query(arguments, blp.definition.search)
        return read_list(current_actor(), blp.resource, query, request.environ)


def _add_create(blp: ResourceBlueprint) -> None:
    if blp.schemas.upsert_query.fields:
        _add_create_or_upsert(blp)
        return

    @blp.post("")
    @blp.guard(blp.allowed("create"))
    @blp.idempotent
    @blp.arguments(blp.schemas.create)
    @blp.documented_response(201, blp.schemas.record, headers=ETAG_HEADERS | LOCATION)
    @blp.fails(400, 401, 403, 409, 415)
    @blp.documented("create", f"create_{blp.names.one}", create_summary(blp.resource.name))
    def create(data: dict[str, Any]) -> Answer:
        return create_record(current_actor(), blp.resource, data)


def _add_create_or_upsert(blp: ResourceBlueprint) -> None:
    summary = create_summary(blp.resource.name, upserts=True)

    @blp.post("")
    @blp.guard(blp.allowed("create"))
    @blp.idempotent
    @blp.arguments(blp.schemas.upsert_query, location="query")
    @blp.arguments(blp.schemas.create_or_upsert)
    @blp.documented_response(200, blp.schemas.record, headers=ETAG_HEADERS)
    @blp.documented_response(201, blp.schemas.record, headers=ETAG_HEADERS | LOCATION)
    @blp.fails(400, 401, 403, 409, 412, 415, 428)
    @blp.documented("create", f"create_{blp.names.one}", summary, parameters=[IF_MATCH_OF_UPSERT])
    def create(arguments: dict[str, Any], data: dict[str, Any]) -> Answer:
        if UPSERT in arguments:
            return _upsert(blp, arguments[UPSERT], data)
        return create_record(current_actor(), blp.resource, data)


def _upsert(blp: ResourceBlueprint, key: str, body: dict[str, Any]) -> Answer:
    versions = if_match(blp.definition, request.environ)
    record_id, record, is_new = upsert_record(current_actor(), blp.resource, key, body, versions)
    return created(blp.resource, record_id, record) if is_new else updated(blp.resource, record)


def _add_read(blp: ResourceBlueprint) -> None:
    resource, summary = blp.resource, f"Read a record of {blp.resource.name}"

    @blp.get(RECORD)
    @blp.guard(blp.allowed("read"))
    @blp.arguments(blp.schemas.record_query, location="query")
    @blp.documented_response(200, blp.schemas.record, headers=ETAG_HEADERS)
    @blp.fails(401, 403, 404)
    @blp.documented("read", f"get_{blp.names.one}", summary, parameters=[IF_NONE_MATCH], responses=NOT_MODIFIED)
    def get_record(arguments: dict[str, Any], record_id: UUID) -> Answer:
        return read_record(current_actor(), resource, str(record_id), expand_query(arguments), request.environ)


def _add_replace(blp: ResourceBlueprint) -> None:
    summary = f"Replace a record of {blp.resource.name}"

    @blp.put(RECORD)
    @blp.guard(blp.allowed("update"))
    @blp.arguments(blp.schemas.create)
    @blp.documented_response(200, blp.schemas.record, headers=ETAG_HEADERS)
    @blp.fails(400, 401, 403, 404, 409, 412, 415, 428)
    @blp.documented("update", f"replace_{blp.names.one}", summary, parameters=[IF_MATCH])
    def replace_record(data: dict[str, Any], record_id: UUID) -> Answer:
        return change_record(current_actor(), blp.resource, str(record_id), data, request.environ)


def _add_update(blp: ResourceBlueprint) -> None:
    summary = f"Change some fields of a record of {blp.resource.name}"

    @blp.patch(RECORD)
    @blp.guard(blp.allowed("update"))
    @blp.arguments(blp.schemas.patch)
    @blp.documented_response(200, blp.schemas.record, headers=ETAG_HEADERS)
    @blp.fails(400, 401, 403, 404, 409, 412, 415, 428)
    @blp.documented("update", f"update_{blp.names.one}", summary, parameters=[IF_MATCH])
    def update_record(data: dict[str, Any], record_id: UUID) -> Answer:
        return change_record(current_actor(), blp.resource, str(record_id), data, request.environ)


def _add_delete(blp: ResourceBlueprint) -> None:
    summary = f"Delete a record of {blp.resource.name}"

    @blp.delete(RECORD)
    @blp.guard(blp.allowed("delete"))
    @blp.documented_response(200)
    @blp.fails(401, 403, 404, 409, 412, 428)
    @blp.documented("delete", f"delete_{blp.names.one}", summary, parameters=[IF_MATCH])
    def delete(record_id: UUID) -> Answer:
        return delete_record(current_actor(), blp.resource, str(record_id), request.environ)
