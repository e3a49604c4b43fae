"""Tokens that go out by mail: random, good once and for a while, kept as a hash."""

import hashlib
import secrets
from datetime import timedelta

from backend.models.database import database
from backend.models.mail import Invitation, MailToken
from backend.models.user import User
from backend.services.errors import Invalid
from backend.utils.clock import utcnow

PURPOSES = ("verification", "reset")


def make_token(settings, user, purpose):
    """Return a new token of the user for one of PURPOSES; it ends with their address or password of this moment."""
    seconds = {"verification": settings.verification_token_seconds, "reset": settings.reset_token_seconds}[purpose]
    token = secrets.token_urlsafe(32)
    MailToken.create(
        user_id=user.id,
        email=user.email,
        password_generation=user.password_generation,
        purpose=purpose,
        token_hash=_hash(token),
        expires_at=utcnow() + timedelta(seconds=seconds),
    )
    return token


def check_token(token, purpose):
    """Return the token's User; raise Invalid unless it is good for the purpose."""
    return _find(token, purpose)[1]


def use_token(token, purpose):
    """Return the token's User, whose other tokens end with it; raise Invalid. Call it in the transaction of the change.

    The user's row is held, so that of two calls at once only one succeeds, and none beside a change of the address or
    the password.
    """
    row, _ = _find(token, purpose)
    list(database.lock_for_update(User.select(User.id).where(User.id == row.user_id)))
    _, user = _find(token, purpose)
    forget_tokens(user.id, purpose)
    return user


def _find(token, purpose):
    """Return (MailToken, its User); raise Invalid unless the token is good for the purpose."""
    row = MailToken.get_or_none(_is_good(MailToken, token), MailToken.purpose == purpose)
    user = row and User.get_or_none(User.id == row.user_id)
    if not user or (row.email, row.password_generation) != (user.email, user.password_generation):
        raise _bad_token()
    return row, user


def forget_tokens(user_id, *purposes):
    """Delete all tokens of the user for the purposes."""
    MailToken.delete().where(MailToken.user_id == user_id, MailToken.purpose.in_(purposes)).execute()


def renew_invitation(invitation):
    """Return a new token of the invitation, the only one that is good now."""
    token = secrets.token_urlsafe(32)
    Invitation.update(token_hash=_hash(token)).where(Invitation.id == invitation.id).execute()
    return token


def find_invitation(token):
    """Return the Invitation that the token is good for; raise Invalid."""
    invitation = Invitation.get_or_none(_is_good(Invitation, token))
    if invitation is None:
        raise _bad_token()
    return invitation


def use_invitation(token):
    """Let the invitation be accepted; raise Invalid when it just was."""
    if not Invitation.delete().where(_is_good(Invitation, token)).execute():
        raise _bad_token()


def _is_good(model, token):
    return (model.token_hash == _hash(token)) & (model.expires_at > utcnow())


def _bad_token():
    return Invalid({"token": ["It has been used or has lapsed; ask for another one."]})


def _hash(token):
    return hashlib.sha256(token.encode()).hexdigest()
