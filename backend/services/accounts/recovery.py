"""Ways back to an account by mail: proving the address, setting a new password."""

from backend.models.database import database
from backend.models.user import User
from backend.services.access import audit
from backend.services.access.actors import PUBLIC
from backend.services.accounts import mail_tokens, mailing, sessions, sign_in
from backend.services.accounts.outbox import queue_mail, require_mail
from backend.services.accounts.passwords import hash_password
from backend.services.errors import Conflict, Invalid
from backend.utils.clock import utcnow


def ask_for_mail(settings, kind, email):
    """Have a mail of the kind, `verification` or `reset`, sent to the address if it has an account.

    Whether it has is not looked up here, so neither the answer nor its time can tell. Raises Unavailable on a server
    that sends no mail.
    """
    require_mail(settings)
    with database.atomic():
        queue_mail(kind, sign_in.normalize(email))


def verify_address(token):
    """Take the address of the token's user as proved; raise Invalid."""
    with database.atomic():
        user = mail_tokens.use_token(token, "verification")
        User.update(verified_at=utcnow()).where(User.id == user.id).execute()
        audit.record(PUBLIC, "user.verify", ("user", user.id))


def reset_password(token, new_password):
    """Set the password of the token's user and end all their sessions; raise Invalid."""
    user = mail_tokens.check_token(token, "reset")
    # Hashed before the token is used: it takes long, and a weak password shall not use the token up.
    password_hash = hash_password(new_password, about=(user.email, user.name), field="new_password")
    with database.atomic():
        user = mail_tokens.use_token(token, "reset")
        if not user.active:
            raise Invalid({"token": ["The account is not active."]})
        proved = user.verified_at or utcnow()  # the mail reached them
        sign_in.keep_password(user, password_hash, verified_at=proved)
        sessions.end_sessions_of(user.id)
        audit.record(PUBLIC, "user.reset_password", ("user", user.id))


def make_reset_link(actor, settings, email=None):
    """Return (address, link by which a new password can be set once) of an account, by default of the first admin.

    Raises NotFound when there is no such account, Conflict for one that is not active.
    """
    with database.atomic():
        user = sign_in.get_first_admin() if email is None else sign_in.get_user_by_email(email)
        if not user.active:
            raise Conflict(f"The account of {user.email} is not active.")
        link = mailing.account_link(settings, "reset", mail_tokens.make_token(settings, user, "reset"))
        audit.record(actor, "user.make_reset_link", ("user", user.id))
    return user.email, link
