"""The outbox: mail is queued in the transaction of its cause, and sent by a job until the mail server has taken it."""

import smtplib
from datetime import timedelta

import structlog

from backend.models.database import database
from backend.models.mail import Invitation, OutgoingMail
from backend.models.user import User
from backend.services.accounts import mail_tokens, mailing
from backend.services.errors import Unavailable
from backend.services.operation.jobs import EACH_MINUTE, job, jobs
from backend.utils.clock import utcnow

log = structlog.get_logger()

FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 5, 3600
CLAIMED_FOR = timedelta(minutes=5)  # longer than sending takes; after a crash another job takes the mail over
GIVEN_UP_AFTER = timedelta(days=7)
NO_MAIL = "This server sends no mail. An admin can give you a new password, or set LARDER_SMTP_URL."

NOTICES = ("password_changed", "address_changed")  # of what was done; on a server that sends no mail nobody gets them


def queue_mail(kind, email):
    """Queue a mail in the transaction of the caller.

    It is written only when it is sent, so that no token lies about, and so that asking for one takes the same time
    whether or not the address is known.
    """
    OutgoingMail.create(kind=kind, email=email)
    database.after_commit(lambda: jobs.start("send_due_mail"))


def require_mail(settings):
    """Raise Unavailable when nobody would get a mail."""
    if not mailing.can_send(settings):
        raise Unavailable(NO_MAIL)


@job(schedule=lambda settings: EACH_MINUTE)
def send_due_mail(settings):
    """Send what is due; what the mail server does not take stays, and is tried again later and later."""
    with database.connection_context():
        while (mail := _claim()) is not None:
            if not _deliver(settings, mail):
                return  # most likely nothing else would get through either


def _claim():
    """Return a mail that is due and now this job's alone, or None."""
    now = utcnow()
    due = OutgoingMail.select().where(OutgoingMail.due_at <= now).order_by(OutgoingMail.due_at)
    for mail in list(due.limit(100)):  # read to the end: SQLite lets no open read become a write
        claimed = OutgoingMail.update(due_at=now + CLAIMED_FOR, attempts=OutgoingMail.attempts + 1).where(
            OutgoingMail.id == mail.id, OutgoingMail.due_at == mail.due_at
        )
        if claimed.execute():
            mail.attempts += 1
            return mail
    return None


def _deliver(settings, mail):
    """Send one mail and forget it; return whether that worked."""
    message = _write(settings, mail) if mailing.can_send(settings) else None
    try:
        if message is not None:
            mailing.send(settings, message)
    except (smtplib.SMTPException, OSError) as error:
        _put_off(mail, error)
        return False
    mail.delete_instance()
    return True


def _put_off(mail, error):
    if utcnow() - mail.created_at > GIVEN_UP_AFTER:
        log.error("mail given up", kind=mail.kind, attempts=mail.attempts, reason=type(error).__name__)
        mail.delete_instance()
        return
    delay_seconds = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** (mail.attempts - 1))
    due_at = utcnow() + timedelta(seconds=delay_seconds)
    OutgoingMail.update(due_at=due_at).where(OutgoingMail.id == mail.id).execute()
    log.warning("mail not sent", kind=mail.kind, attempts=mail.attempts, reason=type(error).__name__)
    jobs.start("send_due_mail", delay_seconds=delay_seconds)


def _write(settings, mail):
    """Return the message, with a new token where its kind has one; None when there is nobody to write to."""
    user, kind, values = User.by_email(mail.email), mail.kind, {}
    if kind == "invitation":
        if user is not None:
            kind = "already_registered"
        elif invitation := Invitation.get_or_none(Invitation.email == mail.email):
            values["link"] = mailing.account_link(settings, kind, mail_tokens.renew_invitation(invitation))
        else:
            return None  # withdrawn meanwhile
    elif kind in NOTICES:
        pass  # whoever has the account by now, the owner of the address is told
    elif user is None or not user.active or (kind == "verification" and user.verified_at is not None):
        return None
    elif kind in mail_tokens.PURPOSES:
        values["link"] = mailing.account_link(settings, kind, mail_tokens.make_token(settings, user, kind))
    return mailing.make_message(settings, kind, mail.email, **values)
