"""API keys: secrets for programs. A key never permits more than the account that it belongs to may do."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from peewee import JOIN, ModelSelect, OperationalError, Select, fn

from backend.models.api_key import ApiKey
from backend.models.database import database
from backend.models.definition import Generation
from backend.models.role import ADMIN
from backend.models.user import SERVICE, User, UserRole
from backend.services.access import audit
from backend.services.access.actors import Actor, Caller, split_roles
from backend.services.access.permissions import (
    USERS_WRITE,
    has_permission,
    permissions_of,
    require_has_roles,
    require_may_give,
    require_may_permit,
)
from backend.services.accounts import service_accounts, users
from backend.services.errors import Invalid, NotFound
from backend.services.storage.statements import built_once, slot
from backend.utils.clock import rfc3339, utcnow
from backend.utils.problems import Problem

PREFIX = "ldr_"
HINT_LENGTH = 8
LAST_USED_PRECISION = timedelta(minutes=1)  # a write at every request would cost more than most requests


def create_key(
    actor: Actor,
    *,
    name: str,
    roles: Collection[str] = (),
    permissions: Collection[str] = (),
    expires_at: str | None = None,
    user_id: str | None = None,
) -> tuple[ApiKey, str]:
    """Create an API key, and return (ApiKey, secret). Only a hash of the secret is stored.

    The key belongs to the service account `user_id`, by default to the actor. Without roles and permissions, a key of a
    service account has its roles. `expires_at` is in RFC 3339.

    Raises Invalid if there is no such role or service account, if a service account lacks a role or a permission, and
    if the actor's own key has neither. Raises Denied if the actor lacks one, or may not change the service account.
    """
    owner = service_accounts.get_owner(actor, user_id, member="user_id")
    if owner.kind == SERVICE and not (roles or permissions):
        roles = owner.roles()
    if not (roles or permissions):
        raise Invalid({"roles": [Problem("required", "A key needs at least one role or permission.")]})
    require_may_give(actor, roles)
    require_may_permit(actor, permissions)
    if owner.kind == SERVICE:
        _require_has(owner, roles, permissions)
    secret = PREFIX + secrets.token_urlsafe(32)
    with database.atomic():
        key = ApiKey.create(
            user_id=owner.id,
            name=name,
            hint=secret[:HINT_LENGTH],
            key_hash=_hash(secret),
            roles=sorted(set(roles)),
            permissions=sorted(set(permissions)),
            expires_at=expires_at,
        )
        granted = {"roles": key.roles, "permissions": key.permissions, "user": owner.id}
        audit.record(actor, "api_key.create", ("api_key", key.id), name=name, **granted)
        return ApiKey.get_by_id(key.id), secret


def _require_has(service: User, roles: Collection[str], permissions: Collection[str]) -> None:
    """Raise Invalid if the service account lacks one of the roles or permissions, which would mean nothing then."""
    held = service.roles()
    lacking = {
        "roles": [] if ADMIN in held else sorted(set(roles).difference(held)),
        "permissions": sorted(set(permissions) - permissions_of(held)),
    }
    problems = {
        part: [Problem("not_allowed", f"The service account does not have {', '.join(names)}.", names=names)]
        for part, names in lacking.items()
        if names
    }
    if problems:
        raise Invalid(problems)


def list_keys(actor: Actor) -> list[ApiKey]:
    """Return the ApiKeys of the actor, and of the accounts whose keys they may see, the newest first."""
    return list(_visible(actor).order_by(ApiKey.created_at.desc()))


def get_key(actor: Actor, key_id: str) -> ApiKey:
    """Return one of the ApiKeys that list_keys returns. Raises NotFound if the id is none of theirs."""
    key: ApiKey | None = _visible(actor).where(ApiKey.id == key_id).first()
    if key is None:
        raise NotFound("There is no such API key.")
    return key


def revoke_key(actor: Actor, key_id: str) -> None:
    """Revoke the key: it is refused from the next request on.

    Raises NotFound like get_key, and Denied if it is a service account's that has a role which the actor lacks.
    """
    with database.atomic():
        key = get_key(actor, key_id)
        if key.user_id != actor.user_id:
            require_has_roles(actor, users.get_user(key.user_id).roles())
        if key.revoked_at is None:
            ApiKey.update(revoked_at=utcnow()).where(ApiKey.id == key_id).execute()
            audit.record(actor, "api_key.revoke", ("api_key", key_id), name=key.name)


def revoke_keys_of(actor: Actor, user_id: str) -> None:
    """Revoke all keys of a user. Call it inside the transaction that makes this necessary."""
    not_revoked = (ApiKey.user_id == user_id) & ApiKey.revoked_at.is_null()
    for key in list(ApiKey.select(ApiKey.id, ApiKey.name).where(not_revoked)):
        audit.record(actor, "api_key.revoke", ("api_key", key.id), name=key.name)
    ApiKey.update(revoked_at=utcnow()).where(not_revoked).execute()


def find_key(secret: str) -> Caller:
    """Return the Caller for this API key, by one query. Its actor is None if the key is not valid.

    The actor has the roles and permissions of the key that its user still has; if the user is an admin, all of them.
    Only for permissions of a user who is no admin, there is a second query.
    """
    return _find(_hash(secret))


def find_actor(key_id: str) -> Actor | None:
    """Return the Actor of the key with this id, as find_key does; None if it is not valid."""
    key = ApiKey.get_or_none(ApiKey.id == key_id)
    return None if key is None else _find(key.key_hash).actor


def _find(key_hash: str) -> Caller:
    now = utcnow()
    values = {"hash": key_hash, "now": rfc3339(now)}
    ((generation, key_id, user_id, key_roles, permissions, last_used_at, user_roles),) = _key_statement().run(values)
    if user_id is None:
        return Caller(generation, None)
    granted, held = frozenset(ApiKey.roles.python_value(key_roles)), split_roles(user_roles)
    permitted = ApiKey.permissions.python_value(permissions)
    last_used_at = ApiKey.last_used_at.python_value(last_used_at)
    if last_used_at is None or now - last_used_at > LAST_USED_PRECISION:
        _store_last_use(key_id, now)
    roles = granted if ADMIN in held else granted & held
    if permitted:
        roles |= permissions_of(held).intersection(permitted)
    return Caller(generation, Actor(str(user_id), None, roles, str(key_id), owns=bool(granted)))


def _store_last_use(key_id: Any, now: datetime) -> None:
    """Store when the key was used, or skip it if another writer holds the lock: reading requests must not wait."""
    try:
        with database.no_wait():
            ApiKey.update(last_used_at=now).where(ApiKey.id == key_id).execute()
    except OperationalError as error:
        if not database.temporary_reason(error):
            raise


def _hash(secret: str) -> str:
    # 256 random bits cannot be guessed, so a fast hash is enough.
    return hashlib.sha256(secret.encode()).hexdigest()


def _visible(actor: Actor) -> "ModelSelect[ApiKey]":
    """Return the query of the actor's keys, of those of services for user managers, and of all for an admin."""
    if actor.is_admin:
        return ApiKey.select()
    is_seen = ApiKey.user_id == actor.user_id
    if has_permission(actor, USERS_WRITE):
        is_seen |= ApiKey.user_id.in_(User.select(User.id).where(User.kind == SERVICE))
    return ApiKey.select().where(is_seen)


@built_once
def _key_statement() -> Select:
    """Build the query of find_key.

    `Generation` has one row, so the result always has one row: the generation, with or without a key. The key is found
    by a query of its own for the reason in sessions.py.
    """
    found = ApiKey.alias()
    user_roles = UserRole.select(fn.string_agg(UserRole.role, ",")).where(UserRole.user_id == User.id)
    columns = ApiKey.roles, ApiKey.permissions, ApiKey.last_used_at
    not_expired = found.expires_at.is_null() | (found.expires_at > slot("now"))
    key_id = found.select(found.id).where(found.key_hash == slot("hash"), found.revoked_at.is_null(), not_expired)
    return (
        Generation.select(Generation.number, ApiKey.id, User.id, *columns, user_roles)
        .join(ApiKey, JOIN.LEFT_OUTER, on=(ApiKey.id == key_id))
        .join(User, JOIN.LEFT_OUTER, on=(User.id == ApiKey.user_id) & User.active)
    )
