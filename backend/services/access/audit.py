"""The audit trail: who did what to whom, from where."""

import hashlib
import json
from contextvars import ContextVar
from datetime import timedelta
from typing import NamedTuple

from backend.models.audit import AuditEntry
from backend.models.user import User
from backend.utils.clock import utcnow

COUNTED_FOR_SECONDS = 3600
MAX_DETAILS = 20_000  # characters of JSON; of what is longer the names are kept
DELETED_AT_ONCE = 500


class Origin(NamedTuple):
    """Where a request came from."""

    address: str | None = None
    request_id: str | None = None


NOWHERE = Origin()  # the command line

# Set by the dispatcher for each request.
origin = ContextVar("origin", default=NOWHERE)


def record(actor, action, target=None, **details):
    """Keep that `actor` did `action`, such as `user.create`, to `target`, a (type, id).

    Call it in the transaction of the change, so that neither is kept without the other. `details` goes into the trail
    as it is: no secret belongs there.
    """
    AuditEntry.create(**_entry(actor, action, target, details))


def count(actor, action, target=None, **details):
    """Keep that it happened, as `record` does, with one entry an hour for the same: repeats add to its `times`.

    For what somebody can cause as often as they like. Its target and details must be of a bounded number.
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


def _entry(actor, action, target, details):
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


def delete_older_than(days):
    """Delete what is older, a batch at a time so that no writer waits long; return how many entries there were."""
    before, deleted = utcnow() - timedelta(days=days), 0
    oldest = AuditEntry.select(AuditEntry.id).where(AuditEntry.created_at < before).order_by(AuditEntry.created_at)
    while ids := [row.id for row in oldest.limit(DELETED_AT_ONCE)]:
        deleted += AuditEntry.delete().where(AuditEntry.id.in_(ids)).execute()
    return deleted
