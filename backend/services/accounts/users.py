"""Users: reading, creating and deleting them. user_updates.py changes them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from peewee import IntegrityError, ModelSelect

from backend.models.database import database
from backend.models.mail import Mail
from backend.models.role import ADMIN, MEMBER, Role
from backend.models.user import PERSON, User, UserRole, give_roles
from backend.services.access import audit
from backend.services.access.actors import Actor
from backend.services.access.permissions import require_has_roles, require_may_give
from backend.services.accounts import profiles
from backend.services.accounts.outbox import queue_mail
from backend.services.accounts.passwords import hash_password
from backend.services.definitions.catalog import Catalog
from backend.services.errors import Conflict, Denied, Invalid, NotFound
from backend.services.records.deletions import delete_records
from backend.services.records.owned_records import settle_owned
from backend.utils.clock import utcnow
from backend.utils.emails import user_email
from backend.utils.problems import TAKEN, Problem


def list_users() -> list[User]:
    """Return all Users: people by address, then service accounts by name."""
    return list(User.select().order_by(User.kind, User.email, User.name))


def get_user(user_id: str | None) -> User:
    """Return the User. Raises NotFound if there is no user with this id."""
    user = User.get_or_none(User.id == user_id)
    if user is None:
        raise NotFound("There is no such user.")
    return user


def get_user_by_email(email: str) -> User:
    """Return the User with this address, in any spelling of it. Raises NotFound if there is none."""
    user = User.by_email(email)
    if user is None:
        raise NotFound(f"There is no user with the address {email}.")
    return user


def get_first_admin() -> User:
    """Return the active admin who was created first. Raises NotFound if there is no active admin."""
    user: User | None = _active_admins().order_by(User.created_at, User.id).first()
    if user is None:
        raise NotFound("There is no active admin; `flask users promote EMAIL` makes a user one.")
    return user


def normalize_address(email: str) -> str:
    """Return the form in which a user's address is stored and compared. Raises Invalid if it is not an address."""
    try:
        return user_email(email)
    except ValueError as error:
        raise Invalid({"email": [Problem("bad_format", str(error), expected="email")]}) from error


def insert_user(*, created_at: datetime, roles: Iterable[str], **columns: Any) -> User | None:
    """Insert a User with these columns and roles, and return the User; return None if the address is taken."""
    try:
        with database.atomic():
            user = User.create(created_at=created_at, updated_at=created_at, **columns)
    except IntegrityError:
        return None
    give_roles(user, roles)
    return user.with_roles()


def address_taken() -> Conflict:
    """Return the Conflict to raise if another user has the address."""
    return Conflict("Another user has this address already.", {"json": {"email": [TAKEN]}})


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
    """Create a user with these roles and `member`, and return the User.

    Raises Invalid if a value is not valid, Denied if the actor may not give a role or a profile value, and Conflict if
    the address is taken.
    """
    address = normalize_address(email)
    now = utcnow()
    roles = {*roles, MEMBER}
    require_may_give(actor, roles)
    profile = profiles.updated_profile(actor, {}, profile or {})
    profiles.require_may_give_values(actor, {}, profile)
    is_verified = may_confirm_addresses(actor)
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


def may_confirm_addresses(actor: Actor) -> bool:
    """Return whether an address that the actor sets for a user counts as confirmed.

    If a grant uses `$user.email`, an address gives access to records. Then only an admin can confirm it for someone.
    """
    return actor.is_admin or "email" not in profiles.values_used_by_grants()


def delete_user(actor: Actor, catalog: Catalog, user_id: str) -> None:
    """Delete a user, and settle the records they own (`on_owner_delete`) and those that refer to them (`on_delete`).

    Raises NotFound if there is no such user, and Denied if the user has a role that the actor lacks. Raises Conflict if
    no active admin would be left, or if `restrict` forbids it.
    """
    with database.atomic():
        user = lock_user(actor, user_id)
        require_has_roles(actor, user.roles())
        # Nobody can refer to the user from here on.
        list(database.lock_for_update(User.select(User.id).where(User.id == user_id)))
        for resource in catalog.values():
            settle_owned(actor, resource, user_id)
        audit.record(actor, "user.delete", ("user", user_id), email=user.email, name=user.name)
        Mail.delete().where(Mail.email == user.email).execute()  # those to former addresses go with the user's id
        delete_records(actor, catalog.people, [user_id], subject="The user")
        require_active_admin()


def lock_users() -> None:
    """Block other changes of users until the transaction ends."""
    list(database.lock_for_update(Role.select(Role.name).where(Role.name == ADMIN)))


def lock_user(actor: Actor, user_id: str) -> User:
    """Return the User, and block other changes of users: two admins must not remove each other at the same time.

    Raises NotFound if there is no such user, and Denied if the actor may not change this user at all.
    """
    lock_users()
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
    """Return the query of all active admins who can sign in."""
    is_active = User.active & (User.kind == PERSON)
    return User.select().join(UserRole, on=UserRole.user_id == User.id).where(is_active, UserRole.role == ADMIN)
