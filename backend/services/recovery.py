"""Ways back to an account by mail: proving the address, setting a new password."""

from backend.models.database import database
from backend.models.user import User
from backend.services import accounts, audit, mail_tokens, sessions
from backend.services.actors import PUBLIC
from backend.services.errors import Invalid
from backend.services.outbox import queue_mail, require_mail
from backend.services.passwords import hash_password
from backend.utils.clock import utcnow


def ask_for_mail(settings, kind, email):
    """Have a mail of the kind, `verification` or `reset`, sent to the address if it has an account.

    Whether it has is not looked up here, so neither the answer nor its time can tell. Raises Unavailable on a server
    that sends no mail.
    """
    require_mail(settings)
    with database.atomic():
        queue_mail(kind, accounts.normalize(email))


def verify_address(token):
    """Take the address of the token's user as proved; raise Invalid."""
    with database.atomic():
        user_id = mail_tokens.use_token(token, "verification")
        mail_tokens.forget_tokens(user_id, "verification")
        User.update(verified_at=utcnow()).where(User.id == user_id).execute()
        audit.record(PUBLIC, "user.verify", ("user", user_id))


def reset_password(token, new_password):
    """Set the password of the token's user and end all their sessions; raise Invalid."""
    user = User.get_by_id(mail_tokens.check_token(token, "reset"))
    # Hashed before the token is used: it takes long, and a weak password shall not use the token up.
    password_hash = hash_password(new_password, about=(user.email, user.name), field="new_password")
    with database.atomic():
        user_id = mail_tokens.use_token(token, "reset")
        mail_tokens.forget_tokens(user_id, "reset")
        user = User.get_by_id(user_id)
        if not user.active:
            raise Invalid({"token": ["The account is not active."]})
        now = utcnow()
        proved = user.verified_at or now  # the mail reached them
        changes = {"password_hash": password_hash, "verified_at": proved, "updated_at": now}
        User.update(changes).where(User.id == user_id).execute()
        sessions.end_sessions_of(user_id)
        queue_mail("password_changed", user.email)
        audit.record(PUBLIC, "user.reset_password", ("user", user_id))
