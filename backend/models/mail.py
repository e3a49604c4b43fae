"""Mails that wait to be sent, what became of each mail, and the tokens that mails carry."""

from peewee import SQL

from backend.models.base import Entity
from backend.models.columns import DateTimeColumn, IntegerColumn, TextColumn, UuidColumn
from backend.utils.clock import utcnow

WAITING, SENT, LOGGED, FAILED, UNNEEDED = "waiting", "sent", "logged", "failed", "unneeded"
STATES = (WAITING, SENT, LOGGED, FAILED, UNNEEDED)


class OutgoingMail(Entity):
    """A mail to write and send when it is due.

    Its text is not stored: the token in it is created when it is sent, so that nothing stored here gives access to an
    account.
    """

    kind = TextColumn()
    email = TextColumn()
    attempts = IntegerColumn(default=0)
    due_at = DateTimeColumn(index=True, default=utcnow)

    class Meta:
        table_name = "larder_outbox"


class Mail(Entity):
    """What became of a mail, which has the id of its OutgoingMail; deleted with the account of its address.

    It is UNNEEDED if nobody has the address, or if it has become pointless, FAILED if it was given up, and LOGGED if it
    was written to the log instead of sent.
    """

    created_at = DateTimeColumn(index=True, default=utcnow)
    kind = TextColumn()
    email = TextColumn(index=True)
    user_id = UuidColumn(null=True, index=True, constraints=[SQL("REFERENCES larder_users (id) ON DELETE CASCADE")])
    state = TextColumn(default=WAITING)
    attempts = IntegerColumn(default=0)
    next_attempt_at = DateTimeColumn(null=True)
    ended_at = DateTimeColumn(null=True)
    error = TextColumn(null=True)  # of the last attempt, if it failed

    class Meta:
        table_name = "larder_mails"


class MailToken(Entity):
    """A token that a user got by mail, to set a new password or to confirm the address; valid once.

    It is no longer valid when the user's address or password has changed since.
    """

    user_id = UuidColumn(index=True, constraints=[SQL("REFERENCES larder_users (id) ON DELETE CASCADE")])
    email = TextColumn()
    password_generation = IntegerColumn()
    purpose = TextColumn()
    token_hash = TextColumn(unique=True)
    expires_at = DateTimeColumn(index=True)

    class Meta:
        table_name = "larder_mail_tokens"
