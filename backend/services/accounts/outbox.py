"""The outbox: requests queue mails in their transaction, and a job sends them, with retries."""

import smtplib
from datetime import timedelta
from email.message import EmailMessage

import structlog

from backend.config.settings import Settings
from backend.models.database import DATABASE_ERRORS, database
from backend.models.delivery import FAILED as DELIVERY_FAILED
from backend.models.delivery import Delivery
from backend.models.invitation import Invitation
from backend.models.mail import FAILED, LOGGED, SENT, UNNEEDED, Mail, OutgoingMail
from backend.models.role import MEMBER
from backend.models.user import User
from backend.models.webhook import GONE, Webhook
from backend.services.accounts import mail_server, mail_tokens
from backend.services.accounts.mail_messages import account_link, make_message
from backend.services.errors import Unavailable
from backend.services.operation.jobs import EVERY_MINUTE, job, jobs
from backend.utils.clock import utcnow
from backend.utils.texts import printable

log = structlog.get_logger()

FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 5, 3600
CLAIMED_FOR = timedelta(minutes=5)  # longer than sending takes; after a crash, the mail is due again by then
GIVEN_UP_AFTER = timedelta(days=7)
SHOWN_CHARACTERS = 300  # of an error
NO_MAIL = "This server sends no mail. An admin can set a new password for you, or set LARDER_SMTP_URL."
FAILED_LATELY = timedelta(days=1)

WEBHOOK_NOTICES = ("webhook_failed", "webhook_off")
NOTICES = ("password_changed", "address_changed")  # sent even if the address no longer belongs to an account

_sent: dict[str, str] = {}  # states, by id, of mails of which it is not stored yet that this process has sent them


def queue_mail(kind: str, email: str) -> None:
    """Queue a mail in the caller's transaction; `kind` is one of KINDS in mail_texts.py.

    The job that sends the mail looks up the user and creates the token. So the outbox stores no tokens, and a request
    takes the same time whether or not the address has an account.
    """
    queued = OutgoingMail.create(kind=kind, email=email)
    Mail.create(id=queued.id, created_at=queued.created_at, kind=kind, email=email, next_attempt_at=queued.due_at)
    database.after_commit(lambda: jobs.start("send_due_mail"))


def require_mail(settings: Settings) -> None:
    """Raise Unavailable if this server sends no mail."""
    if not mail_server.can_send(settings):
        raise Unavailable(NO_MAIL)


@job(schedule=lambda settings: EVERY_MINUTE)
def send_due_mail(settings: Settings) -> None:
    """Send the mails that are due. A mail that the mail server does not accept is tried again later."""
    with database.connection_context():
        _end_sent()
        while (mail := _claim()) is not None:
            if not _deliver(settings, mail):
                return  # the server would probably refuse all others, too


def _end_sent() -> None:
    """Store what became of mails that were sent when it could not be stored; they would be sent again."""
    for mail_id, state in list(_sent.items()):
        if mail := OutgoingMail.get_or_none(OutgoingMail.id == mail_id):
            _end(mail, state)
        _sent.pop(mail_id, None)


def _claim() -> OutgoingMail | None:
    """Return a mail that is due, and reserve it for this process; None if there is none."""
    now = utcnow()
    due = OutgoingMail.select().where(OutgoingMail.due_at <= now).order_by(OutgoingMail.due_at)
    for mail in list(due.limit(100)):  # a list ends the read: SQLite may refuse to turn an open read into a write
        claimed = OutgoingMail.update(due_at=now + CLAIMED_FOR, attempts=OutgoingMail.attempts + 1).where(
            OutgoingMail.id == mail.id, OutgoingMail.due_at == mail.due_at
        )
        if claimed.execute():
            mail.attempts += 1
            return mail
    return None


def _deliver(settings: Settings, mail: OutgoingMail) -> bool:
    """Send a mail and delete it from the outbox, or postpone it; return False if it is postponed."""
    if not mail_server.can_send(settings):
        _end(mail, FAILED, "This server sends no mail.")
        return True
    message = _write(settings, mail)
    try:
        if message is not None:
            mail_server.send(settings, message)
    except (smtplib.SMTPException, OSError) as error:
        _postpone(mail, error)
        return False
    done = LOGGED if mail_server.is_log(settings) else SENT
    _end_or_remember(mail, done if message is not None else UNNEEDED)
    return True


