"""Definitions: `/api/v1/resources`."""

from dataclasses import fields

import marshmallow as ma
from marshmallow import validate

from backend.middleware.authentication import current_actor, permission
from backend.middleware.paths import API
from backend.routes.toolkit.arguments import QuerySchema
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.envelope import LOCATION
from backend.routes.toolkit.openapi import OneOf
from backend.services.access.permissions import RESOURCES_READ, RESOURCES_WRITE
from backend.services.definitions import resources
from backend.services.definitions.definition import ACTIONS, MAX_DESCRIPTION, MAX_FIELDS, MAX_INDEXED, NAME
from backend.services.definitions.grants import MAX_CONDITIONS, MAX_GRANTS
from backend.services.field_types.base import TYPES
from backend.services.field_types.boolean import BooleanFromText
from backend.services.field_types.wire import FormerNames, StrictText
from backend.utils.clock import rfc3339

EXAMPLE = {
    "name": "books",
    "description": "What is on the shelf",
    "fields": {
        "title": {"type": "string", "required": True, "max_length": 200},
        "pages": {"type": "integer", "min": 1},
        "price": {"type": "decimal", "precision": 8, "scale": 2},
    },
    "indexes": [["title", "pages"]],
    "search": ["title"],
    "access": {"list": ["public"], "read": ["public"], "create": ["member"], "update": ["owner"], "delete": ["owner"]},
}

ADDED = ("version", "created_at", "updated_at")

blp = Blueprint("resources", __name__, url_prefix=f"{API}/resources", description="Definitions of resources")


def _field_schema(kind):
    """Return the schema that documents a field of this type."""
    options = {item.name: item.metadata["wire"] for item in fields(kind)}
    options["type"] = ma.fields.String(required=True, validate=validate.OneOf([kind.name]))
    return ma.Schema.from_dict(options, name=f"{kind.name.title()}Field")


FieldName = ma.fields.String(metadata={"pattern": f"^{NAME.pattern}$"})
FieldNames = ma.fields.List(FieldName, validate=validate.Length(1, MAX_INDEXED))
Rule = {
    "type": "object",
    "description": "A grant for the rows that meet the rule",
    "required": ["role", "where"],
    "additionalProperties": False,
    "properties": {
        "role": {"type": "string"},
        "where": {
            "type": "object",
            "description": "By field a value, or an object of values by operator; `$user.<field>` is the caller's",
            "minProperties": 1,
            "maxProperties": MAX_CONDITIONS,
            "propertyNames": {"pattern": f"^{NAME.pattern}$"},
        },
    },
}
Grant = ma.fields.Raw(metadata={"anyOf": [{"type": "string"}, Rule]})
Grants = ma.fields.List(Grant, validate=validate.Length(max=MAX_GRANTS))
AccessSchema = ma.Schema.from_dict(dict.fromkeys(ACTIONS, Grants), name="Access")


class DefinitionBodySchema(ma.Schema):
    """What the records of a resource are, and who may do what with them."""

    description = ma.fields.String(validate=validate.Length(max=MAX_DESCRIPTION))
    fields_ = ma.fields.Dict(
        FieldName,
        OneOf([_field_schema(kind) for _, kind in sorted(TYPES.items())]),
        required=True,
        data_key="fields",
        metadata={"minProperties": 1, "maxProperties": MAX_FIELDS},
    )
    indexes = ma.fields.List(FieldNames, metadata={"description": "Sets of fields to index"})
    unique = ma.fields.List(FieldNames, metadata={"description": "Sets of fields whose values together occur once"})
    search = ma.fields.List(FieldName, metadata={"description": "Fields for the full-text search"})
    access = ma.fields.Nested(
        AccessSchema, metadata={"description": "Grants by action: names of roles, `public`, `owner`, rules for rows"}
    )
    require_if_match = ma.fields.Boolean(metadata={"description": "Refuse writes without If-Match"})
    history = ma.fields.Boolean(metadata={"description": "Keep who changed what, at `/<name>/<id>/history`"})
    renamed_from = FormerNames()
    on_owner_delete = ma.fields.String(
        validate=validate.OneOf(["set_null", "cascade", "restrict"]),
        metadata={"description": "What becomes of the records of a user who is deleted; by default they stay"},
    )


class DefinitionSchema(DefinitionBodySchema):
    """A resource: what its records are, and who may do what with them.

    This schema documents; services/definitions/definition.py checks, for files as well as for requests.
    """

    name = ma.fields.String(required=True, metadata={"pattern": f"^{NAME.pattern}$"})

    def load(self, data, **options):
        """Return the body as it came, if it is an object, without what a GET adds to it."""
        if not isinstance(data, dict):
            raise ma.ValidationError("Not an object.")
        return {part: value for part, value in data.items() if part not in ADDED}


class StoredDefinitionSchema(DefinitionSchema):
    """A resource as it is in force."""

    version = ma.fields.Integer(required=True, metadata={"description": "Grows by one with every change"})
    created_at = ma.fields.DateTime(required=True)
    updated_at = ma.fields.DateTime(required=True)

    def dump(self, stored, *, many=None):
        """Return the definition as it is stored, with what the store knows of it."""
        if self.many if many is None else many:
            return [self.dump(each, many=False) for each in stored]
        moments = {"created_at": rfc3339(stored.created_at), "updated_at": rfc3339(stored.updated_at)}
        return {"name": stored.name, **stored.body, "version": stored.version, **moments}


