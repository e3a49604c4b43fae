"""The nightly clean-up of expired rows, and the vacuum that reclaims their disk space."""

from datetime import timedelta

import structlog
from peewee import Expression

from backend.config.settings import Settings
from backend.models.base import BaseModel
from backend.models.database import connected, database
from backend.models.definition import Generation
from backend.models.delivery import Delivery
from backend.models.feed import FeedChange
from backend.models.idempotency import IdempotencyKey
from backend.models.invitation import Invitation
from backend.models.mail import Mail, MailToken
from backend.models.session import Session
from backend.services.access import audit
from backend.services.operation.idempotency import KEPT_FOR
from backend.services.operation.jobs import job
from backend.utils.clock import utcnow

INVITATIONS_KEPT_FOR = timedelta(days=30)  # after they expire, so that an admin can see which were not accepted
MAILS_KEPT_FOR = timedelta(days=30)
TRUNCATION_WAIT_SECONDS = 1  # for readers of the write-ahead log; writers wait meanwhile

log = structlog.get_logger()


@job(schedule=lambda settings: "40 2 * * *")
def clean_up(settings: Settings) -> None:
    """Delete expired sessions, tokens, idempotency keys and invitations, and old mails, audit entries and changes."""
    with connected():
        expired = _expired(settings)
        deleted = {model._meta.table_name: model.delete().where(condition).execute() for model, condition in expired}
        deleted["larder_changes"] = FeedChange.delete_older_than(settings.changes_keep_days)
        deleted["larder_audit"] = audit.delete_older_than(settings.audit_keep_days)
        database.truncate_log(TRUNCATION_WAIT_SECONDS)
    log.info("cleaned up", **{table: number for table, number in deleted.items() if number})


def _expired(settings: Settings) -> list[tuple[type[BaseModel], Expression]]:
    """Return pairs of a model and the condition of its expired rows."""
    now = utcnow()
    return [
        (Session, Session.expires_at < now),
        (MailToken, MailToken.expires_at < now),
        (Mail, Mail.created_at < now - MAILS_KEPT_FOR),
        (IdempotencyKey, IdempotencyKey.created_at < now - KEPT_FOR),
        (Invitation, Invitation.expires_at < now - INVITATIONS_KEPT_FOR),
        (Delivery, Delivery.ended_at < now - timedelta(days=settings.changes_keep_days)),
    ]


def vacuum() -> None:
    """Reclaim disk space from deleted rows and refresh the planner's statistics; blocks writers while it runs."""
    with connected():
        database.reclaim_space()
        Generation.advance()  # so that every process plans its statements by the new statistics
        database.truncate_log(TRUNCATION_WAIT_SECONDS)
