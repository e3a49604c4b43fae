"""The audit trail: who did what to what, and from where."""

import hashlib
import json
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, Literal, NamedTuple

from backend.models.audit import AuditEntry
from backend.models.user import User
from backend.services.access.actors import Actor
from backend.utils.clock import utcnow

Action = Literal[  # what was done; the OpenAPI document lists them
    "api_key.create",
    "api_key.revoke",
    "backup.create",
    "backup.download",
    "backup.restore",
    "call.refuse",
    "directory.update",
    "file.upload",
    "invitation.accept",
    "invitation.create",
    "invitation.withdraw",
    "job.run",
    "mail.retry",
    "resource.create",
    "resource.delete",
    "resource.rename",
    "resource.update",
    "role.create",
    "role.delete",
    "role.update",
    "session.end",
    "session.end_all",
    "session.end_others",
    "session.refuse",
    "session.reuse",
    "session.start",
    "user.change_password",
    "user.create",
    "user.delete",
    "user.make_reset_link",
    "user.register",
    "user.reset_password",
    "user.set_roles",
    "user.update",
    "user.verify",
    "user_settings.update",
    "webhook.create",
    "webhook.delete",
    "webhook.redeliver",
    "webhook.replay",
    "webhook.rotate_secret",
    "webhook.switch_off",
    "webhook.test",
    "webhook.update",
]
COUNTED_FOR_SECONDS = 3600  # repeated actions of one hour share an entry
MAX_DETAILS = 20_000  # characters of JSON; if details are longer, only their names are stored
DELETED_AT_ONCE = 500

Target = tuple[str, str | None]  # a type, such as `user`, and an id


class Source(NamedTuple):
    """Where a request came from."""

    address: str | None = None
    request_id: str | None = None


NO_REQUEST = Source()  # for the command line and background jobs

# Set for each request.
source = ContextVar("source", default=NO_REQUEST)


def record(actor: Actor, action: Action, target: Target | None = None, **details: Any) -> None:
    """Add an entry: `actor` did `action`, such as `user.create`, to `target`.

    Call it inside the transaction of the change, so that neither is stored without the other. `details` are stored
    unchanged, so they must not contain secrets.
    """
    AuditEntry.create(**_entry(actor, action, target, details))


def record_repeated(actor: Actor, action: Action, target: Target | None = None, **details: Any) -> None:
    """Record an action that a client can repeat without limit: one entry per hour, whose `times` grows.

    The caller must choose `target` and `details` from a limited set, or a client could still fill the table.
    """
    now = utcnow()
    hour = int(now.timestamp()) // COUNTED_FOR_SECONDS
    identity = json.dumps([hour, action, actor.user_id, actor.api_key_id, target, details])
    entry = _entry(actor, action, target, details)
    entry["counted_as"] = hashlib.sha256(identity.encode()).hexdigest()[:32]
    AuditEntry.insert(entry).on_conflict(
        conflict_target=[AuditEntry.counted_as],
        update={AuditEntry.times: AuditEntry.times + 1, AuditEntry.last_at: now},
    ).execute()


def _entry(actor: Actor, action: str, target: Target | None, details: dict[str, Any]) -> dict[str, Any]:
    target_type, target_id = target or (None, None)
    user = User.select(User.email, User.name).where(User.id == actor.user_id).first() if actor.user_id else None
    if len(json.dumps(details)) > MAX_DETAILS:
        details = {"left_out": sorted(details)}
    return {
        "action": action,
        "actor_id": actor.user_id,
        "actor_email": user.email if user else None,
        "actor_name": user.name if user else None,
        "api_key_id": actor.api_key_id,
        "target_type": target_type,
        "target_id": target_id,
        "details": details,
        **source.get()._asdict(),
    }


def delete_older_than(days: int) -> int:
    """Delete the entries older than this, and return their number. Deletes in batches, so that no writer waits long."""
    limit, deleted = utcnow() - timedelta(days=days), 0
    oldest = AuditEntry.select(AuditEntry.id).where(AuditEntry.created_at < limit).order_by(AuditEntry.created_at)
    while ids := [row.id for row in oldest.limit(DELETED_AT_ONCE)]:
        deleted += AuditEntry.delete().where(AuditEntry.id.in_(ids)).execute()
    return deleted
