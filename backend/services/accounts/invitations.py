"""Invitations: people are invited by mail to create an account."""

from collections.abc import Collection
from datetime import timedelta

from peewee import Expression

from backend.config.settings import Settings
from backend.models.database import database
from backend.models.invitation import Invitation
from backend.models.role import MEMBER, Role
from backend.models.user import User
from backend.services.access import audit
from backend.services.access.actors import PUBLIC, Actor
from backend.services.access.permissions import require_has_roles, require_may_give
from backend.services.accounts import mail_tokens, users
from backend.services.accounts.outbox import queue_mail, require_mail
from backend.services.accounts.passwords import hash_password
from backend.services.errors import NotFound
from backend.utils.clock import utcnow


def create_invitation(actor: Actor, settings: Settings, *, email: str, roles: Collection[str]) -> Invitation:
    """Invite the address, and return the Invitation. It replaces an open invitation of the same address.

    If the address already has an account, its mail says so; the response is the same. Raises Invalid if a role does
    not exist, Denied if the actor may not give a role of the new or the replaced invitation, and Unavailable if this
    server sends no mail.
    """
    require_mail(settings)
    require_may_give(actor, roles)
    address = users.normalize_address(email)
    expires_at = utcnow() + timedelta(seconds=settings.invitation_seconds)
    with database.atomic():
        _delete(actor, Invitation.email == address)
        invitation = Invitation.create(
            email=address, roles=sorted({*roles, MEMBER}), expires_at=expires_at, created_by=actor.user_id
        )
        queue_mail("invitation", address)
        audit.record(actor, "invitation.create", ("invitation", invitation.id), email=address, roles=invitation.roles)
    return invitation


def list_invitations() -> list[Invitation]:
    """Return the Invitations that can still be accepted, the newest first."""
    return list(Invitation.select().where(Invitation.expires_at > utcnow()).order_by(Invitation.created_at.desc()))


def withdraw_invitation(actor: Actor, invitation_id: str) -> None:
    """Delete the invitation.

    Raises NotFound if there is no such invitation, Denied if it has roles that the actor may not give.
    """
    with database.atomic():
        if not _delete(actor, Invitation.id == invitation_id):
            raise NotFound("There is no such invitation.")
        audit.record(actor, "invitation.withdraw", ("invitation", invitation_id))


def _delete(actor: Actor, condition: Expression) -> bool:
    """Delete the invitation that meets the condition, and tell whether there was one.

    Raises Denied if it can still be accepted and has roles that the actor may not give.
    """
    for invitation in list(Invitation.select(Invitation.roles).where(condition, Invitation.expires_at > utcnow())):
        require_has_roles(actor, invitation.roles)
    return bool(Invitation.delete().where(condition).execute())


def accept_invitation(*, token: str, password: str, name: str) -> User:
    """Create the user whom the token invites, and return the User.

    Raises Invalid if the token is not valid or the password not allowed, Conflict if the address is taken.
    """
    invitation = mail_tokens.find_invitation(token)
    email, now = invitation.email, utcnow()
    password_hash = hash_password(password, personal_words=(email, name))
    with database.atomic():
        user = users.insert_user(
            created_at=now,
            roles=_existing_roles(invitation),
            email=email,
            name=name,
            password_hash=password_hash,
            verified_at=now,  # they received the mail
        )
        if user is None:
            raise users.address_taken()
        mail_tokens.use_invitation(token)
        audit.record(PUBLIC, "user.create", ("user", user.id), email=email, roles=user.roles())
        audit.record(PUBLIC, "invitation.accept", ("invitation", invitation.id), user=user.id)
    return user


def _existing_roles(invitation: Invitation) -> list[str]:
    """Return the invitation's roles that still exist; a role that was deleted and created anew does not count."""
    still_exists = Role.name.in_(invitation.roles) & (Role.created_at <= invitation.created_at)
    return [role.name for role in Role.select(Role.name).where(still_exists)]
