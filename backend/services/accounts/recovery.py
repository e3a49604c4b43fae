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
from backend.utils.problems import Problem


def request_mail(settings: Settings, kind: str, email: str) -> None:
    """Queue a mail for the address; `kind` is `verification` or `reset`.

    The job that sends it looks up the account, so neither response nor timing reveals whether there is one. Raises
    Unavailable if this server sends no mail.
    """
    require_mail(settings)
    with database.atomic():
        queue_mail(kind, users.normalize_address(email))


def verify_address(token: str) -> None:
    """Mark the address of the token's user as confirmed. Raises Invalid if the token is not valid.

    People click twice, so the token stays valid until it expires; with a confirmed address it changes nothing.
    """
    with database.atomic():
        user = mail_tokens.lock_user(token, "verification")
        if user.verified_at is not None:
            return
        mail_tokens.delete_other_tokens(user.id, "verification", token)
        User.update(verified_at=utcnow()).where(User.id == user.id).execute()
        audit.record(PUBLIC, "user.verify", ("user", user.id))


def reset_password(token: str, new_password: str) -> None:
    """Set the password of the token's user, and end all their sessions.

    Raises Invalid if the token is not valid, the password is not allowed, or the user is not active.
    """
    user = mail_tokens.check_token(token, "reset")
    # Hash before using the token: hashing is slow, and a password that is not allowed must not use the token up.
    password_hash = hash_password(new_password, personal_words=(user.address, user.name), field="new_password")
    with database.atomic():
        user = mail_tokens.use_token(token, "reset")
        if not user.active:
            raise Invalid({"token": [Problem("token_invalid", "The account is not active.")]})
        verified_at = user.verified_at or utcnow()  # they received the mail, so the address is confirmed
        user_updates.store_password(user, password_hash, verified_at=verified_at)
        sessions.end_sessions_of(user.id)
        audit.record(PUBLIC, "user.reset_password", ("user", user.id))


def make_reset_link(actor: Actor, settings: Settings, email: str | None = None) -> tuple[str, str]:
    """Return (address, link to set a new password) for a user, by default the first admin. The link works once.

    Raises NotFound if there is no such user, Conflict if they are not active.
    """
    with database.atomic():
        user = users.get_first_admin() if email is None else users.get_user_by_email(email)
        if not user.active:
            raise Conflict(f"The account of {user.email} is not active.")
        link = account_link(settings, "reset", mail_tokens.make_token(settings, user, "reset").token)
        audit.record(actor, "user.make_reset_link", ("user", user.id))
    return user.address, link
