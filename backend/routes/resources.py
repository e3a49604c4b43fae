"""Definitions: `/api/v1/resources`."""

from contextlib import ExitStack
from typing import Any

from flask import Response, request
from marshmallow import Schema, fields

from backend.middleware.app import get_app
from backend.middleware.authentication import current_actor
from backend.middleware.guards import permission
from backend.middleware.paths import API
from backend.routes.toolkit.arguments import QuerySchema
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.definition_schemas import DefinitionPlanSchema, DefinitionProposalSchema, ProposalQuery
from backend.routes.toolkit.envelope import LOCATION
from backend.routes.toolkit.etags import accepted_tags
from backend.routes.toolkit.row_uploads import UPLOADED, read_layout, uploaded_rows
from backend.routes.toolkit.yaml_bodies import JSON, TEXT, YAML, YamlOrJson, takes_yaml
from backend.services.access.permissions import RESOURCES_READ, RESOURCES_WRITE
from backend.services.definitions import resources, schema
from backend.services.field_types.boolean import BooleanFromText
from backend.services.field_types.marshmallow_fields import StrictText
from backend.services.operation.slow_lists import with_advice
from backend.services.records.imports.report import Bounds, Budget
from backend.services.records.proposals.field_names import resource_name
from backend.services.records.proposals.proposing import proposal_format, propose
from backend.utils.clock import rfc3339
from backend.utils.strict_yaml import dump_yaml

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

READ_ONLY = ("version", "created_at", "updated_at")  # in the body of a GET, but not part of the definition

ETAG = {"ETag": {"schema": {"type": "string"}, "description": "The version of the definition"}}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "schema": {"type": "string"},
    "description": "Change the resource only if its definition still has one of these ETags",
}

blp = Blueprint("resources", __name__, url_prefix=f"{API}/resources", description="Definitions of resources")


class DefinitionUpdateSchema(schema.DefinitionBodySchema, YamlOrJson):
    """The new definition of a resource; a new name is given with `renamed_from`."""

    name = StrictText(metadata={"pattern": schema.NAME_PATTERN})

    def load(self, data: Any, **options: Any) -> dict[str, Any]:
        """Return the body without READ_ONLY members. The service checks the definition, as it checks those of files."""
        return {part: value for part, value in data.items() if part not in READ_ONLY}


class DefinitionCreateSchema(DefinitionUpdateSchema):
    """The definition of a resource: the fields of its records, and who may do what with them."""

    name = StrictText(required=True, metadata={"pattern": schema.NAME_PATTERN})


class DefinitionSchema(schema.DefinitionSchema):
    """The current definition of a resource."""

    version = fields.Integer(required=True, metadata={"description": "Grows by one with every change"})
    created_at = fields.DateTime(required=True)
    updated_at = fields.DateTime(required=True)

    def dump(self, stored: Any, *, many: bool | None = None) -> Any:
        """Return the stored definition, with its version and times; a list of them with `many`."""
        if self.many if many is None else many:
            return [self.dump(definition, many=False) for definition in stored]
        moments = {"created_at": rfc3339(stored.created_at), "updated_at": rfc3339(stored.updated_at)}
        return {"name": stored.name, **stored.body, "version": stored.version, **moments}


class DefinitionVersionSchema(Schema):
    """A version of the definition of a resource."""

    version = fields.Integer(required=True)
    definition = fields.Nested(
        schema.DefinitionBodySchema,
        required=True,
        allow_none=True,
        metadata={"description": "Null if the resource was dropped or renamed"},
    )
    created_at = fields.DateTime(required=True)
    created_by = fields.UUID(required=True, allow_none=True, metadata={"description": "Id of the user who changed it"})

    def dump(self, stored: Any, *, many: bool | None = None) -> Any:
        """Return the stored version; a list of them with `many`."""
        if self.many if many is None else many:
            return [self.dump(row, many=False) for row in stored]
        return {
            "version": stored.version,
            "definition": stored.body,
            "created_at": rfc3339(stored.created_at),
            "created_by": stored.created_by,
        }


class ReplaceQuery(QuerySchema):
    """The confirmation that data may be lost."""

    confirm = StrictText(metadata={"description": "Fingerprint of the plan; required if it loses data"})


class DropQuery(QuerySchema):
    """The confirmation that records may be deleted."""

    confirm = BooleanFromText(load_default=False, metadata={"description": "Drop the records with the resource"})


@blp.get("")
@blp.guard(permission(RESOURCES_READ))
@blp.response(200, DefinitionSchema(many=True))
@blp.fails(401, 403)
@blp.doc(operationId="list_resources")
def list_resources() -> Any:
    """List all resources"""
    return resources.list_resources()


@blp.post("")
@blp.guard(permission(RESOURCES_WRITE))
@blp.idempotent
@takes_yaml
@blp.arguments(DefinitionCreateSchema, example=EXAMPLE)
@blp.response(201, DefinitionSchema, headers=LOCATION | ETAG)
@blp.fails(400, 401, 403, 409, 413, 415)
@blp.doc(operationId="create_resource")
def create_resource(data: dict[str, Any]) -> tuple[Any, dict[str, str]]:
    """Create a resource

    Its API is available from the next request on. The body can also be YAML, as `application/yaml`.
    """
    stored = resources.create_resource(current_actor(), data)
    return stored, {"Location": f"{API}/resources/{stored.name}", **_etag(stored)}


