"""Roles: creating, changing and deleting them, and applying the roles of a YAML file."""

from collections.abc import Collection, Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate
from peewee import IntegrityError

from backend.models.api_key import ApiKey
from backend.models.database import database
from backend.models.definition import Generation
from backend.models.invitation import Invitation
from backend.models.role import BUILT_IN, Role
from backend.models.webhook import Webhook
from backend.services.access import audit
from backend.services.access.actors import Actor
from backend.services.access.permissions import PERMISSIONS, require_may_permit
from backend.services.definitions.grants import OWNER_GRANT, PUBLIC_GRANT
from backend.services.definitions.names import NAME, name_problem
from backend.services.definitions.people import read_settings
from backend.services.definitions.row_rules import user_fields
from backend.services.definitions.stored import RECORD_ACTIONS, load_definitions
from backend.services.errors import Conflict, Invalid, NotFound
from backend.services.field_types.marshmallow_fields import StrictText
from backend.utils.problems import Problem, problems_of


class RoleUpdateSchema(Schema):
    """A role without its name."""

    description = StrictText(load_default="", validate=validate.Length(max=1000))
    permissions = fields.List(
        fields.String(validate=validate.OneOf(PERMISSIONS)),
        load_default=list,
        metadata={"description": "; ".join(f"`{name}`: {allowed}" for name, allowed in PERMISSIONS.items())},
    )


def list_roles() -> list[Role]:
    """Return all Roles, sorted by name."""
    return list(Role.select().order_by(Role.name))


def get_role(name: str) -> Role:
    """Return the Role. Raises NotFound if there is no role of this name."""
    # The pattern excludes NUL, which a path can contain and Postgres does not accept.
    role = Role.get_or_none(Role.name == name) if NAME.fullmatch(name) else None
    if role is None:
        raise NotFound(f"There is no role {name}.")
    return role


def create_role(actor: Actor, *, name: str, description: str, permissions: list[str]) -> Role:
    """Create a role, and return the Role.

    Raises Invalid if the name is not valid, Conflict if it is taken, and Denied if the actor lacks a permission.
    """
    if problem := _name_problem(name):
        raise Invalid({"name": [problem]})
    require_may_permit(actor, permissions)
    with database.atomic():
        _insert_role(name, description, permissions)
        _announce(permissions)
        audit.record(actor, "role.create", ("role", name), description=description, permissions=permissions)
        return get_role(name)


def _insert_role(name: str, description: str, permissions: list[str]) -> None:
    try:
        with database.atomic():
            Role.create(name=name, description=description, permissions=permissions)
    except IntegrityError as error:
        raise Conflict(f"There is a role {name} already.") from error


def replace_role(actor: Actor, name: str, *, description: str, permissions: list[str]) -> Role:
    """Change a role, and return the Role. Its users have the new permissions from their next request on.

    Raises NotFound if there is no such role, Conflict if it is built in, and Denied if the actor lacks one of its old
    or new permissions.
    """
    with database.atomic():
        role = _get_custom_role(name)
        require_may_permit(actor, {*role.permissions, *permissions})
        Role.update(description=description, permissions=permissions).where(Role.name == name).execute()
        _announce({*role.permissions}.symmetric_difference(permissions))
        audit.record(actor, "role.update", ("role", name), before=role.permissions, after=permissions)
        return get_role(name)


def _announce(changed: Collection[str]) -> None:
    """Make the catalogs of all processes read which roles have the permissions for records, if one has changed."""
    if not RECORD_ACTIONS.keys().isdisjoint(changed):
        database.lock_definitions()
        Generation.advance()


def delete_role(actor: Actor, name: str) -> None:
    """Delete a role, and remove it from open invitations.

    Raises NotFound if there is no such role, and Denied if the actor lacks one of its permissions. Raises Conflict if
    it is built in, or if a user, an API key, a definition or the settings of users still use it.
    """
    with database.atomic():
        database.lock_definitions()
        permissions = _get_custom_role(name).permissions
        require_may_permit(actor, permissions)
        _require_not_named(name)
        _require_in_no_key(name)
        _remove_from_invitations(name)
        audit.record(actor, "role.delete", ("role", name))
        _delete_role(name)
        _announce(permissions)


def _require_not_named(name: str) -> None:
    """Raise Conflict if a definition or the settings of users name the role."""
    naming = [definition.name for definition in load_definitions().values() if name in definition.named_roles()]
    by_users = [read_settings().directory["roles"], *(field.writers or () for field in user_fields().values())]
    naming += ["users"] if any(name in roles for roles in by_users) else []
    if naming:
        raise Conflict(f"The role has grants in {', '.join(naming)}.")


def _require_in_no_key(name: str) -> None:
    """Raise Conflict if an API key or a webhook has the role: they must not get a later role of the same name."""
    if any(name in key.roles for key in ApiKey.select(ApiKey.roles).where(ApiKey.revoked_at.is_null())):
        raise Conflict("An API key has this role; revoke the key first.")
    if any(name in webhook.roles for webhook in Webhook.select(Webhook.roles)):
        raise Conflict("A webhook has this role; take it from the webhook first.")


def _delete_role(name: str) -> None:
    try:
        with database.atomic():
            Role.delete().where(Role.name == name).execute()
    except IntegrityError as error:
        raise Conflict("A user has this role; take it from them first.") from error


def _remove_from_invitations(name: str) -> None:
    for invitation in list(Invitation.select(Invitation.id, Invitation.roles)):
        if name in invitation.roles:
            kept = [role for role in invitation.roles if role != name]
            Invitation.update(roles=kept).where(Invitation.id == invitation.id).execute()


def apply_roles(actor: Actor, declared: Mapping[Any, Any]) -> list[tuple[str, str]]:
    """Create or change roles; return [(name, "created" | "changed" | "unchanged")].

    `declared` maps each name to the role without its name. Raises what create_role and replace_role raise; the errors
    of Invalid are keyed by role.
    """
    return [(name, _apply_role(actor, name, body or {})) for name, body in declared.items()]


def _apply_role(actor: Actor, name: Any, body: Any) -> str:
    if problem := _name_problem(name):
        raise Invalid({"roles": {str(name)[:80]: [problem]}})
    try:
        values = RoleUpdateSchema().load(body)
    except ValidationError as error:
        raise Invalid({"roles": {name: problems_of(error)}}) from error
    role = Role.get_or_none(Role.name == name)
    if role is not None and (role.description, role.permissions) == (values["description"], values["permissions"]):
        return "unchanged"
    if role is None:
        create_role(actor, name=name, **values)
        return "created"
    replace_role(actor, name, **values)
    return "changed"


def export_roles() -> dict[str, dict[str, Any]]:
    """Return all roles that are not built in, in the form that apply_roles takes."""
    rows = Role.select().where(Role.name.not_in(BUILT_IN)).order_by(Role.name)
    return {role.name: {"description": role.description, "permissions": role.permissions} for role in rows}


def _name_problem(name: Any) -> Problem | None:
    if not isinstance(name, str):
        return Problem("wrong_type", "A name must be a text.", expected="string")
    return name_problem(name, name in {*BUILT_IN, PUBLIC_GRANT, OWNER_GRANT})


def _get_custom_role(name: str) -> Role:
    """Return the Role. Raises Conflict if it is built in, NotFound if there is no such role."""
    if name in BUILT_IN:
        raise Conflict(f"The role {name} is built in.")
    return get_role(name)
