"""Changing users: by those who manage users, and by users themselves."""

from collections.abc import Iterable
from typing import Any, TypedDict

from peewee import IntegrityError

from backend.models.database import database
from backend.models.role import MEMBER
from backend.models.user import PERSON, User, UserRole, give_roles
from backend.models.webhook import PASSWORD_SET, Webhook
from backend.services.access import audit
from backend.services.access.actors import Actor
from backend.services.access.permissions import require_has_roles, require_may_give
from backend.services.accounts import api_keys, mail_tokens, profiles, service_accounts, sessions, users
from backend.services.accounts.outbox import queue_mail
from backend.services.accounts.own_account import OwnAccount, get_own_account
from backend.services.accounts.passwords import hash_password
from backend.services.errors import Invalid
from backend.utils.clock import utcnow
from backend.utils.problems import Problem


class UserChanges(TypedDict, total=False):
    """The parts of a user to change; parts that are left out stay."""

    email: str
    name: str
    active: bool
    roles: Iterable[str]
    profile: dict[str, Any]  # null removes a value
    password: str


class OwnChanges(TypedDict, total=False):
    """The parts of a user that they can change themselves; parts that are left out stay."""

    name: str
    profile: dict[str, Any]


def update_user(actor: Actor, user_id: str, changes: UserChanges, *, replaces_profile: bool = False) -> User:
    """Change a user, and return the User. Other profile values stay, unless `replaces_profile`.

    A new password, and `active: false`, end all sessions of the user. A new password set by someone else also revokes
    the user's API keys and switches off their webhooks.

    Raises what create_user raises. Raises Denied if the user has a role that the actor lacks, unless only the name
    changes. Raises Conflict if no active admin would be left.
    """
    password = changes.get("password")
    with database.atomic():
        user = users.lock_user(actor, user_id)
        _require_possible(user, changes)
        old_roles = set(user.roles())
        always = {MEMBER} if user.kind == PERSON else set()
        new_roles = always.union(changes["roles"]) if "roles" in changes else old_roles
        columns = _changed_columns(actor, user, changes, replaces_profile)
        if password is not None or new_roles != old_roles or set(columns) - {"name"}:
            require_has_roles(actor, old_roles)
        if new_roles != old_roles:
            _set_roles(actor, user, old_roles, new_roles)
        if password is not None:
            _set_password_and_end_sessions(actor, user, password)
        if columns:
            _store(actor, user, columns)
        users.require_active_admin()
        return users.get_user(user_id).with_roles()


def _require_possible(user: User, changes: UserChanges) -> None:
    """Raise Invalid for a change that a service account cannot have, Conflict if its new name is taken."""
    if user.kind == PERSON:
        return
    if without := [name for name in ("email", "password") if name in changes]:
        raise Invalid({name: [Problem("not_allowed", "A service account has none.")] for name in without})
    if changes.get("name", user.name) != user.name:
        service_accounts.require_free_name(changes["name"])


def _changed_columns(actor: Actor, user: User, changes: UserChanges, replaces_profile: bool) -> dict[str, Any]:
    """Return the columns whose value changes, with the new values."""
    wanted: dict[str, Any] = {name: changes[name] for name in ("name", "active") if name in changes}
    if "email" in changes:
        wanted["email"] = users.normalize_address(changes["email"])
    if "profile" in changes:
        base = {} if replaces_profile else profiles.lock_profile(user.id)
        wanted["profile"] = profiles.updated_profile(actor, base, changes["profile"])
        profiles.require_may_give_values(actor, user.profile, wanted["profile"])
    columns = {name: value for name, value in wanted.items() if value != getattr(user, name)}
    if "email" in columns and not users.may_confirm_addresses(actor):
        columns["verified_at"] = None
    return columns


def _set_roles(actor: Actor, user: User, old_roles: set[str], new_roles: set[str]) -> None:
    require_may_give(actor, new_roles)
    removed = list(old_roles - new_roles)
    UserRole.delete().where(UserRole.user_id == user.id, UserRole.role.in_(removed)).execute()
    if added := sorted(new_roles - old_roles):
        give_roles(user, added)
    audit.record(actor, "user.set_roles", ("user", user.id), before=sorted(old_roles), after=sorted(new_roles))


def _set_password_and_end_sessions(actor: Actor, user: User, password: str) -> None:
    """Set the user's password, and end their sessions.

    If the actor is someone else, also revoke the user's API keys and switch off their webhooks: an admin may be taking
    an account back from an attacker, who may have created them.
    """
    set_password(actor, user, password)
    sessions.end_sessions_of(user.id)
    if actor.user_id != user.id:
        api_keys.revoke_keys_of(actor, user.id)
        _switch_off_webhooks_of(actor, user)


def _switch_off_webhooks_of(actor: Actor, user: User) -> None:
    for webhook in Webhook.switch_off(Webhook.created_by == user.id, PASSWORD_SET):
        audit.record(actor, "webhook.switch_off", ("webhook", webhook.id), name=webhook.name, reason=PASSWORD_SET)


def _store(actor: Actor, user: User, columns: dict[str, Any]) -> None:
    """Update the columns; send the mails and end the tokens and sessions that the new values require."""
    try:
        with database.atomic():
            User.update(columns | {"updated_at": utcnow()}).where(User.id == user.id).execute()
    except IntegrityError as error:
        raise users.address_taken() from error
    if "email" in columns:
        mail_tokens.delete_tokens(user.id, *mail_tokens.PURPOSES)
        queue_mail("address_changed", user.address)  # to the old address
        queue_mail("verification", columns["email"])  # the job does not send it if the address counts as confirmed
    audit.record(actor, "user.update", ("user", user.id), **columns)
    if columns.get("active") is False:
        sessions.end_sessions_of(user.id)


def update_own_user(actor: Actor, changes: OwnChanges) -> OwnAccount:
    """Change the actor's own name or profile, and return the OwnAccount.

    Raises Invalid for a field they may not set.
    """
    with database.atomic():
        columns: dict[str, Any] = {"updated_at": utcnow(), **changes}
        if "profile" in changes:
            old_profile = profiles.lock_profile(actor.user_id)
            columns["profile"] = profiles.updated_profile(actor, old_profile, changes["profile"], own=True)
            if columns["profile"] != old_profile:
                audit.record(actor, "user.update", ("user", actor.user_id), profile=columns["profile"])
        User.update(columns).where(User.id == actor.user_id).execute()
        return get_own_account(actor)


def set_password(actor: Actor, user: User, password: str, *, field: str = "password") -> None:
    """Set the user's password. Raises Invalid, with `field` as its key, if the password is not allowed."""
    password_hash = hash_password(password, personal_words=(user.address, user.name), field=field)
    with database.atomic():
        store_password(user, password_hash)
        audit.record(actor, "user.change_password", ("user", user.id))


def store_password(user: User, password_hash: str, **columns: Any) -> None:
    """Store a new password, and further `columns`; end the tokens mailed before, and notify the user by mail.

    Call it inside the transaction of the change.
    """
    columns |= {"password_hash": password_hash, "updated_at": utcnow()}
    columns["password_generation"] = User.password_generation + 1
    User.update(columns).where(User.id == user.id).execute()
    mail_tokens.delete_tokens(user.id, *mail_tokens.PURPOSES)
    queue_mail("password_changed", user.address)
