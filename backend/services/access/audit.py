"""The audit trail: who did what to what, and from where."""

import hashlib
import json
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, NamedTuple

from backend.models.audit import AuditEntry
from backend.models.user import User
from backend.services.access.actors import Actor
from backend.utils.clock import utcnow

COUNTED_FOR_SECONDS = 3600
MAX_DETAILS = 20_000  # characters of JSON; of longer details only the names are stored
DELETED_AT_ONCE = 500

Target = tuple[str, str | None]  # a type, such as `user`, and an id


class Origin(NamedTuple):
    """Where a request came from."""

    address: str | None = None
    request_id: str | None = None


NOWHERE = Origin()  # the command line

# Set for each request.
origin = ContextVar("origin", default=NOWHERE)


def record(actor: Actor, action: str, target: Target | None = None, **details: Any) -> None:
    """Add an entry: `actor` did `action`, such as `user.create`, to `target`.

    Call it in the transaction of the change, so that neither is stored without the other. `details` are stored as they
    are, so they must not hold a secret.
    """
    AuditEntry.create(**_entry(actor, action, target, details))


def count(actor: Actor, action: str, target: Target | None = None, **details: Any) -> None:
    """Record an action that a client can repeat as often as it likes: one entry an hour, whose `times` grows.

    The possible values of `target` and `details` must be limited in number, too.
    """
    now = utcnow()
    hour = int(now.timestamp()) // COUNTED_FOR_SECONDS
    same = json.dumps([hour, action, actor.user_id, actor.api_key_id, target, details])
    entry = _entry(actor, action, target, details)
    entry["counted_as"] = hashlib.sha256(same.encode()).hexdigest()[:32]
    AuditEntry.insert(entry).on_conflict(
        conflict_target=[AuditEntry.counted_as],
        update={AuditEntry.times: AuditEntry.times + 1, AuditEntry.last_at: now},
    ).execute()


def _entry(actor: Actor, action: str, target: Target | None, details: dict[str, Any]) -> dict[str, Any]:
    target_type, target_id = target or (None, None)
    email = User.select(User.email).where(User.id == actor.user_id).scalar() if actor.user_id else None
    if len(json.dumps(details)) > MAX_DETAILS:
        details = {"left_out": sorted(details)}
    return {
        "action": action,
        "actor_id": actor.user_id,
        "actor_email": email,
        "api_key_id": actor.api_key_id,
        "target_type": target_type,
        "target_id": target_id,
        "details": details,
        **origin.get()._asdict(),
    }


def delete_older_than(days: int) -> int:
    """Delete older entries and return their number; in batches, so that no writer waits long."""
    before, deleted = utcnow() - timedelta(days=days), 0
    oldest = AuditEntry.select(AuditEntry.id).where(AuditEntry.created_at < before).order_by(AuditEntry.created_at)
    while ids := [row.id for row in oldest.limit(DELETED_AT_ONCE)]:
        deleted += AuditEntry.delete().where(AuditEntry.id.in_(ids)).execute()
    return deleted
