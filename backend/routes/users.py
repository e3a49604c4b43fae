"""Managing users: `/api/v1/users`."""

from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, pre_dump, validate

from backend.middleware.answer import Answer
from backend.middleware.app import get_app
from backend.middleware.authentication import current_actor
from backend.middleware.guards import permission
from backend.middleware.paths import API
from backend.routes.toolkit.arguments import QuerySchema
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.envelope import LOCATION
from backend.routes.toolkit.list_parameters import list_parameters
from backend.routes.toolkit.lists import list_query, page_answer
from backend.routes.toolkit.profiles import profile, profile_change
from backend.routes.toolkit.sessions import UserSessionSchema
from backend.services.access.permissions import USERS_READ, USERS_WRITE
from backend.services.accounts import service_accounts, user_sessions, user_updates, users
from backend.services.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from backend.services.definitions.policies import EVERYTHING
from backend.services.definitions.system_tables import USERS
from backend.services.field_types.datetime import Moment
from backend.services.field_types.email import EmailAddress
from backend.services.field_types.marshmallow_fields import StrictBoolean, StrictText
from backend.services.records import lists

READ, WRITE = permission(USERS_READ), permission(USERS_WRITE)

blp = Blueprint("users", __name__, url_prefix=f"{API}/users", description="Managing users")

UsersQuery = QuerySchema.from_dict(list_parameters(USERS), name="users_query")


class UserSchema(Schema):
    """A user: a person, who has the role `member`, or a service account, which has no address and no password."""

    id = fields.UUID(required=True)
    kind = USERS["kind"].json_field(required=True)
    email = EmailAddress(required=True, allow_none=True, metadata={"description": "Null for a service account"})
    name = StrictText(required=True)
    active = StrictBoolean(required=True, metadata={"description": "Whether they can sign in"})
    roles = fields.List(StrictText(), required=True)
    profile = profile()
    verified_at = Moment(required=True, allow_none=True, metadata={"description": "When they confirmed their address"})
    created_at = Moment(required=True)
    updated_at = Moment(required=True)

    @pre_dump
    def with_roles(self, user: Any, **_: Any) -> dict[str, Any]:
        """Return the columns of a User, with their roles."""
        return {**user.__data__, "roles": user.roles()}


class UserReplaceSchema(Schema):
    """All parts of a user; without `password`, theirs stays."""

    email = EmailAddress(required=True)
    name = StrictText(required=True, validate=validate.Length(1, 100))
    password = StrictText(validate=validate.Length(MIN_LENGTH, MAX_LENGTH))
    active = StrictBoolean(
        load_default=True, metadata={"description": "Whether they can sign in; left out, it is true"}
    )
    roles = fields.List(StrictText(), load_default=list)
    profile = profile_change(load_default=dict)


class UserCreateSchema(UserReplaceSchema):
    """A new user with a password."""

    password = StrictText(required=True, validate=validate.Length(MIN_LENGTH, MAX_LENGTH))


class UserUpdateSchema(UserReplaceSchema):
    """The parts of a user to change; parts that are left out stay."""

    active = StrictBoolean(metadata={"description": "Whether they can sign in"})


class ServiceAccountCreateSchema(Schema):
    """A new service account. It has the roles that it is given, and no others."""

    name = StrictText(required=True, validate=validate.Length(1, 100))
    active = StrictBoolean(
        load_default=True, metadata={"description": "Whether its API keys are accepted; left out, it is true"}
    )
    roles = fields.List(StrictText(), load_default=list)
    profile = profile_change(load_default=dict)


@blp.get("")
@blp.guard(READ)
@blp.arguments(UsersQuery, location="query")
@blp.documented_response(200, UserSchema(many=True))
@blp.fails(400, 401, 403)
@blp.doc(operationId="list_users")
def list_users(arguments: dict[str, Any]) -> Answer:
    """List users"""
    query = list_query(arguments)
    return page_answer(query, lists.list_rows(get_app().catalog.system["users"], EVERYTHING, query))


