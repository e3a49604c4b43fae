"""Roles that definitions may name."""

import re

import marshmallow as ma

from backend.models.role import BUILT_IN, Role
from backend.services.definitions import NAME, OWNER_GRANT, PUBLIC_GRANT
from backend.services.errors import Invalid
from backend.services.field_types.base import StrictText

PERMISSIONS = (
    *("users:read", "users:write", "roles:write", "resources:read", "resources:write"),
    *("api_keys:write", "audit:read", "backups:write"),
)


class RoleBody(ma.Schema):
    """A role as a file declares it."""

    description = StrictText(load_default="", validate=ma.validate.Length(max=1000))
    permissions = ma.fields.List(ma.fields.String(validate=ma.validate.OneOf(PERMISSIONS)), load_default=list)


def apply_roles(declared):
    """Create or change the declared roles, a dict by name; return [(name, "created" | "changed" | "unchanged")]."""
    return [(name, _apply_role(name, body or {})) for name, body in declared.items()]


def _apply_role(name, body):
    if not isinstance(name, str) or not re.fullmatch(NAME, name) or name in (*BUILT_IN, PUBLIC_GRANT, OWNER_GRANT):
        raise Invalid({"roles": {str(name)[:80]: ["Not a name that a role of your own can have."]}})
    try:
        values = RoleBody().load(body)
    except ma.ValidationError as error:
        raise Invalid({"roles": {name: error.messages}}) from error
    role = Role.get_or_none(Role.name == name)
    if role is None:
        Role.create(name=name, **values)
        return "created"
    if (role.description, role.permissions) == (values["description"], values["permissions"]):
        return "unchanged"
    Role.update(values).where(Role.name == name).execute()
    return "changed"


def export_roles():
    """Return the roles made by admins, as apply_roles takes them."""
    rows = Role.select().where(Role.name.not_in(BUILT_IN)).order_by(Role.name)
    return {role.name: {"description": role.description, "permissions": role.permissions} for role in rows}
