"""What became of the mails of the last thirty days, and another attempt to send one."""

from typing import NoReturn

from backend.models.database import database
from backend.models.mail import FAILED, WAITING, Mail, OutgoingMail
from backend.services.access import audit
from backend.services.access.actors import Actor
from backend.services.errors import Conflict, NotFound
from backend.services.operation.jobs import jobs
from backend.utils.clock import utcnow


def retry_mail(actor: Actor, mail_id: str) -> None:
    """Send a mail that waits, or that was given up, as soon as the job runs.

    Raises NotFound if there is no such mail, Conflict if it was sent, is not needed, or is being sent now.
    """
    with database.atomic():
        mail = Mail.get_or_none(Mail.id == mail_id)
        if mail is None:
            raise NotFound()
        if mail.state == WAITING:
            _hasten(mail)
        elif mail.state == FAILED:
            _queue_again(mail)
        else:
            _refuse(mail)
        audit.record(actor, "mail.retry", ("mail", mail_id), email=mail.email)
        database.after_commit(lambda: jobs.start("send_due_mail"))


def _hasten(mail: Mail) -> None:
    """Make a mail due now, unless a process is sending it: this has changed when it is due."""
    now, is_idle = utcnow(), OutgoingMail.due_at == mail.next_attempt_at
    if not OutgoingMail.update(due_at=now).where(OutgoingMail.id == mail.id, is_idle).execute():
        raise Conflict("The mail is being sent now.")
    Mail.update(next_attempt_at=now).where(Mail.id == mail.id).execute()


def _queue_again(mail: Mail) -> None:
    """Queue a mail that was given up. Raises Conflict if another request has just done so."""
    now = utcnow()
    changed = {"state": WAITING, "next_attempt_at": now, "ended_at": None}
    if not Mail.update(changed).where(Mail.id == mail.id, Mail.state == FAILED).execute():
        _refuse(mail)
    OutgoingMail.create(id=mail.id, kind=mail.kind, email=mail.email, due_at=now)


def _refuse(mail: Mail) -> NoReturn:
    raise Conflict("Only a mail that waits or has failed can be sent again.")
