"""Tokens that go out by mail: random, good once and for a while, kept as a hash."""

import hashlib
import secrets
from datetime import timedelta

from backend.models.mail import Invitation, MailToken
from backend.services.errors import Invalid
from backend.utils.clock import utcnow

PURPOSES = ("verification", "reset")


def make_token(settings, user, purpose):
    """Return a new token of the user for one of PURPOSES."""
    seconds = {"verification": settings.verification_token_seconds, "reset": settings.reset_token_seconds}[purpose]
    token = secrets.token_urlsafe(32)
    expires_at = utcnow() + timedelta(seconds=seconds)
    MailToken.create(user_id=user.id, purpose=purpose, token_hash=_hash(token), expires_at=expires_at)
    return token


def check_token(token, purpose):
    """Return the id of the token's user; raise Invalid unless it is good for the purpose."""
    row = MailToken.get_or_none(_is_good(MailToken, token), MailToken.purpose == purpose)
    if row is None:
        raise _bad_token()
    return row.user_id


def use_token(token, purpose):
    """Return the id of the token's user, after which it is good no more; raise Invalid.

    One statement decides, so that of two calls at once only one succeeds.
    """
    used = MailToken.delete().where(_is_good(MailToken, token), MailToken.purpose == purpose)
    rows = list(used.returning(MailToken.user_id).execute())
    if not rows:
        raise _bad_token()
    return rows[0].user_id


def forget_tokens(user_id, purpose):
    """Make all other tokens of the user for the purpose bad."""
    MailToken.delete().where(MailToken.user_id == user_id, MailToken.purpose == purpose).execute()


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
