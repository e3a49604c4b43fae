"""Users: reading, creating and deleting them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from peewee import IntegrityError, ModelSelect

from backend.models.database import database
from backend.models.role import ADMIN, MEMBER, Role
from backend.models.user import User, UserRole, give_roles
from backend.services.access import audit
from backend.services.access.actors import Actor
from backend.services.access.permissions import require_has_roles, require_may_give
from backend.services.accounts import profiles
from backend.services.accounts.outbox import queue_mail
from backend.services.accounts.passwords import hash_password
from backend.services.definitions.catalog import Catalog
from backend.services.errors import Conflict, Denied, Invalid, NotFound
from backend.services.records.owned_records import settle_owned
from backend.utils.clock import utcnow
from backend.utils.emails import user_email


def list_users() -> list[User]:
    """Return every User, by address."""
    return list(User.select().order_by(User.email))


def get_user(user_id: str | None) -> User:
    """Return the User; raise NotFound."""
    user = User.get_or_none(User.id == user_id)
    if user is None:
        raise NotFound("There is no such user.")
    return user


def get_user_by_email(email: str) -> User:
    """Return the User with this address, however it is written; raise NotFound."""
    user = User.by_email(email)
    if user is None:
        raise NotFound(f"There is no user with the address {email}.")
    return user


def get_first_admin() -> User:
    """Return the active admin who was created first; raise NotFound."""
    user: User | None = _active_admins().order_by(User.created_at, User.id).first()
    if user is None:
        raise NotFound("There is no active admin; `flask users promote EMAIL` makes a user one.")
    return user


def normalize_address(email: str) -> str:
    """Return the form in which the address of a user is stored and compared; raise Invalid."""
    try:
        return user_email(email)
    except ValueError as error:
        raise Invalid({"email": [str(error)]}) from error


def insert_user(*, created_at: datetime, roles: Iterable[str], **columns: Any) -> User | None:
    """Insert a User with these columns and roles, and return it; None if the address is taken."""
    try:
        with database.atomic():
            user = User.create(created_at=created_at, updated_at=created_at, **columns)
    except IntegrityError:
        return None
    give_roles(user, roles)
    return user.with_roles()


def address_taken() -> Conflict:
    """Return the error that another user has the address."""
    return Conflict("Another user has this address already.", {"json": {"email": ["Already taken."]}})


def create_user(
    actor: Actor,
    *,
    email: str,
    password: str,
    name: str,
    roles: Iterable[str] = (),
    profile: dict[str, Any] | None = None,
    active: bool = True,
) -> User:
    """Create a user with these roles, and `member`; return the User.

    Raises Invalid for a wrong value, Denied for a role or a profile value that the actor may not give, and Conflict if
    the address is taken.
    """
    roles, address, now = {*roles, MEMBER}, normalize_address(email), utcnow()
    require_may_give(actor, roles)
    profile = profiles.changed_profile(actor, {}, profile or {})
    profiles.require_may_pass_on(actor, {}, profile)
    is_verified = vouches_for_addresses(actor)
    password_hash = hash_password(password, personal_words=(address, name))
    columns = {"email": address, "name": name, "password_hash": password_hash, "profile": profile, "active": active}
    with database.atomic():
        user = insert_user(created_at=now, roles=roles, verified_at=now if is_verified else None, **columns)
        if user is None:
            raise address_taken()
        if not is_verified:
            queue_mail("verification", address)
        audit.record(actor, "user.create", ("user", user.id), email=address, roles=user.roles())
        return user


def vouches_for_addresses(actor: Actor) -> bool:
    """Tell whether an address that the actor sets for a user counts as confirmed.

    If a grant uses `$user.email`, an address gives access to records: then only an admin's word is enough.
    """
    return actor.is_admin or "email" not in profiles.values_used_by_grants()


def delete_user(actor: Actor, catalog: Catalog, user_id: str) -> None:
    """Delete a user, and treat the records they own as each definition says in `on_owner_delete`.

    Raises NotFound, Denied if the user has a role that the actor lacks, and Conflict if no active admin would be left
    or a definition does not let go of its records.
    """
    with database.atomic():
        user = lock_user(actor, user_id)
        require_has_roles(actor, user.roles())
        for resource in catalog.values():
            settle_owned(actor, resource, user_id)
        audit.record(actor, "user.delete", ("user", user_id), email=user.email)
        User.delete().where(User.id == user_id).execute()
        require_active_admin()


def lock_user(actor: Actor, user_id: str) -> User:
    """Return the User, and lock out other changes of users: two admins must not be able to remove each other at once.

    Raises NotFound, and Denied for a user whom the actor may not change at all.
    """
    list(database.lock_for_update(Role.select(Role.name).where(Role.name == ADMIN)))
    user = get_user(user_id)
    if actor.api_key_id is not None and actor.user_id == user.id:
        raise Denied("An API key may not change the account it belongs to.")
    if ADMIN in user.roles() and not actor.is_admin:
        raise Denied("Only an admin may change an admin.")
    return user


def require_active_admin() -> None:
    """Raise Conflict if there is no active admin."""
    if not _active_admins().exists():
        raise Conflict("This is the last active admin; make another user an admin first.")


def _active_admins() -> "ModelSelect[User]":
    """Return the query of all active admins."""
    return User.select().join(UserRole, on=UserRole.user_id == User.id).where(User.active, UserRole.role == ADMIN)
