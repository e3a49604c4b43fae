"""Roles: named sets of people's rights, which definitions name in their grants."""

from marshmallow import Schema, ValidationError, fields, validate
from peewee import IntegrityError

from backend.models.api_key import ApiKey
from backend.models.database import database
from backend.models.mail import Invitation
from backend.models.role import BUILT_IN, Role
from backend.services.access import audit
from backend.services.access.permissions import PERMISSIONS, require_may_permit
from backend.services.definitions.catalog import load_definitions
from backend.services.definitions.definition import NAME, name_problem
from backend.services.definitions.grants import OWNER_GRANT, PUBLIC_GRANT, user_fields
from backend.services.errors import Conflict, Invalid, NotFound
from backend.services.field_types.wire import StrictText


class RoleBody(Schema):
    """What a role is beside its name."""

    description = StrictText(load_default="", validate=validate.Length(max=1000))
    permissions = fields.List(
        fields.String(validate=validate.OneOf(PERMISSIONS)),
        load_default=list,
        metadata={"description": "; ".join(f"`{name}`: {allowed}" for name, allowed in PERMISSIONS.items())},
    )


def list_roles():
    """Return every Role, by name."""
    return list(Role.select().order_by(Role.name))


def get_role(name):
    """Return the Role; raise NotFound."""
    # Postgres fails at a NUL in a text, and a path may hold one.
    role = Role.get_or_none(Role.name == name) if NAME.fullmatch(name) else None
    if role is None:
        raise NotFound(f"There is no role {name}.")
    return role


def create_role(actor, *, name, **values):
    """Create a Role; raises Invalid for a bad name, Conflict for a taken one, Denied for more than the actor has."""
    if problem := _name_problem(name):
        raise Invalid({"name": [problem]})
    require_may_permit(actor, values["permissions"])
    try:
        with database.atomic():
            Role.create(name=name, **values)
            audit.record(actor, "role.create", ("role", name), **values)
            return get_role(name)
    except IntegrityError as error:
        raise Conflict(f"There is a role {name} already.") from error


def replace_role(actor, name, *, description, permissions):
    """Change a Role: whoever has it has its new permissions from the next request on.

    Raises as create_role does, Denied too for a role that holds, before the change or after it, more than the actor.
    """
    with database.atomic():
        role = _own_role(name)
        require_may_permit(actor, {*role.permissions, *permissions})
        Role.update(description=description, permissions=permissions).where(Role.name == name).execute()
        audit.record(actor, "role.update", ("role", name), before=role.permissions, after=permissions)
        return get_role(name)


def delete_role(actor, name):
    """Delete a Role, out of open invitations too.

    Raises NotFound, Denied for one that holds more than the actor, and Conflict while somebody or an API key has it or
    a definition names it.
    """
    with database.atomic():
        database.lock_definitions()
        require_may_permit(actor, _own_role(name).permissions)
        naming = [each.name for each in load_definitions().values() if name in each.named_roles()]
        naming += ["users"] if any(name in (kind.writers or ()) for kind in user_fields().values()) else []
        if naming:
            raise Conflict(f"The role has grants in {', '.join(naming)}.")
        # An admin's key would have it again, with other permissions, as soon as there is a new role of the name.
        if any(name in key.roles for key in ApiKey.select(ApiKey.roles).where(ApiKey.revoked_at.is_null())):
            raise Conflict("An API key has this role; revoke it first.")
        _take_from_invitations(name)
        audit.record(actor, "role.delete", ("role", name))
        try:
            with database.atomic():
                Role.delete().where(Role.name == name).execute()
        except IntegrityError as error:
            raise Conflict("Somebody has this role; take it from them first.") from error


def _take_from_invitations(name):
    for invitation in list(Invitation.select(Invitation.id, Invitation.roles)):
        if name in invitation.roles:
            kept = [role for role in invitation.roles if role != name]
            Invitation.update(roles=kept).where(Invitation.id == invitation.id).execute()


def apply_roles(actor, declared):
    """Create or change the declared roles, a dict by name; return [(name, "created" | "changed" | "unchanged")].

    Raises as create_role and replace_role do.
    """
    return [(name, _apply_role(actor, name, body or {})) for name, body in declared.items()]


def _apply_role(actor, name, body):
    if problem := _name_problem(name):
        raise Invalid({"roles": {str(name)[:80]: [problem]}})
    try:
        values = RoleBody().load(body)
    except ValidationError as error:
        raise Invalid({"roles": {name: error.messages}}) from error
    role = Role.get_or_none(Role.name == name)
    if role is not None and (role.description, role.permissions) == (values["description"], values["permissions"]):
        return "unchanged"
    if role is None:
        create_role(actor, name=name, **values)
        return "created"
    replace_role(actor, name, **values)
    return "changed"


def export_roles():
    """Return the roles made by admins, as apply_roles takes them."""
    rows = Role.select().where(Role.name.not_in(BUILT_IN)).order_by(Role.name)
    return {role.name: {"description": role.description, "permissions": role.permissions} for role in rows}


def _name_problem(name):
    if not isinstance(name, str):
        return "A name is a text."
    return name_problem(name, {*BUILT_IN, PUBLIC_GRANT, OWNER_GRANT})


def _own_role(name):
    if name in BUILT_IN:
        raise Conflict(f"The role {name} is built in.")
    return get_role(name)
