"""Permissions: which system endpoints a role may call, and who may give a role or a permission to others."""

from collections.abc import Collection
from typing import NoReturn

from backend.models.role import ADMIN, MEMBER, Role
from backend.services.access.actors import Actor
from backend.services.errors import Denied, Invalid, Unauthenticated
from backend.utils.nearest import nearest
from backend.utils.problems import Problem

USERS_READ = "users:read"
USERS_WRITE = "users:write"
ROLES_WRITE = "roles:write"
RESOURCES_READ = "resources:read"
RESOURCES_WRITE = "resources:write"
API_KEYS_WRITE = "api_keys:write"
WEBHOOKS_WRITE = "webhooks:write"
AUDIT_READ = "audit:read"
BACKUPS_WRITE = "backups:write"
BACKUPS_DOWNLOAD = "backups:download"
SYSTEM_READ = "system:read"
SYSTEM_WRITE = "system:write"
RECORDS_READ = "records:read"
RECORDS_WRITE = "records:write"

# Map of permission to what it permits. Routes check permissions: each names the ones that it needs. Those for records
# are grants of every resource instead, so policies.py checks them (docs/decisions/043).
PERMISSIONS = {
    USERS_READ: "list users, roles and invitations, and read profile fields",
    USERS_WRITE: "create, change and delete users, and invite people; give and take the roles one has",
    ROLES_WRITE: "create, change and delete roles whose permissions one holds",
    RESOURCES_READ: "read definitions, their versions and profile fields",
    RESOURCES_WRITE: "plan, create, change and drop definitions, and change profile fields",
    API_KEYS_WRITE: "create, list and revoke one's own API keys",
    WEBHOOKS_WRITE: "create, list, change and delete one's own webhooks",
    AUDIT_READ: "read the audit trail",
    BACKUPS_WRITE: "create, list and verify backups",
    BACKUPS_DOWNLOAD: "download backups, which contain everything",
    SYSTEM_READ: "read the checks of the installation, background jobs and figures of requests",
    SYSTEM_WRITE: "run background jobs",
    RECORDS_READ: "list and read all records of all resources, except fields that only some roles may read",
    RECORDS_WRITE: "create, change and delete all records of all resources, except fields that only some roles may set",
}


def require_permission(actor: Actor, *any_of: str) -> None:
    """Raise Denied unless one of the actor's roles has one of these permissions; Unauthenticated if not signed in."""
    if not has_permission(actor, *any_of):
        raise_denied(actor, f"This needs the permission {' or '.join(any_of)}.")


def has_permission(actor: Actor, *any_of: str) -> bool:
    """Return whether one of the actor's roles has one of these permissions."""
    return not permissions_of(actor.roles).isdisjoint(any_of)


def require_may_give(actor: Actor, roles: Collection[str]) -> None:
    """Raise Invalid if a role does not exist, Denied if the actor does not have it."""
    known = {role.name for role in Role.select(Role.name).where(Role.name.in_(list(roles)))}
    if unknown := sorted(set(roles) - known):
        raise Invalid({"roles": [no_such_role(unknown).proposing(_near_role(actor, unknown[0]))]})
    require_has_roles(actor, roles)


def _near_role(actor: Actor, name: str) -> str | None:
    """Return the role that was most likely meant, among those that the actor may give; None if none was."""
    names = [role.name for role in Role.select(Role.name)] if actor.is_admin else actor.roles
    return nearest(name, names)


def no_such_role(names: list[str]) -> Problem:
    """Return the problem of names of roles that do not exist."""
    return Problem("not_found", f"No such role: {', '.join(names)}.", names=names)


def require_has_roles(actor: Actor, roles: Collection[str]) -> None:
    """Raise Denied unless the actor has each of the roles; an admin counts as having all.

    The roles of an API key may be fewer than those of its user. Comparing permissions would not be enough, because
    roles also give access to records. Everyone has `member`, so it is always allowed.
    """
    if actor.is_admin:
        return
    if missing := sorted(set(roles) - actor.roles - {MEMBER}):
        raise Denied(f"You do not have the role {', '.join(missing)} yourself.")


def require_may_permit(actor: Actor, permissions: Collection[str]) -> None:
    """Raise Denied if the actor lacks one of these permissions, and so may not add it to a role."""
    if missing := sorted(set(permissions) - permissions_of(actor.roles)):
        raise Denied(f"You do not hold {', '.join(missing)} yourself.")


def permissions_of(roles: Collection[str]) -> set[str]:
    """Return the permissions of these roles. Those of an API key are among its roles by their own names."""
    if ADMIN in roles:
        return set(PERMISSIONS)
    held = Role.select(Role.permissions).where(Role.name.in_(list(roles))) if roles else ()
    return {permission for role in held for permission in role.permissions}.union(PERMISSIONS.keys() & roles)


def raise_denied(actor: Actor, message: str) -> NoReturn:
    """Raise Denied with the message; raise Unauthenticated if the actor is not signed in."""
    raise Denied(message) if actor.is_signed_in else Unauthenticated()
