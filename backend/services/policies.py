"""Who may do what: a policy narrows a query to the rows an actor may touch, and judges a row before a write."""

from dataclasses import dataclass

from backend.models.role import Role
from backend.services.definitions import OWNER_GRANT, PUBLIC_GRANT
from backend.services.errors import Denied, Unauthenticated


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


def require_permission(actor, permission):
    """Raise Unauthenticated or Denied unless a role of the actor holds the permission, such as `resources:write`."""
    if actor.is_admin:
        return
    held = Role.select(Role.permissions).where(Role.name.in_(list(actor.roles))) if actor.roles else ()
    if not any(permission in role.permissions for role in held):
        refuse(actor, f"This needs the permission {permission}.")


def refuse(actor, message):
    """Raise Denied, or Unauthenticated when signing in might help."""
    raise Denied(message) if actor.is_signed_in else Unauthenticated()
