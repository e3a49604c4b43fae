"""Sessions: starting, refreshing and ending them, and the one read that every request begins with."""

from datetime import timedelta
from functools import cache
from typing import NamedTuple

from peewee import JOIN, fn

from backend.models.database import database
from backend.models.definition import Generation
from backend.models.session import Session
from backend.models.user import User, UserRole
from backend.services.actors import Actor
from backend.services.errors import Unauthenticated
from backend.services.statements import Statement, slot
from backend.utils.clock import utcnow
from backend.utils.ids import uuid7

USER_AGENT_LENGTH = 300


class Standing(NamedTuple):
    """What a request has to know before it begins: the generation in force, and who is behind its session."""

    generation: int
    actor: Actor | None


def start_session(settings, user, *, user_agent, address):
    """Start and return a Session of the user."""
    now = utcnow()
    return Session.create(
        user_id=user.id,
        refresh_id=uuid7(),
        user_agent=user_agent[:USER_AGENT_LENGTH],
        address=address,
        last_used_at=now,
        expires_at=now + timedelta(seconds=settings.refresh_token_seconds),
    )


def rotate_session(settings, session_id, refresh_id):
    """Exchange the refresh token known by `refresh_id` for a new one; return the Session.

    Raises Unauthenticated unless it is the token given out last and its session is good: one statement decides, so
    that of two calls at once only one succeeds.
    """
    now = utcnow()
    changed = (
        Session.update(
            refresh_id=uuid7(), last_used_at=now, expires_at=now + timedelta(seconds=settings.refresh_token_seconds)
        )
        .where(
            Session.id == session_id,
            Session.refresh_id == refresh_id,
            Session.ended_at.is_null(),
            Session.expires_at > now,
            Session.user_id.in_(User.select(User.id).where(User.active)),
        )
        .execute()
    )
    if not changed:
        raise Unauthenticated("The refresh token has been used or its session has ended; sign in again.")
    return Session.get_by_id(session_id)


def end_session(session_id):
    """End the session: its tokens are refused from the next request on, in every process."""
    Session.update(ended_at=utcnow()).where(Session.id == session_id, Session.ended_at.is_null()).execute()


def stand(session_id):
    """Return the Standing of a request in this session, or of one without (None), by one indexed read."""
    statement = _standing_statement(type(database.obj))
    ((generation, user_id, roles),) = statement.run({"session": session_id})
    if user_id is None:
        return Standing(generation, None)
    return Standing(generation, Actor(str(user_id), session_id, frozenset((roles or "").split(","))))


@cache
def _standing_statement(dialect):
    """Return the statement of `stand`, in the SQL of the given class of database."""
    roles = UserRole.select(fn.string_agg(UserRole.role, ",")).where(UserRole.user_id == User.id)
    # Not asked here is `expires_at`: no token outlives it, and a refresh asks it.
    good = (Session.id == slot("session")) & Session.ended_at.is_null()
    return Statement(
        Generation.select(Generation.number, User.id, roles)
        .join(Session, JOIN.LEFT_OUTER, on=good)
        .join(User, JOIN.LEFT_OUTER, on=(User.id == Session.user_id) & User.active)
    )
