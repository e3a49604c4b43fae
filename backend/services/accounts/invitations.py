"""Invitations: accounts for people who were asked by mail."""

from datetime import timedelta

from backend.models.database import database
from backend.models.mail import Invitation
from backend.models.role import MEMBER, Role
from backend.services.access import audit
from backend.services.access.actors import PUBLIC
from backend.services.access.permissions import require_has_roles, require_may_give
from backend.services.accounts import mail_tokens, sign_in
from backend.services.accounts.outbox import queue_mail, require_mail
from backend.services.errors import NotFound
from backend.utils.clock import utcnow


def create_invitation(actor, settings, *, email, roles):
    """Invite the address, replacing an open invitation of it, and return the Invitation.

    An address that has an account gets a mail that says so; the answer is the same. Raises Invalid or Denied for roles
    that the actor may not give, in the invitation that is replaced too, Unavailable on a server that sends no mail.
    """
    require_mail(settings)
    require_may_give(actor, roles)
    address = sign_in.normalize(email)
    expires_at = utcnow() + timedelta(seconds=settings.invitation_seconds)
    with database.atomic():
        _delete(actor, Invitation.email == address)
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
    """Delete the invitation; raise NotFound, or Denied for one to roles that the actor may not give."""
    with database.atomic():
        if not _delete(actor, Invitation.id == invitation_id):
            raise NotFound("There is no such invitation.")
        audit.record(actor, "invitation.withdraw", ("invitation", invitation_id))


def _delete(actor, condition):
    """Delete the invitation, if there is one that the actor could have made; return how many there were."""
    for open_one in list(Invitation.select(Invitation.roles).where(condition, Invitation.expires_at > utcnow())):
        require_has_roles(actor, open_one.roles)
    return Invitation.delete().where(condition).execute()


def accept_invitation(*, token, password, name):
    """Create the account that the token invites to and return its User; raise Invalid, or Conflict if it exists."""
    invitation = mail_tokens.find_invitation(token)
    # Some may be deleted by now; one of the same name that was created later is a different role.
    same = Role.name.in_(invitation.roles) & (Role.created_at <= invitation.created_at)
    kept = [role.name for role in Role.select(Role.name).where(same)]
    with database.atomic():
        user = sign_in.create_user(PUBLIC, email=invitation.email, password=password, name=name, roles=kept)
        mail_tokens.use_invitation(token)
        audit.record(PUBLIC, "invitation.accept", ("invitation", invitation.id), user=user.id)
    return user