def _end_or_remember(mail: OutgoingMail, state: str) -> None:
    """End a mail that was sent; if that cannot be stored, remember it for the next run."""
    try:
        _end(mail, state)
    except DATABASE_ERRORS:
        _sent[mail.id] = state
        raise


def _end(mail: OutgoingMail, state: str, error: str | None = None) -> None:
    """Delete the mail from the outbox, and keep what became of it."""
    user = User.by_email(mail.email)
    ended = {"state": state, "attempts": mail.attempts, "error": error, "user_id": user and user.id}
    with database.atomic():
        mail.delete_instance()
        Mail.update(ended | {"ended_at": utcnow(), "next_attempt_at": None}).where(Mail.id == mail.id).execute()


def _postpone(mail: OutgoingMail, error: Exception) -> None:
    """Make the mail due again later, or delete it if it is older than GIVEN_UP_AFTER."""
    if utcnow() - mail.created_at > GIVEN_UP_AFTER:
        log.error("mail given up", kind=mail.kind, attempts=mail.attempts, reason=type(error).__name__)
        _end(mail, FAILED, _text_of(error))
        return
    delay_seconds = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** (mail.attempts - 1))
    due_at = utcnow() + timedelta(seconds=delay_seconds)
    with database.atomic():
        OutgoingMail.update(due_at=due_at).where(OutgoingMail.id == mail.id).execute()
        waiting = {"attempts": mail.attempts, "error": _text_of(error), "next_attempt_at": due_at}
        Mail.update(waiting).where(Mail.id == mail.id).execute()
    log.warning("mail not sent", kind=mail.kind, attempts=mail.attempts, reason=type(error).__name__)
    jobs.start("send_due_mail", delay_seconds=delay_seconds)


def _text_of(error: Exception) -> str:
    """Return what the mail server or the system said, which may be long."""
    return printable(f"{type(error).__name__}: {error}", SHOWN_CHARACTERS)


def _write(settings: Settings, mail: OutgoingMail) -> EmailMessage | None:
    """Return the message, with a link if its kind needs a token; None if the mail is no longer needed."""
    user = User.by_email(mail.email)
    if mail.kind == "invitation" and user is None:
        return _write_invitation(settings, mail.email)
    kind = "already_registered" if mail.kind == "invitation" else mail.kind
    language = _language_of(user)
    if kind in NOTICES:
        return make_message(settings, kind, mail.email, language=language)
    if user is None or not user.active or (kind == "verification" and user.verified_at is not None):
        return None
    if kind in WEBHOOK_NOTICES:
        names = _webhooks_of(user, kind)
        return make_message(settings, kind, mail.email, language=language, webhooks=names) if names else None
    if kind not in mail_tokens.PURPOSES:
        return make_message(settings, kind, mail.email, language=language)
    new = mail_tokens.make_token(settings, user, kind)
    link = account_link(settings, kind, new.token)
    return make_message(settings, kind, mail.email, language=language, link=link, expires_at=new.expires_at)


def _webhooks_of(user: User, kind: str) -> list[str]:
    """Return the names of the user's webhooks that Larder has switched off, or whose deliveries have just failed."""
    query = Webhook.select(Webhook.name).where(Webhook.created_by == user.id).order_by(Webhook.name)
    if kind == "webhook_off":
        return [webhook.name for webhook in query.where(~Webhook.active, Webhook.off_reason == GONE)]
    lately = (Delivery.state == DELIVERY_FAILED) & (Delivery.ended_at > utcnow() - FAILED_LATELY)
    return [webhook.name for webhook in query.where(Webhook.id.in_(Delivery.select(Delivery.webhook_id).where(lately)))]


def _language_of(user: User | None) -> str | None:
    """Return the language of the user: the field `language` of the profile, if this installation has declared one."""
    language = user.profile.get("language") if user else None
    return language if isinstance(language, str) else None


def _write_invitation(settings: Settings, email: str) -> EmailMessage | None:
    invitation = Invitation.get_or_none(Invitation.email == email)
    if invitation is None:
        return None  # it was withdrawn
    new = mail_tokens.renew_invitation(invitation)
    inviter = User.get_or_none(User.id == invitation.created_by)
    return make_message(
        settings,
        "invitation",
        email,
        link=account_link(settings, "invitation", new.token),
        expires_at=new.expires_at,
        inviter=inviter and (inviter.name or inviter.email),
        roles=[role for role in invitation.roles if role != MEMBER],
    )
