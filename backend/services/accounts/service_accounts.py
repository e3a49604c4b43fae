"""Service accounts: the accounts of programs, which have a name, roles and API keys, but no address and no password."""

from collections.abc import Iterable
from typing import Any

from backend.models.database import database
from backend.models.user import SERVICE, User
from backend.services.access import audit
from backend.services.access.actors import Actor
from backend.services.access.permissions import (
    USERS_WRITE,
    require_has_roles,
    require_may_give,
    require_permission,
)
from backend.services.accounts import profiles, users
from backend.services.errors import Conflict, Invalid, NotFound
from backend.utils.clock import utcnow
from backend.utils.problems import TAKEN, Problem


def create_service(
    actor: Actor,
    *,
    name: str,
    roles: Iterable[str] = (),
    profile: dict[str, Any] | None = None,
    active: bool = True,
) -> User:
    """Create a service account with exactly these roles, and return the User.

    Raises Invalid if a value is not valid, Denied if the actor may not give a role or a profile value, and Conflict if
    a service account has the name.
    """
    roles = set(roles)
    require_may_give(actor, roles)
    profile = profiles.updated_profile(actor, {}, profile or {})
    profiles.require_may_give_values(actor, {}, profile)
    columns = {"kind": SERVICE, "email": None, "verified_at": None, "name": name, "profile": profile, "active": active}
    with database.atomic():
        users.lock_users()
        require_free_name(name)
        user = users.insert_user(created_at=utcnow(), roles=roles, **columns)
        assert user is not None  # without an address, none can be taken
        audit.record(actor, "user.create", ("user", user.id), kind=SERVICE, name=name, roles=user.roles())
        return user


def require_free_name(name: str) -> None:
    """Raise Conflict if a service account has the name. Call it while users are locked."""
    if User.select().where(User.kind == SERVICE, User.name == name).exists():
        raise Conflict("Another service account has this name already.", {"json": {"name": [TAKEN]}})


def get_service(name: str) -> User:
    """Return the service account with this name. Raises NotFound if there is none."""
    user = User.get_or_none(User.kind == SERVICE, User.name == name)
    if user is None:
        raise NotFound(f"There is no service account {name}.")
    return user


def find_account(text: str) -> User:
    """Return the person with this e-mail address, or without an `@` the service account with this name.

    Raises NotFound if there is none.
    """
    return users.get_user_by_email(text) if "@" in text else get_service(text)


def get_owner(actor: Actor, user_id: str | None, *, member: str) -> User:
    """Return the User that a key or webhook acts for: the actor, by default, or a service account.

    That gives access to the service account, so it needs what setting a user's password needs. Raises Invalid for other
    accounts, about this `member` of the body, and Denied without the permission and all roles of the service account.
    """
    if user_id in (None, actor.user_id):
        return users.get_user(actor.user_id)
    require_permission(actor, USERS_WRITE)
    service = User.get_or_none(User.id == user_id, User.kind == SERVICE)
    if service is None:
        raise Invalid({member: [Problem("not_found", "There is no such service account.")]})
    require_has_roles(actor, service.roles())
    return service