@blp.post("")
@blp.guard(WRITE)
@blp.idempotent
@blp.arguments(UserCreateSchema)
@blp.response(201, UserSchema, headers=LOCATION)
@blp.fails(400, 401, 403, 409, 415)
@blp.doc(operationId="create_user")
def create_user(data: dict[str, Any]) -> tuple[object, dict[str, str]]:
    """Create a user

    The address counts as confirmed, unless a grant uses `$user.email` and you are not an admin.
    """
    user = users.create_user(current_actor(), **data)
    return user, {"Location": f"{API}/users/{user.id}"}


@blp.post("/services")
@blp.guard(WRITE)
@blp.idempotent
@blp.arguments(ServiceAccountCreateSchema)
@blp.response(201, UserSchema, headers=LOCATION)
@blp.fails(400, 401, 403, 409, 415)
@blp.doc(operationId="create_service_account")
def create_service(data: dict[str, Any]) -> tuple[object, dict[str, str]]:
    """Create a service account, the account of a program

    It has no address and no password, and cannot sign in. Create an API key with its id as `user_id`.
    """
    user = service_accounts.create_service(current_actor(), **data)
    return user, {"Location": f"{API}/users/{user.id}"}


@blp.get("/<uuid:user_id>")
@blp.guard(READ)
@blp.response(200, UserSchema)
@blp.fails(401, 403, 404)
@blp.doc(operationId="get_user")
def get_user(user_id: UUID) -> object:
    """Show a user"""
    return users.get_user(str(user_id))


@blp.put("/<uuid:user_id>")
@blp.guard(WRITE)
@blp.arguments(UserReplaceSchema)
@blp.response(200, UserSchema)
@blp.fails(400, 401, 403, 404, 409, 415)
@blp.doc(operationId="replace_user")
def replace_user(data: user_updates.UserChanges, user_id: UUID) -> object:
    """Replace a user's address, name, roles, profile and `active`

    Without `password`, their password stays. A new password and `active: false` end all their sessions.
    """
    return user_updates.update_user(current_actor(), str(user_id), data, replaces_profile=True)


@blp.patch("/<uuid:user_id>")
@blp.guard(WRITE)
@blp.arguments(UserUpdateSchema(partial=True))
@blp.response(200, UserSchema)
@blp.fails(400, 401, 403, 404, 409, 415)
@blp.doc(operationId="update_user")
def update_user(data: user_updates.UserChanges, user_id: UUID) -> object:
    """Change some parts of a user

    A service account has no address and no password, so `PUT` does not fit it.
    """
    return user_updates.update_user(current_actor(), str(user_id), data)


@blp.delete("/<uuid:user_id>")
@blp.guard(WRITE)
@blp.response(200)
@blp.fails(401, 403, 404, 409)
@blp.doc(operationId="delete_user")
def delete_user(user_id: UUID) -> None:
    """Delete a user

    `on_owner_delete` of each definition says what happens to their records. By default these stay, without an owner.
    """
    users.delete_user(current_actor(), get_app().catalog, str(user_id))


@blp.get("/<uuid:user_id>/sessions")
@blp.guard(WRITE)
@blp.response(200, UserSessionSchema(many=True))
@blp.fails(401, 403, 404)
@blp.doc(operationId="list_user_sessions")
def list_user_sessions(user_id: UUID) -> object:
    """List the sessions of a user

    You need all roles of the user.
    """
    return user_sessions.list_sessions(current_actor(), str(user_id))


@blp.delete("/<uuid:user_id>/sessions/<uuid:session_id>")
@blp.guard(WRITE)
@blp.response(200)
@blp.fails(401, 403, 404)
@blp.doc(operationId="end_user_session")
def end_user_session(user_id: UUID, session_id: UUID) -> None:
    """End a session of a user

    Its tokens are refused from the next request on. You need all roles of the user.
    """
    user_sessions.end_session(current_actor(), str(user_id), str(session_id))


@blp.delete("/<uuid:user_id>/sessions")
@blp.guard(WRITE)
@blp.response(200)
@blp.fails(401, 403, 404)
@blp.doc(operationId="end_user_sessions")
def end_user_sessions(user_id: UUID) -> None:
    """End all sessions of a user

    The user can sign in again. You need all roles of the user.
    """
    user_sessions.end_sessions(current_actor(), str(user_id))
