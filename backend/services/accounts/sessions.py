"""Sessions: starting, listing, refreshing and ending them, and finding the one of a request."""

from datetime import timedelta
from functools import cache

import structlog
from peewee import JOIN, Expression, ModelSelect, fn

from backend.config.settings import Settings
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
# A refresh token that was exchanged so recently comes from a call that raced, not from a thief: decisions/008.
RACE_SECONDS = 10


def start_session(settings: Settings, user: User, *, user_agent: str, address: str) -> Session:
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


def list_sessions(actor: Actor) -> list[Session]:
    """Return the actor's Sessions that are valid now, the newest first."""
    mine = _valid_sessions().where(Session.user_id == actor.user_id)
    return list(mine.order_by(Session.created_at.desc()))


def rotate_session(settings: Settings, session_id: str, refresh_id: str) -> tuple[Session, User]:
    """Exchange the refresh token with this id for the next one; return (Session, its User).

    If two calls race with one token, both get the same next one. A token that was exchanged earlier ends the session,
    since one of its two bearers must be a thief. Raises Unauthenticated for it, and for a session that has ended.
    """
    with database.atomic():
        session = database.lock_for_update(_valid_sessions().where(Session.id == session_id)).first()
        if session is None:
            raise Unauthenticated("The session has ended; sign in again.")
        is_current = refresh_id == session.refresh_id
        is_reused = not is_current and not _has_raced(session, refresh_id)
        if is_reused:
            _end(Session.id == session_id)
            audit.record(Actor(user_id=session.user_id), "session.reuse", ("session", session_id))
        elif is_current:
            _set_next_token(settings, session)
        user = User.get_by_id(session.user_id).with_roles()  # a read after the commit might fail, with the token used
    if is_reused:  # raised after the commit, so that the session stays ended
        log.warning("refresh token used twice", session_id=session_id, user_id=session.user_id)
        raise Unauthenticated("The refresh token has been used before, so its session has ended; sign in again.")
    return session, user


def _has_raced(session: Session, refresh_id: str) -> bool:
    """Tell whether the token was exchanged only a moment ago."""
    if refresh_id != session.previous_refresh_id or session.rotated_at is None:
        return False
    return utcnow() - session.rotated_at < timedelta(seconds=RACE_SECONDS)


def _set_next_token(settings: Settings, session: Session) -> None:
    now = utcnow()
    session.previous_refresh_id, session.refresh_id = session.refresh_id, uuid7()
    session.rotated_at = session.last_used_at = now
    session.expires_at = now + timedelta(seconds=settings.refresh_token_seconds)
    session.save()


def end_session(actor: Actor, session_id: str | None) -> None:
    """End a session of the actor, from the next request on in every process; raise NotFound."""
    with database.atomic():
        if not _end((Session.id == session_id) & (Session.user_id == actor.user_id)):
            raise NotFound("You have no such session.")
        audit.record(actor, "session.end", ("session", session_id))


def end_other_sessions(actor: Actor) -> None:
    """End all sessions of the actor except the one of this request."""
    with database.atomic():
        ended = _end((Session.user_id == actor.user_id) & (Session.id != actor.session_id))
        audit.record(actor, "session.end_others", ("user", actor.user_id), sessions=ended)


def end_sessions_of(user_id: str) -> None:
    """End all sessions of a user; call it in the transaction of its cause."""
    _end(Session.user_id == user_id)


def _valid_sessions() -> "ModelSelect[Session]":
    valid = Session.ended_at.is_null() & (Session.expires_at > utcnow())
    return Session.select().where(valid, Session.user_id.in_(User.select(User.id).where(User.active)))


def _end(condition: Expression) -> int:
    """End the sessions that meet the condition, and return their number."""
    ended: int = Session.update(ended_at=utcnow()).where(condition, Session.ended_at.is_null()).execute()
    return ended


def find_session(session_id: str | None) -> Caller:
    """Return the Caller with a token of this session, or without a token (None), by one indexed read."""
    statement = _session_statement(database.name)
    ((generation, user_id, roles),) = statement.run({"session": session_id})
    if user_id is None:
        return Caller(generation, None)
    return Caller(generation, Actor(str(user_id), session_id, frozenset((roles or "").split(","))))


@cache
def _session_statement(database_name: str) -> Statement:
    """Return the statement of `find_session`, in the SQL of the database of this name."""
    roles = UserRole.select(fn.string_agg(UserRole.role, ",")).where(UserRole.user_id == User.id)
    # `expires_at` is checked at a refresh: no access token outlives it.
    valid = (Session.id == slot("session")) & Session.ended_at.is_null()
    return Statement(
        Generation.select(Generation.number, User.id, roles)
        .join(Session, JOIN.LEFT_OUTER, on=valid)
        .join(User, JOIN.LEFT_OUTER, on=(User.id == Session.user_id) & User.active)
    )
