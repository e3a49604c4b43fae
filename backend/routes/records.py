"""Records: makes the blueprint of a resource, `/api/v1/<name>`, from its definition."""

from typing import NamedTuple

import marshmallow as ma
from flask import Response

from backend.middleware.arguments import QuerySchema
from backend.middleware.authentication import current_actor, needing
from backend.middleware.envelope import API, Blueprint, json_response
from backend.middleware.etags import etag, if_match, is_known
from backend.middleware.expanding import EXPAND, Expanded, expand_parameter
from backend.middleware.lists import (
    describe,
    list_query,
    make_output_schema,
    make_query_schema,
    page_response,
    search_parameter,
)
from backend.middleware.openapi import OPTIONAL_SIGN_IN, SIGN_IN
from backend.services import expansions, policies, records
from backend.services.definitions import SYSTEM_FIELDS
from backend.services.expansions import relations
from backend.services.policies import LOCKED, NO_FIELDS, hidden_fields, locked_fields

RECORD = "/<uuid:record_id>"
MAX_NARROWED = 32  # kept for each resource, one for each set of fields that somebody may see and set

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
    blp = Blueprint(
        name, __name__, url_prefix=f"{API}/{name}", description=definition.description or f"Records of {name}"
    )
    schemas = _schemas(resource)
    _narrow_by_actor(resource, schemas)
    blp.schemas = schemas

    def allowed(action):
        """Return the guard of a view that needs a grant for the action."""
        return needing(f"a grant to {action}")(lambda: policies.authorize(definition, action, current_actor()))

    def documented(action, operation, summary, **extra):
        """Return the decorator with the operation's name, and whether it needs a sign-in."""
        security = OPTIONAL_SIGN_IN if definition.grants(action).are_public else SIGN_IN
        return blp.doc(operationId=f"{operation}_{name}", summary=summary, security=security, **extra)

    @blp.get("")
    @blp.guard(allowed("list"))
    @blp.arguments(schemas.query, location="query")
    @blp.answers(200, schemas.item(many=True))
    @blp.fails(400, 401, 403)
    @documented("list", "list", f"List {name}")
    def list_records(arguments):
        query = list_query(arguments, definition.search)
        return page_response(query, expansions.list_records(current_actor(), resource, query))

    @blp.post("")
    @blp.guard(allowed("create"))
    @blp.once
    @blp.arguments(schemas.create)
    @blp.answers(201, schemas.record, headers=ETAG_HEADERS | {"Location": {"schema": {"type": "string"}}})
    @blp.fails(400, 401, 403, 409, 415)
    @documented("create", "create", f"Create a record of {name}")
    def create_record(data):
        record_id, made = records.create_record(current_actor(), resource, data)
        headers = {"ETag": etag(definition, made), "Location": f"{API}/{name}/{record_id}"}
        return json_response(made.json, "Created", status=201, headers=headers)

    @blp.get(RECORD)
    @blp.guard(allowed("read"))
    @blp.arguments(schemas.choice, location="query")
    @blp.answers(200, schemas.record, headers=ETAG_HEADERS)
    @blp.fails(401, 403, 404)
    @documented("read", "get", f"Read a record of {name}", parameters=[IF_NONE_MATCH], responses=NOT_MODIFIED)
    def get_record(arguments, record_id):
        expand = arguments.get(EXPAND, ())
        found = expansions.get_record(current_actor(), resource, str(record_id), expand)
        if not expand and is_known(definition, found):  # the version tells nothing of related records
            return Response(status=304, headers={"ETag": etag(definition, found)})
        return json_response(found.json, "OK", headers={"ETag": etag(definition, found)})

    @blp.put(RECORD)
    @blp.guard(allowed("update"))
    @blp.arguments(schemas.create)
    @blp.answers(200, schemas.record, headers=ETAG_HEADERS)
    @blp.fails(400, 401, 403, 404, 409, 412, 415, 428)
    @documented("update", "replace", f"Replace a record of {name}", parameters=[IF_MATCH])
    def replace_record(data, record_id):
        changed = records.update_record(current_actor(), resource, str(record_id), data, if_match(definition))
        return json_response(changed.json, "Updated", headers={"ETag": etag(definition, changed)})

    @blp.patch(RECORD)
    @blp.guard(allowed("update"))
    @blp.arguments(schemas.patch)
    @blp.answers(200, schemas.record, headers=ETAG_HEADERS)
    @blp.fails(400, 401, 403, 404, 409, 412, 415, 428)
    @documented("update", "update", f"Change some fields of a record of {name}", parameters=[IF_MATCH])
    def update_record(data, record_id):
        changed = records.update_record(current_actor(), resource, str(record_id), data, if_match(definition))
        return json_response(changed.json, "Updated", headers={"ETag": etag(definition, changed)})

    @blp.delete(RECORD)
    @blp.guard(allowed("delete"))
    @blp.answers(200)
    @blp.fails(401, 403, 404, 409, 412, 428)
    @documented("delete", "delete", f"Delete a record of {name}", parameters=[IF_MATCH])
    def delete_record(record_id):
        records.delete_record(current_actor(), resource, str(record_id), if_match(definition))
        return json_response("null", "Deleted")

    return blp


