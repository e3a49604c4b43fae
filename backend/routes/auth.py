"""Registering, signing in and out, and your own account: `/api/v1/auth`."""

from contextlib import nullcontext
from functools import partial
from typing import Any

from flask import Response, after_this_request, request
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from backend.middleware import tokens
from backend.middleware.app import get_app
from backend.middleware.authentication import has_invalid_token, refresh_claims, uses_cookies
from backend.middleware.guards import actor_in_session, anybody, needing, signed_in_actor
from backend.middleware.limits import limits
from backend.middleware.paths import API
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.profiles import profile, profile_change
from backend.routes.toolkit.security import NO_SIGN_IN
from backend.services.accounts import own_account, sessions, sign_in, user_updates
from backend.services.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from backend.services.definitions.system_tables import USERS
from backend.services.field_types.datetime import Moment
from backend.services.field_types.email import EmailAddress
from backend.services.field_types.marshmallow_fields import StrictBoolean, StrictText
from backend.utils.problems import REQUIRED

blp = Blueprint("auth", __name__, url_prefix=f"{API}/auth", description="Registration, sessions and your own account")

CSRF_HELP = "Only with cookies: the value of the cookie of this name, which pages of other hosts cannot read"


class UserSummarySchema(Schema):
    """A user."""

    id = fields.UUID(required=True)
    email = EmailAddress(required=True)
    name = StrictText(required=True)
    roles = fields.Function(
        lambda user: user.roles(),  # of a User or a Registration
        required=True,
        metadata={"type": "array", "items": {"type": "string"}},
    )
    created_at = Moment(required=True)


class CurrentApiKeySchema(Schema):
    """The API key of a request."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    hint = fields.String(required=True, metadata={"description": "The first characters of the key"})
    expires_at = Moment(required=True, allow_none=True, metadata={"description": "Null if it never expires"})


class CurrentUserSchema(Schema):
    """Who makes the request: a person who is signed in, or an API key and the account that it acts for."""

    id = fields.UUID(required=True, attribute="user.id")
    kind = USERS["kind"].json_field(required=True, attribute="user.kind")
    email = EmailAddress(required=True, allow_none=True, metadata={"description": "Null with an API key"})
    name = StrictText(required=True, attribute="user.name")
    roles = fields.List(fields.String(), required=True, metadata={"description": "With an API key, those of the key"})
    permissions = fields.List(
        fields.String(), required=True, metadata={"description": "Of the roles, and with an API key of the key"}
    )
    api_key = fields.Nested(
        CurrentApiKeySchema, required=True, allow_none=True, metadata={"description": "Null in a session"}
    )
    created_at = Moment(required=True, attribute="user.created_at")
    profile = profile()


class UserRegistrationSchema(Schema):
    """A new user."""

    email = EmailAddress(required=True)
    password = StrictText(required=True, load_only=True, validate=validate.Length(MIN_LENGTH, MAX_LENGTH))
    name = StrictText(required=True, validate=validate.Length(1, 100))


class CredentialsSchema(Schema):
    """An address and its password."""

    email = StrictText(required=True, validate=validate.Length(1, MAX_LENGTH))
    password = StrictText(required=True, load_only=True, validate=validate.Length(1, MAX_LENGTH))
    cookies = StrictBoolean(
        load_default=False,
        load_only=True,
        metadata={"description": "Set the tokens as cookies that no script can read, instead of returning them"},
    )


class CurrentUserUpdateSchema(Schema):
    """The parts of your own account that you can change."""

    name = StrictText(validate=validate.Length(1, 100))
    profile = profile_change()

    @validates_schema
    def changes_something(self, data: dict[str, Any], **_: Any) -> None:
        """Raise ValidationError if the body changes nothing."""
        if not data:
            raise ValidationError(REQUIRED, "name")


class PasswordChangeSchema(Schema):
    """A new password, and the current one."""

    current_password = StrictText(required=True, load_only=True, validate=validate.Length(1, MAX_LENGTH))
    new_password = StrictText(required=True, load_only=True, validate=validate.Length(MIN_LENGTH, MAX_LENGTH))


class TokensSchema(Schema):
    """The tokens of a session. Send the access token with every request. The refresh token works once."""

    access_token = fields.String(required=True, allow_none=True, metadata={"description": "Null with cookies"})
    refresh_token = fields.String(required=True, allow_none=True, metadata={"description": "Null with cookies"})
    token_type = fields.String(required=True, validate=validate.OneOf(["Bearer", "Cookie"]))
    expires_in = fields.Integer(required=True, metadata={"description": "Seconds until the access token expires"})
    csrf_access_token = fields.String(metadata={"description": CSRF_HELP})
    csrf_refresh_token = fields.String(metadata={"description": CSRF_HELP})
    user = fields.Nested(UserSummarySchema, required=True)


@blp.post("/register")
@blp.guard(anybody)
@limits.sign_in
@blp.arguments(UserRegistrationSchema)
@blp.response(201, UserSummarySchema)
@blp.fails(400, 403, 415, 429, 503)
@blp.doc(operationId="register", security=NO_SIGN_IN)
def register(data: dict[str, str]) -> sign_in.Registration:
    """Create an account with the role `member`

    If the address already has an account, the response is the same, and its owner gets a mail about it. If this server
    sends mail, the address must be confirmed before the first sign-in.
    """
    limits.count_account(data["email"])
    return sign_in.register(get_app().settings, **data)


@blp.post("/login")
@blp.guard(anybody)
@blp.arguments(CredentialsSchema)
@blp.response(200, TokensSchema)
@blp.fails(400, 401, 415, 429, 503)
@blp.doc(operationId="login", security=NO_SIGN_IN)
def login(data: dict[str, Any]) -> dict[str, object]:
    """Sign in, which starts a session

    With `cookies`, every request that can change something must send the value of the cookie `csrf_access_token` (a
    refresh: `csrf_refresh_token`) in the header `X-CSRF-TOKEN`.
    """
    user_agent, address = request.headers.get("User-Agent", ""), request.remote_addr or ""
    with limits.guessing(data["email"], partial(sessions.is_familiar, data["email"], address)):
        user = sign_in.authenticate(get_app().settings, email=data["email"], password=data["password"])
    session = sessions.start_session(get_app().settings, user, user_agent=user_agent, address=address)
    return _tokens_body(tokens.issue_tokens(session), user, in_cookies=data["cookies"])


@needing("the refresh token")
def may_refresh() -> None:
    """Require a refresh token. One that is not valid counts against the limit of the client's address."""
    if tokens.FORMER_REFRESH_COOKIE in request.cookies:
        after_this_request(tokens.remove_former_cookie)
    with limits.counting_failures() if has_invalid_token() else nullcontext():
        refresh_claims()