@blp.post("/plan")
@blp.guard(permission(RESOURCES_WRITE))
@takes_yaml
@blp.arguments(DefinitionCreateSchema, example=EXAMPLE)
@blp.response(200, DefinitionPlanSchema)
@blp.fails(400, 401, 403, 409, 413, 415)
@blp.doc(operationId="plan_new_resource")
def plan_new_resource(data: dict[str, Any]) -> dict[str, Any]:
    """Show what it would do to create a resource, without creating it

    The body can also be YAML, as `application/yaml`.
    """
    return resources.plan_new_resource(data).to_dict()


@blp.post("/proposal")
@blp.guard(permission(RESOURCES_WRITE))
@blp.arguments(ProposalQuery, location="query")
@blp.response(200, DefinitionProposalSchema)
@blp.fails(400, 401, 403, 413, 415)
@blp.doc(operationId="propose_resource", requestBody=UPLOADED["requestBody"])
def propose_resource(arguments: dict[str, Any]) -> dict[str, Any]:
    """Propose a resource for a file of records

    Nothing is created. The types, lengths, required and unique fields and choices follow from all rows of the file.
    """
    settings, layout = get_app().settings, read_layout(arguments)
    budget = Budget(Bounds(rows=settings.max_import_rows, seconds=settings.import_seconds))
    with ExitStack() as until_done:
        rows = uploaded_rows(until_done, lambda file: proposal_format(layout, file), is_read_twice=True)
        proposal = propose(rows, resource_name(arguments["name"]), budget.require)
    return {
        "definition": proposal.definition,
        "import": proposal.layout.options,
        "rows": proposal.rows,
        "notes": proposal.notes,
    }


@blp.get("/<name>")
@blp.guard(permission(RESOURCES_READ))
@blp.response(200, DefinitionSchema, headers=ETAG)
@blp.fails(401, 403, 404)
@blp.doc(operationId="get_resource", responses={200: TEXT})
def get_resource(name: str) -> Any:
    """Show a resource

    With `Accept: application/yaml`, the response is the definition as YAML, which `PUT` takes unchanged.
    """
    stored = resources.get_resource(name)
    return _yaml_or(stored), _etag(stored)


@blp.put("/<name>")
@blp.guard(permission(RESOURCES_WRITE))
@blp.arguments(ReplaceQuery, location="query")
@takes_yaml
@blp.arguments(DefinitionUpdateSchema, example=EXAMPLE)
@blp.response(200, DefinitionSchema, headers=ETAG)
@blp.fails(400, 401, 403, 404, 409, 412, 413, 415)
@blp.doc(operationId="replace_resource", parameters=[IF_MATCH])
def replace_resource(query: dict[str, Any], data: dict[str, Any], name: str) -> Any:
    """Change a resource and its records

    All steps to the new definition happen in one transaction. If existing records prevent it, or if it would lose data
    and `confirm` is not the fingerprint of the plan, nothing is changed and the response 409 has the plan. The body can
    also be YAML, as `application/yaml`.
    """
    stored = resources.replace_resource(
        current_actor(), name, data, confirm=query.get("confirm"), if_match=accepted_tags(request.environ)
    )
    return stored, _etag(stored)


@blp.post("/<name>/plan")
@blp.guard(permission(RESOURCES_WRITE))
@takes_yaml
@blp.arguments(DefinitionUpdateSchema, example=EXAMPLE)
@blp.response(200, DefinitionPlanSchema)
@blp.fails(400, 401, 403, 404, 409, 413, 415)
@blp.doc(operationId="plan_resource")
def plan_resource(data: dict[str, Any], name: str) -> dict[str, Any]:
    """Show what a change of a resource would do, without changing anything

    The body can also be YAML, as `application/yaml`.
    """
    return with_advice(resources.plan_resource(name, data), [data.get("name", name)]).to_dict()


@blp.get("/<name>/versions")
@blp.guard(permission(RESOURCES_READ))
@blp.response(200, DefinitionVersionSchema(many=True))
@blp.fails(401, 403, 404)
@blp.doc(operationId="list_resource_versions")
def list_versions(name: str) -> Any:
    """List all versions of a definition, the latest first"""
    return resources.list_versions(name)


@blp.get("/<name>/versions/<int(min=1, max=2147483647):version>")
@blp.guard(permission(RESOURCES_READ))
@blp.response(200, DefinitionVersionSchema)
@blp.fails(401, 403, 404)
@blp.doc(operationId="get_resource_version", responses={200: TEXT})
def get_version(name: str, version: int) -> Any:
    """Show a version of a definition

    With `Accept: application/yaml`, the response is the definition as YAML.
    """
    return _yaml_or(resources.get_version(name, version))


@blp.delete("/<name>")
@blp.guard(permission(RESOURCES_WRITE))
@blp.arguments(DropQuery, location="query")
@blp.response(200)
@blp.fails(401, 403, 404, 409, 412)
@blp.doc(operationId="delete_resource", parameters=[IF_MATCH])
def delete_resource(query: dict[str, Any], name: str) -> None:
    """Drop a resource with its records"""
    resources.delete_resource(
        current_actor(), name, confirmed=query["confirm"], if_match=accepted_tags(request.environ)
    )


def _etag(stored: Any) -> dict[str, str]:
    return {"ETag": f'"{stored.version}"'}


def _yaml_or(stored: Any) -> Any:
    """Return the response with a definition as YAML if the client prefers that, else what is stored.

    The YAML is `null` where the resource was dropped or renamed.
    """
    if request.accept_mimetypes.best_match([JSON, YAML]) != YAML:
        return stored
    return Response(dump_yaml(stored.body and {"name": stored.name, **stored.body}), mimetype=YAML)
