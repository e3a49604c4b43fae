"""API keys: secrets for programs, which may do at most what the users who created them may do."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from peewee import JOIN, ModelSelect, OperationalError, fn

from backend.models.api_key import ApiKey
from backend.models.database import database
from backend.models.definition import Generation
from backend.models.role import ADMIN
from backend.models.user import User, UserRole
from backend.services.access import audit
from backend.services.access.actors import Actor, Caller
from backend.services.access.permissions import require_may_give
from backend.services.errors import NotFound
from backend.services.storage.statements import Statement, slot
from backend.utils.clock import rfc3339, utcnow

PREFIX = "ldr_"
HINT_LENGTH = 8
USE_NOTED_EVERY = timedelta(minutes=1)  # a write at each request would cost more than most requests do


def create_key(actor: Actor, *, name: str, roles: Collection[str], expires_at: str | None = None) -> tuple[ApiKey, str]:
    """Create an API key of the actor; return (ApiKey, secret). The secret is not stored, so it cannot be shown again.

    `expires_at` is in RFC 3339. Raises Invalid for an unknown role, Denied for one that the actor does not have.
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
    """Return one of the ApiKeys that list_keys returns; raise NotFound."""
    key: ApiKey | None = _visible(actor).where(ApiKey.id == key_id).first()
    if key is None:
        raise NotFound("There is no such API key.")
    return key


def revoke_key(actor: Actor, key_id: str) -> None:
    """Refuse the key from the next request on; raise NotFound."""
    with database.atomic():
        key = get_key(actor, key_id)
        if key.revoked_at is None:
            ApiKey.update(revoked_at=utcnow()).where(ApiKey.id == key_id).execute()
            audit.record(actor, "api_key.revoke", ("api_key", key_id), name=key.name)


def revoke_keys_of(actor: Actor, user_id: str) -> None:
    """Refuse all keys of a user from the next request on; call it in the transaction of its cause."""
    not_revoked = (ApiKey.user_id == user_id) & ApiKey.revoked_at.is_null()
    for key in list(ApiKey.select(ApiKey.id, ApiKey.name).where(not_revoked)):
        audit.record(actor, "api_key.revoke", ("api_key", key.id), name=key.name)
    ApiKey.update(revoked_at=utcnow()).where(not_revoked).execute()


def find_key(secret: str) -> Caller:
    """Return the Caller with this API key, by one indexed read.

    The actor has those roles of the key that its user has too; if the user is an admin, all.
    """
    now = utcnow()
    values = {"hash": _hash(secret), "now": rfc3339(now)}
    ((generation, key_id, user_id, key_roles, last_used_at, roles),) = _statement(database.name).run(values)
    if user_id is None:
        return Caller(generation, None)
    held = frozenset((roles or "").split(","))
    granted = frozenset(ApiKey.roles.python_value(key_roles))
    last_used_at = ApiKey.last_used_at.python_value(last_used_at)
    if last_used_at is None or now - last_used_at > USE_NOTED_EVERY:
        _note_use(key_id, now)
    effective = granted if ADMIN in held else granted & held
    return Caller(generation, Actor(str(user_id), None, effective, str(key_id)))


def _note_use(key_id: Any, now: datetime) -> None:
    """Store when the key was used, unless another writer holds the lock: a request that only reads must not wait."""
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


@cache
def _statement(database_name: str) -> Statement:
    """Return the statement of `find_key`, in the SQL of the database of this name."""
    roles = UserRole.select(fn.string_agg(UserRole.role, ",")).where(UserRole.user_id == User.id)
    not_expired = ApiKey.expires_at.is_null() | (ApiKey.expires_at > slot("now"))
    valid = (ApiKey.key_hash == slot("hash")) & ApiKey.revoked_at.is_null() & not_expired
    return Statement(
        Generation.select(Generation.number, ApiKey.id, User.id, ApiKey.roles, ApiKey.last_used_at, roles)
        .join(ApiKey, JOIN.LEFT_OUTER, on=valid)
        .join(User, JOIN.LEFT_OUTER, on=(User.id == ApiKey.user_id) & User.active)
    )
