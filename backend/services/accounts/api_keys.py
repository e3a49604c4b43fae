"""API keys: secrets for programs. A key never permits more than the user who created it may do."""

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
from backend.models.user import User, UserRole
from backend.services.access import audit
from backend.services.access.actors import Actor, Caller, split_roles
from backend.services.access.permissions import require_may_give
from backend.services.errors import NotFound
from backend.services.storage.statements import built_once, slot
from backend.utils.clock import rfc3339, utcnow

PREFIX = "ldr_"
HINT_LENGTH = 8
LAST_USED_PRECISION = timedelta(minutes=1)  # a write at every request would cost more than most requests


def create_key(actor: Actor, *, name: str, roles: Collection[str], expires_at: str | None = None) -> tuple[ApiKey, str]:
    """Create an API key of the actor, and return (ApiKey, secret). Only a hash of the secret is stored.

    `expires_at` is in RFC 3339. Raises Invalid if a role does not exist, Denied if the actor does not have it.
    """
    require_may_give(actor, roles)
    secret = PREFIX + secrets.token_urlsafe(32)
    with database.atomic():
        key = ApiKey.create(
            user_id=actor.user_id,
            name=name,
            hint=secret[:HINT_LENGTH],
            key_hash=_hash(secret),
            roles=sorted(set(roles)),
            expires_at=expires_at,
        )
        audit.record(actor, "api_key.create", ("api_key", key.id), name=name, roles=key.roles)
        return ApiKey.get_by_id(key.id), secret


def list_keys(actor: Actor) -> list[ApiKey]:
    """Return the actor's ApiKeys, or those of all users for an admin, the newest first."""
    return list(_visible(actor).order_by(ApiKey.created_at.desc()))


def get_key(actor: Actor, key_id: str) -> ApiKey:
    """Return one of the ApiKeys that list_keys returns. Raises NotFound if the id is none of theirs."""
    key: ApiKey | None = _visible(actor).where(ApiKey.id == key_id).first()
    if key is None:
        raise NotFound("There is no such API key.")
    return key


def revoke_key(actor: Actor, key_id: str) -> None:
    """Revoke the key: it is refused from the next request on. Raises NotFound like get_key."""
    with database.atomic():
        key = get_key(actor, key_id)
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

    The actor has the roles of the key that its user still has; if the user is an admin, all roles of the key.
    """
    now = utcnow()
    values = {"hash": _hash(secret), "now": rfc3339(now)}
    ((generation, key_id, user_id, key_roles, last_used_at, user_roles),) = _key_statement().run(values)
    if user_id is None:
        return Caller(generation, None)
    granted, held = frozenset(ApiKey.roles.python_value(key_roles)), split_roles(user_roles)
    last_used_at = ApiKey.last_used_at.python_value(last_used_at)
    if last_used_at is None or now - last_used_at > LAST_USED_PRECISION:
        _store_last_use(key_id, now)
    roles = granted if ADMIN in held else granted & held
    return Caller(generation, Actor(str(user_id), None, roles, str(key_id)))


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
    return ApiKey.select() if actor.is_admin else ApiKey.select().where(ApiKey.user_id == actor.user_id)


@built_once
def _key_statement() -> Select:
    """Build the query of find_key.

    `Generation` has one row, so the result always has one row: the generation, with or without a key.
    """
    user_roles = UserRole.select(fn.string_agg(UserRole.role, ",")).where(UserRole.user_id == User.id)
    not_expired = ApiKey.expires_at.is_null() | (ApiKey.expires_at > slot("now"))
    is_valid = (ApiKey.key_hash == slot("hash")) & ApiKey.revoked_at.is_null() & not_expired
    return (
        Generation.select(Generation.number, ApiKey.id, User.id, ApiKey.roles, ApiKey.last_used_at, user_roles)
        .join(ApiKey, JOIN.LEFT_OUTER, on=is_valid)
        .join(User, JOIN.LEFT_OUTER, on=(User.id == ApiKey.user_id) & User.active)
    )
