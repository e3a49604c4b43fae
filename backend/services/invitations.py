"""Invitations: accounts for people who were asked by mail."""

from datetime import timedelta

from backend.models.database import database
from backend.models.mail import Invitation
from backend.models.role import MEMBER, Role
from backend.services import accounts, audit, mail_tokens
from backend.services.actors import PUBLIC
from backend.services.errors import NotFound
from backend.services.outbox import queue_mail, require_mail
from backend.services.policies import require_may_give
from backend.utils.clock import utcnow


def create_invitation(actor, settings, *, email, roles):
    """Invite the address, replacing an open invitation of it, and return the Invitation.

    An address that has an account gets a mail that says so; the answer is the same. Raises Invalid or Denied for roles
    that the actor may not give, Unavailable on a server that sends no mail.
    """
    require_mail(settings)
    require_may_give(actor, roles)
    address = accounts.normalize(email)
    expires_at = utcnow() + timedelta(seconds=settings.invitation_seconds)
    with database.atomic():
        Invitation.delete().where(Invitation.email == address).execute()
        invitation = Invitation.create(
            email=address, roles=sorted({*roles, MEMBER}), expires_at=expires_at, created_by=actor.user_id
        )
        queue_mail("invitation", address)
        audit.record(actor, "invitation.create", ("invitation", invitation.id), email=address, roles=invitation.roles)
    return invitation


def list_invitations():
    """Return the Invitations that can still be accepted, the newest first."""
    return list(Invitation.select().where(Invitation.expires_at > utcnow()).order_by(Invitation.created_at.desc()))


def withdraw_invitation(actor, invitation_id):
    """Delete the invitation; raise NotFound."""
    with database.atomic():
        if not Invitation.delete().where(Invitation.id == invitation_id).execute():
            raise NotFound("There is no such invitation.")
        audit.record(actor, "invitation.withdraw", ("invitation", invitation_id))


def accept_invitation(*, token, password, name):
    """Create the account that the token invites to and return its User; raise Invalid, or Conflict if it exists."""
    invitation = mail_tokens.find_invitation(token)
    kept = [role.name for role in Role.select().where(Role.name.in_(invitation.roles))]  # some may be gone by now
    with database.atomic():
        user = accounts.create_user(PUBLIC, email=invitation.email, password=password, name=name, roles=kept)
        mail_tokens.use_invitation(token)
        audit.record(PUBLIC, "invitation.accept", ("invitation", invitation.id), user=user.id)
    return user
