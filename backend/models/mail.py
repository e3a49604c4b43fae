"""Mail that waits to be sent, and the tokens that mails carry."""

from peewee import SQL

from backend.models.base import Entity
from backend.models.columns import DateTimeColumn, IntegerColumn, JsonColumn, TextColumn, UuidColumn
from backend.utils.clock import utcnow


class OutgoingMail(Entity):
    """A mail to be written and sent when it is due.

    Its text is not kept: the token in it is made when it is sent, so that nothing here opens an account.
    """

    kind = TextColumn()
    email = TextColumn()
    attempts = IntegerColumn(default=0)
    due_at = DateTimeColumn(index=True, default=utcnow)

    class Meta:
        table_name = "larder_outbox"


class MailToken(Entity):
    """What a user got by mail, good once: to set a password anew or to prove the address.

    It ends with the address it was sent to and with the password of that moment.
    """

    user_id = UuidColumn(index=True, constraints=[SQL("REFERENCES larder_users (id) ON DELETE CASCADE")])
    email = TextColumn()
    password_generation = IntegerColumn()
    purpose = TextColumn()
    token_hash = TextColumn(unique=True)
    expires_at = DateTimeColumn(index=True)

    class Meta:
        table_name = "larder_mail_tokens"


class Invitation(Entity):
    """An open invitation; without a hash its mail has not been sent yet."""

    email = TextColumn(unique=True)
    roles = JsonColumn()
    token_hash = TextColumn(null=True, unique=True)
    expires_at = DateTimeColumn(index=True)
    created_by = UuidColumn(null=True, constraints=[SQL("REFERENCES larder_users (id) ON DELETE SET NULL")])

    class Meta:
        table_name = "larder_invitations"
