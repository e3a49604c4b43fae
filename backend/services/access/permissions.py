"""What roles permit: calls of the system, and who may give a role or a permission."""

from backend.models.role import MEMBER, PERMISSIONS, Role
from backend.services.errors import Denied, Invalid, Unauthenticated


def require_permission(actor, *any_of):
    """Raise Unauthenticated or Denied unless a role of the actor holds one of these, such as `resources:write`."""
    if _permissions(actor).isdisjoint(any_of):
        refuse(actor, f"This needs the permission {' or '.join(any_of)}.")


def require_roles(names):
    """Return the Roles of these names; raise Invalid for a name that is no role."""
    known = {role.name: role for role in Role.select().where(Role.name.in_(list(names)))}
    if unknown := sorted(set(names) - set(known)):
        raise Invalid({"roles": [f"No such role: {', '.join(unknown)}."]})
    return known


def require_may_give(actor, roles):
    """Raise Invalid for a name that is no role, Denied for a role that the actor does not have."""
    require_roles(roles)
    require_has_roles(actor, roles)


def require_has_roles(actor, roles):
    """Raise Denied unless the actor has each of the roles, in this session or key; an admin may give all.

    A role opens records as well as calls of the system, so permissions alone do not tell who may do more. Everybody has
    `member`: it makes nobody stronger.
    """
    if actor.is_admin:
        return
    if missing := sorted(set(roles) - actor.roles - {MEMBER}):
        raise Denied(f"You do not have the role {', '.join(missing)} yourself.")


def require_may_permit(actor, permissions):
    """Raise Denied for permissions that the actor does not hold: nobody passes on what they lack."""
    if missing := sorted(set(permissions) - _permissions(actor)):
        raise Denied(f"You do not hold {', '.join(missing)} yourself.")


def _permissions(actor):
    """Return the set of permissions of an actor's roles."""
    if actor.is_admin:
        return set(PERMISSIONS)
    held = Role.select(Role.permissions).where(Role.name.in_(list(actor.roles))) if actor.roles else ()
    return {permission for role in held for permission in role.permissions}


def refuse(actor, message):
    """Raise Denied, or Unauthenticated when signing in might help."""
    raise Denied(message) if actor.is_signed_in else Unauthenticated()