@blp.post("/refresh")
@blp.guard(may_refresh)
@blp.response(200, TokensSchema)
@blp.fails(401, 403, 429)
@blp.doc(operationId="refresh_tokens")
def refresh() -> dict[str, object]:
    """Exchange the refresh token, sent as Bearer or as its cookie, for new tokens

    A refresh token works once.
    """
    session_id, refresh_jti = refresh_claims()
    limits.count_session(session_id)
    with limits.counting_failures():
        session, user = sessions.refresh_session(get_app().settings, session_id, refresh_jti)
    return _tokens_body(tokens.issue_tokens(session), user, in_cookies=uses_cookies())


def _tokens_body(issued: tokens.IssuedTokens, user: object, *, in_cookies: bool) -> dict[str, object]:
    """Return the body of the response with the tokens, or set them as cookies of the response."""
    if not in_cookies:
        return {**issued, "user": user}
    after_this_request(partial(_with_cookies, issued))
    hidden = {"access_token": None, "refresh_token": None, "token_type": "Cookie"}
    return {**issued, **hidden, **tokens.csrf_values(issued), "user": user}


def _with_cookies(issued: tokens.IssuedTokens, response: Response) -> Response:
    tokens.set_cookies(response, issued)
    return response


@blp.post("/logout")
@blp.guard(actor_in_session)
@blp.response(200)
@blp.fails(401, 403)
@blp.doc(operationId="logout")
def logout() -> None:
    """Sign out, which ends this session"""
    actor = actor_in_session()
    sessions.end_session(actor, actor.session_id)
    if uses_cookies():
        after_this_request(tokens.remove_cookies)


@blp.get("/me")
@blp.guard(signed_in_actor)
@blp.response(200, CurrentUserSchema)
@blp.fails(401, 403)
@blp.doc(operationId="get_me")
def me() -> object:
    """Show who is signed in, or the API key and the account it acts for"""
    return own_account.get_own_account(signed_in_actor())


@blp.patch("/me")
@blp.guard(actor_in_session)
@blp.arguments(CurrentUserUpdateSchema)
@blp.response(200, CurrentUserSchema)
@blp.fails(400, 401, 403, 415)
@blp.doc(operationId="update_me")
def update_me(data: user_updates.OwnChanges) -> object:
    """Change your own account"""
    return user_updates.update_own_user(actor_in_session(), data)


@blp.post("/password")
@blp.guard(actor_in_session)
@limits.sign_in
@blp.arguments(PasswordChangeSchema)
@blp.response(200)
@blp.fails(400, 401, 403, 415, 429, 503)
@blp.doc(operationId="change_password")
def change_password(data: dict[str, str]) -> None:
    """Change your password

    This ends all your other sessions.
    """
    actor = actor_in_session()
    assert actor.session_id is not None  # or the guard would have refused
    limits.count_session(actor.session_id)
    sign_in.change_password(actor, **data)
