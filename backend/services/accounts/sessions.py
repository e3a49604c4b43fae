"""Sessions: starting, finding, listing, refreshing and ending them."""

from datetime import timedelta

import structlog
from peewee import JOIN, Expression, ModelSelect, Select, fn

from backend.config.settings import Settings
from backend.models.database import database
from backend.models.definition import Generation
from backend.models.session import Session
from backend.models.user import User, UserRole
from backend.services.access import audit
from backend.services.access.actors import Actor, Caller, split_roles
from backend.services.errors import NotFound, Unauthenticated
from backend.services.storage.statements import built_once, slot
from backend.utils.addresses import subscriber
from backend.utils.clock import utcnow
from backend.utils.emails import comparable_email
from backend.utils.ids import uuid7

log = structlog.get_logger()

USER_AGENT_LENGTH = 300
# A refresh token that was replaced less than this many seconds ago is accepted: two requests of one client may race
# (decisions/008).
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


def find_caller(session_id: str | None) -> Caller:
    """Return the Caller of a session: its actor, and the number of the current version of all definitions.

    One query reads both, because every request needs both. The actor is None if the id is None, or if the session or
    its user is not valid.
    """
    statement = _session_statement()
    ((generation, user_id, roles),) = statement.run({"session": session_id})
    if user_id is None:
        return Caller(generation, None)
    return Caller(generation, Actor(str(user_id), session_id, split_roles(roles)))


@built_once
def _session_statement() -> Select:
    """Build the query of find_caller.

    `Generation` has one row, so the result always has one row: the generation, with or without a user. If the session
    were joined, SQLite would plan the query at each run, which takes three times as long as running it.
    """
    roles = UserRole.select(fn.string_agg(UserRole.role, ",")).where(UserRole.user_id == User.id)
    # The id comes from an access token whose expiry was checked, and no access token is valid longer than its session
    # (decisions/004). So `expires_at` need not be checked.
    user_id = Session.select(Session.user_id).where(Session.id == slot("session"), Session.ended_at.is_null())
    is_valid = (User.id == user_id) & User.active
    return Generation.select(Generation.number, User.id, roles).join(User, JOIN.LEFT_OUTER, on=is_valid)


def find_actor(session_id: str) -> Actor | None:
    """Return the Actor of a session that has neither ended nor expired; None if it has, or if its user is not active.

    For what is used without an access token, and so can outlive one.
    """
    is_valid = _valid_sessions().where(Session.id == session_id).exists()
    return find_caller(session_id).actor if is_valid else None


def is_familiar(email: str, address: str) -> bool:
    """Return whether the account with this e-mail address has a session that began at this IP address.

    Sessions that have ended count, too, until they would have expired.
    """
    of_account = User.select(User.id).where(User.email == comparable_email(email))
    begun = Session.select(Session.address).where(Session.user_id.in_(of_account)).distinct()
    return any(subscriber(session.address) == subscriber(address) for session in begun)


def list_sessions(user_id: str | None) -> list[Session]:
    """Return the Sessions of a user that are valid now, the newest first."""
    return list(_valid_sessions().where(Session.user_id == user_id).order_by(Session.created_at.desc()))


def refresh_session(settings: Settings, session_id: str, refresh_jti: str) -> tuple[Session, User]:
    """Replace the refresh token with this `jti` by a new one, and return (Session, its User).

    Two racing calls get the same new token. A token that was replaced more than RACE_SECONDS ago, or that is not the
    last one replaced, ends the session, as it may be stolen. Raises Unauthenticated in that case, and if the session
    has ended.
    """
    with database.atomic():
        session = database.lock_for_update(_valid_sessions().where(Session.id == session_id)).first()
        if session is None:
            raise Unauthenticated("The session has ended; sign in again.")
        is_current = refresh_jti == session.refresh_id
        is_reused = not is_current and not _was_just_replaced(session, refresh_jti)
        if is_reused:
            _end(Session.id == session_id)
            audit.record(Actor(user_id=session.user_id), "session.reuse", ("session", session_id))
        elif is_current:  # otherwise the token has just been replaced: the caller gets the current one again
            _set_next_token(settings, session)
        # Read the user before the commit. If the read failed after it, the client would have lost the old token without
        # getting the new one.
        user = User.get_by_id(session.user_id).with_roles()
    if is_reused:  # raised outside the transaction, or the rollback would undo `_end`
        log.warning("refresh token used twice", session_id=session_id, user_id=session.user_id)
        raise Unauthenticated("The refresh token has been used before, so its session has ended; sign in again.")
    return session, user


def _was_just_replaced(session: Session, refresh_jti: str) -> bool:
    """Return whether the token is the previous one, and was replaced less than RACE_SECONDS ago."""
    if refresh_jti != session.previous_refresh_id or session.rotated_at is None:
        return False
    return utcnow() - session.rotated_at < timedelta(seconds=RACE_SECONDS)


def _set_next_token(settings: Settings, session: Session) -> None:
    now = utcnow()
    session.previous_refresh_id, session.refresh_id = session.refresh_id, uuid7()
    session.rotated_at = session.last_used_at = now
    session.expires_at = now + timedelta(seconds=settings.refresh_token_seconds)
    session.save()


def end_session(actor: Actor, session_id: str | None) -> None:
    """End one of the actor's sessions: all processes refuse it from the next request on.

    Raises NotFound if the actor has no such session, or if `session_id` is None, as for an API key.
    """
    with database.atomic():
        if session_id is None or actor.user_id is None or not end_sessions_of(actor.user_id, session_id):
            raise NotFound("You have no such session.")
        audit.record(actor, "session.end", ("session", session_id))


def end_other_sessions(actor: Actor) -> None:
    """End all of the actor's sessions except the one of this request."""
    with database.atomic():
        ended = _end((Session.user_id == actor.user_id) & (Session.id != actor.session_id))
        audit.record(actor, "session.end_others", ("user", actor.user_id), sessions=ended)


def end_sessions_of(user_id: str, session_id: str | None = None) -> int:
    """End all sessions of a user, or one of them; return how many have ended.

    Call it in the same transaction as its cause, such as a new password.
    """
    of_user = Session.user_id == user_id
    return _end(of_user if session_id is None else of_user & (Session.id == session_id))


def _valid_sessions() -> "ModelSelect[Session]":
    is_valid = Session.ended_at.is_null() & (Session.expires_at > utcnow())
    return Session.select().where(is_valid, Session.user_id.in_(User.select(User.id).where(User.active)))


def _end(condition: Expression) -> int:
    """End the sessions that meet the condition, and return their number."""
    ended: int = Session.update(ended_at=utcnow()).where(condition, Session.ended_at.is_null()).execute()
    return ended
