"""What has lapsed, deleted by the clock; and the room it leaves, given back."""

from datetime import timedelta

import structlog

from backend.models.database import connected, database
from backend.models.idempotency import IdempotencyKey
from backend.models.mail import Invitation, MailToken
from backend.models.session import Session
from backend.services.access import audit
from backend.services.operation.idempotency import KEPT_FOR
from backend.services.operation.jobs import job
from backend.utils.clock import utcnow

INVITATIONS_KEPT_FOR = timedelta(days=30)  # so that an admin can see which were not accepted
TRUNCATION_WAIT_SECONDS = 1  # for readers of the write-ahead log; writers wait meanwhile

log = structlog.get_logger()


@job(schedule=lambda settings: "40 2 * * *")
def clean_up(settings):
    """Delete sessions, tokens, answers and invitations that nobody can use any more, and old audit entries."""
    now = utcnow()
    lapsed = [
        (Session, Session.expires_at < now),
        (MailToken, MailToken.expires_at < now),
        (IdempotencyKey, IdempotencyKey.created_at < now - KEPT_FOR),
        (Invitation, Invitation.expires_at < now - INVITATIONS_KEPT_FOR),
    ]
    with connected():
        gone = {model._meta.table_name: model.delete().where(is_over).execute() for model, is_over in lapsed}
        gone["larder_audit"] = audit.delete_older_than(settings.audit_keep_days)
        database.truncate_log(TRUNCATION_WAIT_SECONDS)
    log.info("cleaned up", **{name: count for name, count in gone.items() if count})


def vacuum():
    """Give the room of deleted rows back to the disk, and refresh what the planner knows; writes wait for it."""
    with connected():
        database.reclaim_space()
