"""Your own sessions: `/api/v1/auth/sessions`."""

from uuid import UUID

from marshmallow import fields

from backend.middleware.guards import actor_in_session
from backend.middleware.paths import API
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.sessions import UserSessionSchema
from backend.services.accounts import sessions

blp = Blueprint("sessions", __name__, url_prefix=f"{API}/auth/sessions", description="Where you are signed in")


class SessionSchema(UserSessionSchema):
    """A sign-in of your own on one device."""

    current = fields.Function(
        lambda session: session.id == actor_in_session().session_id,
        required=True,
        metadata={"type": "boolean", "description": "Whether it is the session of this request"},
    )


@blp.get("")
@blp.guard(actor_in_session)
@blp.response(200, SessionSchema(many=True))
@blp.fails(401, 403)
@blp.doc(operationId="list_sessions")
def list_sessions() -> object:
    """List your sessions"""
    return sessions.list_sessions(actor_in_session().user_id)


@blp.delete("/<uuid:session_id>")
@blp.guard(actor_in_session)
@blp.response(200)
@blp.fails(401, 403, 404)
@blp.doc(operationId="end_session")
def end_session(session_id: UUID) -> None:
    """End one of your sessions

    Its tokens are refused from the next request on.
    """
    sessions.end_session(actor_in_session(), str(session_id))


@blp.delete("")
@blp.guard(actor_in_session)
@blp.response(200)
@blp.fails(401, 403)
@blp.doc(operationId="end_other_sessions")
def end_other_sessions() -> None:
    """End all your sessions except the one of this request"""
    sessions.end_other_sessions(actor_in_session())