class VersionSchema(ma.Schema):
    """What a resource was declared to be from a change to the next."""

    version = ma.fields.Integer(required=True)
    definition = ma.fields.Nested(
        DefinitionBodySchema,
        required=True,
        allow_none=True,
        metadata={"description": "Null when the resource was dropped, or renamed to another"},
    )
    created_at = ma.fields.DateTime(required=True)
    created_by = ma.fields.UUID(required=True, allow_none=True, metadata={"description": "Id of who changed it"})

    def dump(self, versions, *, many=None):
        """Return the versions as they are kept."""
        return [
            {
                "version": each.version,
                "definition": each.body,
                "created_at": rfc3339(each.created_at),
                "created_by": each.created_by,
            }
            for each in versions
        ]


class StepSchema(ma.Schema):
    """A step of a plan."""

    action = ma.fields.String(required=True, metadata={"description": "Such as `drop_field`"})
    resource = ma.fields.String(required=True)
    subject = ma.fields.String(required=True, allow_none=True, metadata={"description": "The field or fields"})
    text = ma.fields.String(required=True, metadata={"description": "The step in words"})
    loses_data = ma.fields.Boolean(required=True)
    impossible = ma.fields.Boolean(required=True, metadata={"description": "Records in place stand against it"})
    records = ma.fields.Integer(required=True, metadata={"description": "How many lose a value or stand against it"})
    ids = ma.fields.List(ma.fields.UUID(), required=True, metadata={"description": "The first of these records"})


class PlanSchema(ma.Schema):
    """What a change of a definition would do, step by step."""

    steps = ma.fields.List(ma.fields.Nested(StepSchema), required=True)
    loses_data = ma.fields.Boolean(required=True, metadata={"description": "Whether it has to be confirmed"})
    possible = ma.fields.Boolean(required=True)
    fingerprint = ma.fields.String(required=True, metadata={"description": "Confirms the plan"})


class ReplaceQuery(QuerySchema):
    """Whether a loss of data is meant."""

    confirm = StrictText(metadata={"description": "The fingerprint of the plan, where it loses data"})


class DropQuery(QuerySchema):
    """Whether a loss of records is meant."""

    confirm = BooleanFromText(load_default=False, metadata={"description": "Drop the records with the resource"})


@blp.get("")
@blp.guard(permission(RESOURCES_READ))
@blp.response(200, StoredDefinitionSchema(many=True))
@blp.fails(401, 403)
@blp.doc(operationId="resources_list")
def list_resources():
    """List all resources"""
    return resources.list_resources()


@blp.post("")
@blp.guard(permission(RESOURCES_WRITE))
@blp.idempotent
@blp.arguments(DefinitionSchema, example=EXAMPLE)
@blp.response(201, StoredDefinitionSchema, headers=LOCATION)
@blp.fails(400, 401, 403, 409, 415)
@blp.doc(operationId="resources_create")
def create_resource(data):
    """Declare a resource

    Its API answers from the next request on.
    """
    stored = resources.create_resource(current_actor(), data)
    return stored, {"Location": f"{API}/resources/{stored.name}"}


@blp.get("/<name>")
@blp.guard(permission(RESOURCES_READ))
@blp.response(200, StoredDefinitionSchema)
@blp.fails(401, 403, 404)
@blp.doc(operationId="resources_get")
def get_resource(name):
    """Show a resource"""
    return resources.get_resource(name)


@blp.put("/<name>")
@blp.guard(permission(RESOURCES_WRITE))
@blp.arguments(ReplaceQuery, location="query")
@blp.arguments(DefinitionSchema, example=EXAMPLE)
@blp.response(200, StoredDefinitionSchema)
@blp.fails(400, 401, 403, 404, 409, 415)
@blp.doc(operationId="resources_replace")
def replace_resource(query, data, name):
    """Change a resource, with the records in it

    Whatever leads to the new definition is done in one transaction. A conflict shows the plan, if records in place
    stand against it or if it would lose data and `confirm` does not say that this is meant.
    """
    return resources.replace_resource(current_actor(), name, data, confirm=query.get("confirm"))


@blp.post("/<name>/plan")
@blp.guard(permission(RESOURCES_WRITE))
@blp.arguments(DefinitionSchema, example=EXAMPLE)
@blp.response(200, PlanSchema)
@blp.fails(400, 401, 403, 404, 409, 415)
@blp.doc(operationId="resources_plan")
def plan_resource(data, name):
    """Show what a change of a resource would do, and change nothing"""
    return resources.plan_resource(name, data).to_dict()


@blp.get("/<name>/versions")
@blp.guard(permission(RESOURCES_READ))
@blp.response(200, VersionSchema(many=True))
@blp.fails(401, 403, 404)
@blp.doc(operationId="resources_versions")
def list_versions(name):
    """List what a resource was declared to be, the latest first"""
    return resources.list_versions(name)


@blp.delete("/<name>")
@blp.guard(permission(RESOURCES_WRITE))
@blp.arguments(DropQuery, location="query")
@blp.response(200)
@blp.fails(401, 403, 404, 409)
@blp.doc(operationId="resources_delete")
def delete_resource(query, name):
    """Drop a resource with its records"""
    resources.delete_resource(current_actor(), name, confirmed=query["confirm"])
