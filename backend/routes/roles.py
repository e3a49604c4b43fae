"""Roles: `/api/v1/roles`."""

from typing import Any

from marshmallow import Schema, fields, validate

from backend.middleware.authentication import current_actor
from backend.middleware.guards import permission
from backend.middleware.paths import API
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.envelope import LOCATION
from backend.services.access.permissions import PERMISSIONS, ROLES_WRITE, USERS_READ
from backend.services.accounts import roles
from backend.services.field_types.datetime import Moment
from backend.services.field_types.marshmallow_fields import StrictText

blp = Blueprint("roles", __name__, url_prefix=f"{API}/roles", description="Named sets of permissions")


class RoleSchema(Schema):
    """A role. Its permissions are about the system; access to records is in the definitions that name the role."""

    name = StrictText(required=True)
    description = StrictText(required=True)
    permissions = fields.List(fields.String(validate=validate.OneOf(PERMISSIONS)), required=True)
    created_at = Moment(required=True)


class RoleCreateSchema(roles.RoleUpdateSchema):
    """A new role."""

    name = StrictText(required=True, validate=validate.Length(1, 63))


@blp.get("")
@blp.guard(permission(USERS_READ, ROLES_WRITE))
@blp.response(200, RoleSchema(many=True))
@blp.fails(401, 403)
@blp.doc(operationId="list_roles")
def list_roles() -> object:
    """List all roles"""
    return roles.list_roles()


@blp.post("")
@blp.guard(permission(ROLES_WRITE))
@blp.idempotent
@blp.arguments(RoleCreateSchema)
@blp.response(201, RoleSchema, headers=LOCATION)
@blp.fails(400, 401, 403, 409, 415)
@blp.doc(operationId="create_role")
def create_role(data: dict[str, Any]) -> tuple[object, dict[str, str]]:
    """Create a role"""
    role = roles.create_role(current_actor(), **data)
    return role, {"Location": f"{API}/roles/{role.name}"}


@blp.get("/<name>")
@blp.guard(permission(USERS_READ, ROLES_WRITE))
@blp.response(200, RoleSchema)
@blp.fails(401, 403, 404)
@blp.doc(operationId="get_role")
def get_role(name: str) -> object:
    """Show a role"""
    return roles.get_role(name)


@blp.put("/<name>")
@blp.guard(permission(ROLES_WRITE))
@blp.arguments(roles.RoleUpdateSchema)
@blp.response(200, RoleSchema)
@blp.fails(400, 401, 403, 404, 409, 415)
@blp.doc(operationId="replace_role")
def replace_role(data: dict[str, Any], name: str) -> object:
    """Change a role

    Its users have the new permissions from their next request on.
    """
    return roles.replace_role(current_actor(), name, **data)


@blp.delete("/<name>")
@blp.guard(permission(ROLES_WRITE))
@blp.response(200)
@blp.fails(401, 403, 404, 409)
@blp.doc(operationId="delete_role")
def delete_role(name: str) -> None:
    """Delete a role

    Refused while a user or an API key has it, or a definition names it.
    """
    roles.delete_role(current_actor(), name)
