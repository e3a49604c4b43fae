"""Tokens in the links of mails: random, valid once and for a limited time, stored as a hash."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from peewee import Expression

from backend.config.settings import Settings
from backend.models.database import database
from backend.models.invitation import Invitation
from backend.models.mail import MailToken
from backend.models.user import User
from backend.services.errors import Invalid
from backend.utils.clock import utcnow
from backend.utils.problems import Problem

PURPOSES = ("verification", "reset")


class NewToken(NamedTuple):
    """A token to mail, and the moment from which it is no longer valid."""

    token: str
    expires_at: datetime


def make_token(settings: Settings, user: User, purpose: str) -> NewToken:
    """Create a token of the user for one of PURPOSES, and return it.

    It is no longer valid once the user's address or password has changed.
    """
    seconds = {"verification": settings.verification_token_seconds, "reset": settings.reset_token_seconds}[purpose]
    new = NewToken(secrets.token_urlsafe(32), utcnow() + timedelta(seconds=seconds))
    MailToken.create(
        user_id=user.id,
        email=user.email,
        password_generation=user.password_generation,
        purpose=purpose,
        token_hash=_hash(new.token),
        expires_at=new.expires_at,
    )
    return new


def check_token(token: str, purpose: str) -> User:
    """Return the token's User, without using the token up. Raises Invalid if it is not valid for the purpose."""
    row = MailToken.get_or_none(_is_valid(MailToken, token), MailToken.purpose == purpose)
    user = User.get_or_none(User.id == row.user_id) if row else None
    if row is None or user is None:
        raise _invalid_token()
    if (row.email, row.password_generation) != (user.email, user.password_generation):
        raise _invalid_token()
    return user


def use_token(token: str, purpose: str) -> User:
    """Return the token's User, and delete all their tokens for the purpose.

    Call it inside the transaction of the change. It locks the user's row, so only one of two simultaneous calls
    succeeds. Raises Invalid if the token is not valid for the purpose.
    """
    user = lock_user(token, purpose)
    delete_tokens(user.id, purpose)
    return user


def lock_user(token: str, purpose: str) -> User:
    """Return the token's User, whose row is locked until the transaction ends.

    Raises Invalid if the token is not valid for the purpose.
    """
    user = check_token(token, purpose)
    list(database.lock_for_update(User.select(User.id).where(User.id == user.id)))
    return check_token(token, purpose)  # again, under the lock


def delete_other_tokens(user_id: str, purpose: str, token: str) -> None:
    """Delete the tokens of the user for the purpose, except this one."""
    others = (MailToken.purpose == purpose) & (MailToken.token_hash != _hash(token))
    MailToken.delete().where(MailToken.user_id == user_id, others).execute()


def delete_tokens(user_id: str, *purposes: str) -> None:
    """Delete all tokens of the user for the purposes."""
    MailToken.delete().where(MailToken.user_id == user_id, MailToken.purpose.in_(purposes)).execute()


def renew_invitation(invitation: Invitation) -> NewToken:
    """Create a token of the invitation, which replaces its former token, and return it."""
    new = NewToken(secrets.token_urlsafe(32), invitation.expires_at)
    Invitation.update(token_hash=_hash(new.token)).where(Invitation.id == invitation.id).execute()
    return new


def find_invitation(token: str) -> Invitation:
    """Return the Invitation of the token. Raises Invalid if there is none, or if it has expired."""
    invitation = Invitation.get_or_none(_is_valid(Invitation, token))
    if invitation is None:
        raise _invalid_token()
    return invitation


def use_invitation(token: str) -> None:
    """Delete the invitation of the token. Raises Invalid if there is none any more, or if it has expired."""
    if not Invitation.delete().where(_is_valid(Invitation, token)).execute():
        raise _invalid_token()


def _is_valid(model: type[MailToken] | type[Invitation], token: str) -> Expression:
    return (model.token_hash == _hash(token)) & (model.expires_at > utcnow())


def _invalid_token() -> Invalid:
    text = "This link has been used or has expired; ask for a new one."
    return Invalid({"token": [Problem("token_invalid", text)]})


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
