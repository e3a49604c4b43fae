"""The sessions of other users, for those who manage users."""

from backend.models.database import database
from backend.models.session import Session
from backend.services.access import audit
from backend.services.access.actors import Actor
from backend.services.access.permissions import require_has_roles
from backend.services.accounts import sessions, users
from backend.services.errors import NotFound


def list_sessions(actor: Actor, user_id: str) -> list[Session]:
    """Return the Sessions of a user that are valid now, the newest first.

    Raises NotFound if there is no such user, Denied if the user has a role that the actor lacks.
    """
    require_has_roles(actor, users.get_user(user_id).roles())
    return sessions.list_sessions(user_id)


def end_session(actor: Actor, user_id: str, session_id: str) -> None:
    """End one session of a user. Raises what list_sessions raises, and NotFound if the user has no such session."""
    with database.atomic():
        _lock_user(actor, user_id)
        if not sessions.end_sessions_of(user_id, session_id):
            raise NotFound("The user has no such session.")
        audit.record(actor, "session.end", ("session", session_id), user=user_id)


def end_sessions(actor: Actor, user_id: str) -> None:
    """End all sessions of a user. Raises what list_sessions raises."""
    with database.atomic():
        _lock_user(actor, user_id)
        ended = sessions.end_sessions_of(user_id)
        audit.record(actor, "session.end_all", ("user", user_id), sessions=ended)


def _lock_user(actor: Actor, user_id: str) -> None:
    require_has_roles(actor, users.lock_user(actor, user_id).roles())
