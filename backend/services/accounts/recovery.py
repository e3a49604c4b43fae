"""Confirming an address and resetting a password by e-mail."""

from backend.config.settings import Settings
from backend.models.database import database
from backend.models.user import User
from backend.services.access import audit
from backend.services.access.actors import PUBLIC, Actor
from backend.services.accounts import mail_tokens, sessions, user_updates, users
from backend.services.accounts.mail_messages import account_link
from backend.services.accounts.outbox import queue_mail, require_mail
from backend.services.accounts.passwords import hash_password
from backend.services.errors import Conflict, Invalid
from backend.utils.clock import utcnow


def ask_for_mail(settings: Settings, kind: str, email: str) -> None:
    """Queue a mail of the kind, `verification` or `reset`, for the address.

    The job that sends it looks up whether the address has an account, so neither the answer nor its time can tell.
    Raises Unavailable on a server that sends no mail.
    """
    require_mail(settings)
    with database.atomic():
        queue_mail(kind, users.normalize_address(email))


def verify_address(token: str) -> None:
    """Mark the address of the token's user as confirmed; raise Invalid."""
    with database.atomic():
        user = mail_tokens.use_token(token, "verification")
        User.update(verified_at=utcnow()).where(User.id == user.id).execute()
        audit.record(PUBLIC, "user.verify", ("user", user.id))


def reset_password(token: str, new_password: str) -> None:
    """Set the password of the token's user and end all their sessions; raise Invalid."""
    user = mail_tokens.check_token(token, "reset")
    # Hashed before the token is used: hashing takes long, and a weak password must not use the token up.
    password_hash = hash_password(new_password, personal_words=(user.email, user.name), field="new_password")
    with database.atomic():
        user = mail_tokens.use_token(token, "reset")
        if not user.active:
            raise Invalid({"token": ["The account is not active."]})
        verified_at = user.verified_at or utcnow()  # the mail has reached them
        user_updates.store_password(user, password_hash, verified_at=verified_at)
        sessions.end_sessions_of(user.id)
        audit.record(PUBLIC, "user.reset_password", ("user", user.id))


def make_reset_link(actor: Actor, settings: Settings, email: str | None = None) -> tuple[str, str]:
    """Return (address, link to set a new password once) of a user, by default of the first admin.

    Raises NotFound if there is no such user, Conflict if they are not active.
    """
    with database.atomic():
        user = users.get_first_admin() if email is None else users.get_user_by_email(email)
        if not user.active:
            raise Conflict(f"The account of {user.email} is not active.")
        link = account_link(settings, "reset", mail_tokens.make_token(settings, user, "reset"))
        audit.record(actor, "user.make_reset_link", ("user", user.id))
    return user.email, link