class Schemas(NamedTuple):
    """What a resource takes and gives: parameters of a list and of a record, an item of a list, a record, bodies."""

    query: ma.Schema
    choice: ma.Schema
    item: type
    record: type
    create: ma.Schema
    patch: ma.Schema


def _schemas(resource, hidden=NO_FIELDS, locked=NO_FIELDS, offered=None):
    """Return the Schemas for somebody who cannot see and not set some fields, and is offered some relations."""
    name = resource.name
    offered = relations(resource, lambda definition: NO_FIELDS) if offered is None else offered
    kinds = {field: kind for field, kind in resource.kinds.items() if field not in hidden}
    known = {field: kind for field, kind in resource.definition.fields.items() if field not in hidden & locked}

    def schema(suffix, fields, bases=(ma.Schema,)):
        # `register=False`: marshmallow's registry would keep the schemas of old builds.
        return type(f"{name}_{suffix}", bases, fields | {"Meta": type("Meta", (), {"register": False})})

    def output(suffix, **options):
        made = make_output_schema(f"{name}_{suffix}", kinds, SYSTEM_FIELDS, **options)
        return schema(suffix, {EXPAND: Expanded(offered)}, (made,)) if offered else made

    def body(suffix, make):
        fields = {field: Locked() if field in locked else make(kind) for field, kind in known.items()}
        return schema(suffix, fields)()

    parameter = expand_parameter(offered)
    search = search_parameter([field for field in resource.definition.search if field not in hidden])
    return Schemas(
        query=make_query_schema(name, kinds, extra=parameter | search)(),
        choice=schema("choice", parameter, (QuerySchema,))(),
        item=output("item", required=False),
        record=output("record"),
        create=body("create", _input),
        patch=body("patch", _patch),
    )


def _narrow_by_actor(resource, documented):
    """Let each request be read by the schemas for its actor; `documented` are those for somebody who may do all."""
    if not any(each.definition.ruled_fields for each in (resource, *(other for other, _ in resource.referrers))):
        return
    made = {}

    def narrowed():
        actor = current_actor()
        hidden, locked = (find(resource.definition, actor) for find in (hidden_fields, locked_fields))
        offered = relations(resource, lambda definition: hidden_fields(definition, actor))
        key = (hidden, locked, bool(offered))
        schemas = made.get(key)
        if schemas is None:
            if len(made) >= MAX_NARROWED:
                made.clear()
            schemas = made[key] = _schemas(resource, hidden, locked, offered)
        return schemas

    for part in ("query", "choice", "create", "patch"):
        getattr(documented, part).for_actor = lambda part=part: getattr(narrowed(), part)


class Locked(ma.fields.Raw):
    """A field that the actor may see, but not set."""

    def deserialize(self, value, attr=None, data=None, **kwargs):
        """Refuse any value, null too."""
        if value is not ma.missing:
            raise ma.ValidationError(LOCKED)
        return value


def _input(kind):
    """Return the field for creating and replacing: what is left out becomes the default, or null."""
    options = {"allow_none": not kind.required, "metadata": describe(kind)}
    if kind.default is not None:
        # The default as it is kept: marshmallow does not parse it again.
        options |= {"load_default": kind.wire().deserialize(kind.default)}
        options["metadata"]["default"] = kind.default
    elif kind.required:
        options |= {"required": True}
    else:
        options |= {"load_default": None}
    return kind.wire(**options)


def _patch(kind):
    return kind.wire(allow_none=not kind.required, metadata=describe(kind))
