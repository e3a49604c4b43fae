"""Records: makes the blueprint of a resource, `/api/v1/<name>`, from its definition."""

from flask import Response

from backend.middleware.authentication import current_actor
from backend.middleware.paths import API
from backend.routes.toolkit.envelope import LOCATION, json_response
from backend.routes.toolkit.etags import etag, if_match, is_known
from backend.routes.toolkit.expanding import EXPAND
from backend.routes.toolkit.lists import list_query, page_response
from backend.routes.toolkit.resource_blueprint import ResourceBlueprint
from backend.services.records import records

RECORD = "/<uuid:record_id>"

ETAG_HEADERS = {"ETag": {"schema": {"type": "string"}, "description": "The record's version"}}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "schema": {"type": "string"},
    "description": "Only change the record if it still has one of these ETags",
}
IF_NONE_MATCH = IF_MATCH | {"name": "If-None-Match", "description": "Answer 304 if the record has one of these ETags"}
NOT_MODIFIED = {"304": {"description": "The record has not changed"}}


def make_blueprint(resource):
    """Return the blueprint of a resource: its views, with the schemas that check and document them."""
    name, definition = resource.name, resource.definition
    blp = ResourceBlueprint(resource)
    schemas = blp.schemas

    @blp.get("")
    @blp.guard(blp.allowed("list"))
    @blp.arguments(schemas.query, location="query")
    @blp.answers(200, schemas.item(many=True))
    @blp.fails(400, 401, 403)
    @blp.documented("list", "list", f"List {name}")
    def list_records(arguments):
        query = list_query(arguments, definition.search)
        return page_response(query, records.list_records(current_actor(), resource, query))

    @blp.post("")
    @blp.guard(blp.allowed("create"))
    @blp.idempotent
    @blp.arguments(schemas.create)
    @blp.answers(201, schemas.record, headers=ETAG_HEADERS | LOCATION)
    @blp.fails(400, 401, 403, 409, 415)
    @blp.documented("create", "create", f"Create a record of {name}")
    def create_record(data):
        record_id, made = records.create_record(current_actor(), resource, data)
        headers = {"ETag": etag(definition, made), "Location": f"{API}/{name}/{record_id}"}
        return json_response(made.json, "Created", status=201, headers=headers)

    @blp.get(RECORD)
    @blp.guard(blp.allowed("read"))
    @blp.arguments(schemas.choice, location="query")
    @blp.answers(200, schemas.record, headers=ETAG_HEADERS)
    @blp.fails(401, 403, 404)
    @blp.documented("read", "get", f"Read a record of {name}", parameters=[IF_NONE_MATCH], responses=NOT_MODIFIED)
    def get_record(arguments, record_id):
        expand = arguments.get(EXPAND, ())
        found = records.get_record(current_actor(), resource, str(record_id), expand)
        if not expand and is_known(definition, found):  # the version tells nothing of related records
            return Response(status=304, headers={"ETag": etag(definition, found)})
        return json_response(found.json, "OK", headers={"ETag": etag(definition, found)})

    @blp.put(RECORD)
    @blp.guard(blp.allowed("update"))
    @blp.arguments(schemas.create)
    @blp.answers(200, schemas.record, headers=ETAG_HEADERS)
    @blp.fails(400, 401, 403, 404, 409, 412, 415, 428)
    @blp.documented("update", "replace", f"Replace a record of {name}", parameters=[IF_MATCH])
    def replace_record(data, record_id):
        changed = records.update_record(current_actor(), resource, str(record_id), data, if_match(definition))
        return json_response(changed.json, "Updated", headers={"ETag": etag(definition, changed)})

    @blp.patch(RECORD)
    @blp.guard(blp.allowed("update"))
    @blp.arguments(schemas.patch)
    @blp.answers(200, schemas.record, headers=ETAG_HEADERS)
    @blp.fails(400, 401, 403, 404, 409, 412, 415, 428)
    @blp.documented("update", "update", f"Change some fields of a record of {name}", parameters=[IF_MATCH])
    def update_record(data, record_id):
        changed = records.update_record(current_actor(), resource, str(record_id), data, if_match(definition))
        return json_response(changed.json, "Updated", headers={"ETag": etag(definition, changed)})

    @blp.delete(RECORD)
    @blp.guard(blp.allowed("delete"))
    @blp.answers(200)
    @blp.fails(401, 403, 404, 409, 412, 428)
    @blp.documented("delete", "delete", f"Delete a record of {name}", parameters=[IF_MATCH])
    def delete_record(record_id):
        records.delete_record(current_actor(), resource, str(record_id), if_match(definition))
        return json_response("null", "Deleted")

    return blp
