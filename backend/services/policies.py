"""Who may do what: a policy narrows a query to the rows an actor may touch, and judges a row before a write."""

from dataclasses import dataclass

from backend.models.role import ADMIN, PERMISSIONS, Role
from backend.services.definitions import OWNER_GRANT, PUBLIC_GRANT
from backend.services.errors import Denied, Invalid, Unauthenticated


@dataclass(frozen=True, slots=True)
class Scope:
    """The rows an action may touch: all of them, those `owner` created, or none."""

    everything: bool = False
    owner: str | None = None

    def __bool__(self):
        return self.everything or self.owner is not None

    def covers(self, created_by):
        """Tell whether a row with this creator is within the scope."""
        return self.everything or (self.owner is not None and self.owner == created_by)


EVERYTHING = Scope(everything=True)
NOTHING = Scope()


def scope(definition, action, actor):
    """Return the Scope of one of ACTIONS for the actor; without a grant it is NOTHING."""
    if actor.is_admin:
        return EVERYTHING
    grants = definition.grants(action)
    if PUBLIC_GRANT in grants or not actor.roles.isdisjoint(grants):
        return EVERYTHING
    if OWNER_GRANT in grants and actor.user_id is not None:
        return Scope(owner=actor.user_id)
    return NOTHING


def authorize(definition, action, actor):
    """Return the Scope of the action; raise Unauthenticated or Denied when there is no row it could touch."""
    allowed = scope(definition, action, actor)
    if not allowed:
        refuse(actor, f"You may not {action} {definition.name}.")
    return allowed


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
    """Raise Invalid for a name that is no role, Denied for a role that would give more than the actor has."""
    known = require_roles(roles)
    if actor.is_admin:
        return
    if ADMIN in known:
        raise Denied("Only admins make admins.")
    wanted = {permission for role in known.values() for permission in role.permissions}
    require_may_permit(actor, wanted)


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
