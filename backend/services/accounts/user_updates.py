"""Changing users: by those who manage users, and by users themselves."""

from collections.abc import Iterable
from typing import Any, TypedDict

from peewee import IntegrityError

from backend.models.database import database
from backend.models.role import MEMBER
from backend.models.user import User, UserRole, give_roles
from backend.services.access import audit
from backend.services.access.actors import Actor
from backend.services.access.permissions import require_has_roles, require_may_give
from backend.services.accounts import api_keys, mail_tokens, profiles, sessions, users
from backend.services.accounts.outbox import queue_mail
from backend.services.accounts.passwords import hash_password
from backend.utils.clock import utcnow


class UserChanges(TypedDict, total=False):
    """What can change of a user; what is left out stays."""

    email: str
    name: str
    active: bool
    roles: Iterable[str]
    profile: dict[str, Any]  # null removes a value
    password: str


class OwnChanges(TypedDict, total=False):
    """What users can change of themselves; what is left out stays."""

    name: str
    profile: dict[str, Any]


def update_user(actor: Actor, user_id: str, changes: UserChanges, *, replaces_profile: bool = False) -> User:
    """Change a user and return the User; profile values that are not given stay, unless it `replaces_profile`.

    A new password, and `active: false`, end all sessions of the user. A password that another user sets revokes the
    user's API keys, too. Raises what create_user does, Denied if the user has, before or after, a role that the actor
    lacks (only the name may change then), and Conflict if no active admin would be left.
    """
    password = changes.get("password")
    with database.atomic():
        user = users.lock_user(actor, user_id)
        held = set(user.roles())
        roles = {*changes["roles"], MEMBER} if "roles" in changes else held
        columns = _changed_columns(actor, user, changes, replaces_profile)
        if password is not None or roles != held or set(columns) - {"name"}:
            require_has_roles(actor, held)
        if roles != held:
            _set_roles(actor, user, held, roles)
        if password is not None:
            _set_password_of(actor, user, password)
        if columns:
            _store(actor, user, columns)
        users.require_active_admin()
        return users.get_user(user_id).with_roles()


def _changed_columns(actor: Actor, user: User, changes: UserChanges, replaces_profile: bool) -> dict[str, Any]:
    """Return the columns that would get a different value."""
    wanted: dict[str, Any] = {name: changes[name] for name in ("name", "active") if name in changes}
    if "email" in changes:
        wanted["email"] = users.normalize_address(changes["email"])
    if "profile" in changes:
        before = {} if replaces_profile else profiles.lock_profile(user.id)
        wanted["profile"] = profiles.changed_profile(actor, before, changes["profile"])
        profiles.require_may_pass_on(actor, user.profile, wanted["profile"])
    columns = {name: value for name, value in wanted.items() if value != getattr(user, name)}
    if "email" in columns and not users.vouches_for_addresses(actor):
        columns["verified_at"] = None
    return columns


def _set_roles(actor: Actor, user: User, held: set[str], roles: set[str]) -> None:
    require_may_give(actor, roles)
    UserRole.delete().where(UserRole.user_id == user.id, UserRole.role.in_(list(held - roles))).execute()
    if added := sorted(roles - held):
        give_roles(user, added)
    audit.record(actor, "user.set_roles", ("user", user.id), before=sorted(held), after=sorted(roles))


def _set_password_of(actor: Actor, user: User, password: str) -> None:
    """Set the user's password, end their sessions and, unless it is the actor's own, revoke their API keys."""
    set_password(actor, user, password)
    sessions.end_sessions_of(user.id)
    if actor.user_id != user.id:  # a stranger who was in the account may have created keys
        api_keys.revoke_keys_of(actor, user.id)


def _store(actor: Actor, user: User, columns: dict[str, Any]) -> None:
    """Update the columns, and do what their new values require."""
    try:
        with database.atomic():
            User.update(columns | {"updated_at": utcnow()}).where(User.id == user.id).execute()
    except IntegrityError as error:
        raise users.address_taken() from error
    if "email" in columns:
        mail_tokens.forget_tokens(user.id, *mail_tokens.PURPOSES)
        queue_mail("address_changed", user.email)  # to the former address
        queue_mail("verification", columns["email"])  # not sent if the address counts as confirmed
    audit.record(actor, "user.update", ("user", user.id), **columns)
    if columns.get("active") is False:
        sessions.end_sessions_of(user.id)


def update_own_user(actor: Actor, changes: OwnChanges) -> User:
    """Change the actor's own name and those profile values that they may set; return the User."""
    with database.atomic():
        columns: dict[str, Any] = {"updated_at": utcnow(), **changes}
        if "profile" in changes:
            before = profiles.lock_profile(actor.user_id)
            columns["profile"] = profiles.changed_profile(actor, before, changes["profile"], own=True)
            if columns["profile"] != before:
                audit.record(actor, "user.update", ("user", actor.user_id), profile=columns["profile"])
        User.update(columns).where(User.id == actor.user_id).execute()
        return users.get_user(actor.user_id).with_roles()


def set_password(actor: Actor, user: User, password: str, *, field: str = "password") -> None:
    """Set the user's password; raise Invalid, naming `field`, for one that is not allowed."""
    password_hash = hash_password(password, personal_words=(user.email, user.name), field=field)
    with database.atomic():
        store_password(user, password_hash)
        audit.record(actor, "user.change_password", ("user", user.id))


def store_password(user: User, password_hash: str, **columns: Any) -> None:
    """Store a new password, and more `columns`; end the tokens mailed before, and notify the user.

    Call it in the transaction of the change.
    """
    columns |= {"password_hash": password_hash, "updated_at": utcnow()}
    columns["password_generation"] = User.password_generation + 1
    User.update(columns).where(User.id == user.id).execute()
    mail_tokens.forget_tokens(user.id, *mail_tokens.PURPOSES)
    queue_mail("password_changed", user.email)
