"""Sessions: starting, listing, refreshing and ending them, and the one read that every request begins with."""

from datetime import timedelta
from functools import cache

import structlog
from peewee import JOIN, fn

from backend.models.database import database
from backend.models.definition import Generation
from backend.models.session import Session
from backend.models.user import User, UserRole
from backend.services.access import audit
from backend.services.access.actors import Actor, Caller
from backend.services.errors import NotFound, Unauthenticated
from backend.services.storage.statements import Statement, slot
from backend.utils.clock import utcnow
from backend.utils.ids import uuid7

log = structlog.get_logger()

USER_AGENT_LENGTH = 300
# For so long the refresh token before the last one counts as a call that raced, not as one stolen: decisions/008.
RACE_SECONDS = 10


def start_session(settings, user, *, user_agent, address):
    """Start and return a Session of the user."""
    now = utcnow()
    with database.atomic():
        session = Session.create(
            user_id=user.id,
            refresh_id=uuid7(),
            user_agent=user_agent[:USER_AGENT_LENGTH],
            address=address,
            created_at=now,
            last_used_at=now,
            expires_at=now + timedelta(seconds=settings.refresh_token_seconds),
        )
        audit.record(Actor(user_id=user.id, session_id=session.id), "session.start", ("session", session.id))
    return session


def list_sessions(actor):
    """Return the actor's Sessions that are good now, the newest first."""
    mine = _good_sessions().where(Session.user_id == actor.user_id)
    return list(mine.order_by(Session.created_at.desc()))


def rotate_session(settings, session_id, refresh_id):
    """Exchange the refresh token known by `refresh_id` for the next one; return (Session, its User).

    Of two calls that race with one token both get the same next one. A token used before that ends the session, since
    nobody can tell who of its two bearers is the thief. Raises Unauthenticated for it and for a session that is over.
    """
    now = utcnow()
    with database.atomic():
        session = database.lock_for_update(_good_sessions().where(Session.id == session_id)).first()
        if session is None:
            raise Unauthenticated("The session has ended; sign in again.")
        raced = refresh_id == session.previous_refresh_id and now - session.rotated_at < timedelta(seconds=RACE_SECONDS)
        reused = refresh_id != session.refresh_id and not raced
        if reused:
            _end(Session.id == session_id)
            audit.record(Actor(user_id=session.user_id), "session.reuse", ("session", session_id))
        elif not raced:
            session.previous_refresh_id, session.refresh_id = session.refresh_id, uuid7()
            session.rotated_at = session.last_used_at = now
            session.expires_at = now + timedelta(seconds=settings.refresh_token_seconds)
            session.save()
        user = User.get_by_id(session.user_id).with_roles()  # not after the commit: the old token would be used up
    if reused:  # raised only here: the end of the session has to be kept
        log.warning("refresh token used twice", session_id=session_id, user_id=session.user_id)
        raise Unauthenticated("The refresh token has been used before, so its session has ended; sign in again.")
    return session, user


def end_session(actor, session_id):
    """End a session of the actor, in every process from its next request on; raise NotFound."""
    with database.atomic():
        if not _end((Session.id == session_id) & (Session.user_id == actor.user_id)):
            raise NotFound("You have no such session.")
        audit.record(actor, "session.end", ("session", session_id))


def end_other_sessions(actor):
    """End all sessions of the actor but the one that the request came in."""
    with database.atomic():
        ended = _end((Session.user_id == actor.user_id) & (Session.id != actor.session_id))
        audit.record(actor, "session.end_others", ("user", actor.user_id), sessions=ended)


def end_sessions_of(user_id):
    """End all sessions of a user; call it in the transaction of what made it necessary."""
    _end(Session.user_id == user_id)


def _good_sessions():
    good = Session.ended_at.is_null() & (Session.expires_at > utcnow())
    return Session.select().where(good, Session.user_id.in_(User.select(User.id).where(User.active)))


def _end(condition):
    """End the sessions and return how many there were."""
    return Session.update(ended_at=utcnow()).where(condition, Session.ended_at.is_null()).execute()


def find_session(session_id):
    """Return the Caller with a token of this session, or without a token (None), by one indexed read."""
    statement = _session_statement(database.name)
    ((generation, user_id, roles),) = statement.run({"session": session_id})
    if user_id is None:
        return Caller(generation, None)
    return Caller(generation, Actor(str(user_id), session_id, frozenset((roles or "").split(","))))


@cache
def _session_statement(dialect):
    """Return the statement of `find_session`, in the SQL of the database of this name."""
    roles = UserRole.select(fn.string_agg(UserRole.role, ",")).where(UserRole.user_id == User.id)
    # Not asked here is `expires_at`: no token outlives it, and a refresh asks it.
    good = (Session.id == slot("session")) & Session.ended_at.is_null()
    return Statement(
        Generation.select(Generation.number, User.id, roles)
        .join(Session, JOIN.LEFT_OUTER, on=good)
        .join(User, JOIN.LEFT_OUTER, on=(User.id == Session.user_id) & User.active)
    )
