"""The audit trail: who did what to whom, from where."""

from contextvars import ContextVar
from typing import NamedTuple

from backend.models.audit import AuditEntry
from backend.models.user import User


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
    target_type, target_id = target or (None, None)
    email = User.select(User.email).where(User.id == actor.user_id).scalar() if actor.user_id else None
    AuditEntry.create(
        action=action,
        actor_id=actor.user_id,
        actor_email=email,
        api_key_id=actor.api_key_id,
        target_type=target_type,
        target_id=target_id,
        details=details,
        **origin.get()._asdict(),
    )
