"""Signing in and out: `/api/v1/auth`."""

from contextlib import nullcontext
from functools import partial

from flask import after_this_request, request
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from backend.middleware import authentication, tokens
from backend.middleware.build import current_build
from backend.middleware.limits import limits
from backend.middleware.paths import API
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.openapi import NO_SIGN_IN
from backend.services.accounts import sessions, sign_in, user_updates, users
from backend.services.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from backend.services.field_types.datetime import Moment
from backend.services.field_types.email import EmailAddress
from backend.services.field_types.wire import StrictBoolean, StrictText

blp = Blueprint("auth", __name__, url_prefix=f"{API}/auth", description="Accounts and sessions")


class UserSchema(Schema):
    """A person with an account."""

    id = fields.UUID(required=True, dump_only=True)
    email = EmailAddress(required=True)
    name = StrictText(required=True, validate=validate.Length(1, 100))
    roles = fields.Function(
        lambda user: user.roles(),
        required=True,
        dump_only=True,
        metadata={"type": "array", "items": {"type": "string"}},
    )
    created_at = Moment(required=True, dump_only=True)


class OwnAccountSchema(UserSchema):
    """Who is signed in."""

    profile = fields.Dict(
        required=True, dump_only=True, metadata={"description": "What is known of them: see the settings of users"}
    )


class RegistrationSchema(Schema):
    """What makes an account."""

    email = EmailAddress(required=True)
    password = StrictText(required=True, load_only=True, validate=validate.Length(MIN_LENGTH, MAX_LENGTH))
    name = StrictText(required=True, validate=validate.Length(1, 100))


class CredentialsSchema(Schema):
    """What proves who somebody is."""

    email = StrictText(required=True, validate=validate.Length(1, MAX_LENGTH))
    password = StrictText(required=True, load_only=True, validate=validate.Length(1, MAX_LENGTH))
    cookies = StrictBoolean(
        load_default=False,
        load_only=True,
        metadata={"description": "Give the tokens as cookies that no script can read, instead of in the answer"},
    )


class ProfileSchema(Schema):
    """What people may change of their own account."""

    name = StrictText(validate=validate.Length(1, 100))
    profile = fields.Dict(keys=StrictText(), metadata={"description": "What of it you may set; null takes away"})

    @validates_schema
    def changes_something(self, data, **_):
        """Refuse a body without anything in it."""
        if not data:
            raise ValidationError("Missing data for required field.", "name")


class PasswordSchema(Schema):
    """A new password, and the one it replaces."""

    current_password = StrictText(required=True, load_only=True, validate=validate.Length(1, MAX_LENGTH))
    new_password = StrictText(required=True, load_only=True, validate=validate.Length(MIN_LENGTH, MAX_LENGTH))


class TokensSchema(Schema):
    """What a sign-in gives: the access token goes with every request, the refresh token is good for one refresh."""

    access_token = fields.String(required=True, allow_none=True, metadata={"description": "Null with cookies"})
    refresh_token = fields.String(required=True, allow_none=True, metadata={"description": "Null with cookies"})
    token_type = fields.String(required=True, validate=validate.OneOf(["Bearer", "Cookie"]))
    expires_in = fields.Integer(required=True, metadata={"description": "Seconds the access token is good for"})
    user = fields.Nested(UserSchema, required=True)


@blp.post("/register")
@blp.guard(authentication.anybody)
@limits.sign_in
@blp.arguments(RegistrationSchema)
@blp.response(201, UserSchema)
@blp.fails(400, 403, 415, 429, 503)
@blp.doc(operationId="auth_register", security=NO_SIGN_IN)
def register(data):
    """Make an account with the role `member`

    The answer is the same for an address that has an account already; its owner gets a mail that says so. Where mail is
    sent, the address has to be confirmed before the first sign-in.
    """
    limits.count_account(data["email"])
    return sign_in.register(current_build().settings, **data)


@blp.post("/login")
@blp.guard(authentication.anybody)
@limits.sign_in
@blp.arguments(CredentialsSchema)
@blp.response(200, TokensSchema)
@blp.fails(400, 401, 415, 429, 503)
@blp.doc(operationId="auth_login", security=NO_SIGN_IN)
def login(data):
    """Start a session

    With `cookies` every call that may change something has to repeat the cookie `csrf_access_token` (for a refresh
    `csrf_refresh_token`) in the header `X-CSRF-TOKEN`.
    """
    limits.count_account(data["email"])
    in_cookies = data.pop("cookies")
    user = sign_in.authenticate(current_build().settings, **data)
    user_agent, address = request.headers.get("User-Agent", ""), request.remote_addr or ""
    session = sessions.start_session(current_build().settings, user, user_agent=user_agent, address=address)
    return _hand_over(session, user, in_cookies)


@authentication.needing("the refresh token")
def may_refresh():
    """Guard of a refresh: a token that is not good counts for the client's address, none at all does not."""
    if tokens.FORMER_REFRESH_COOKIE in request.cookies:
        after_this_request(tokens.remove_former_cookie)
    with limits.counting_failures() if authentication.has_bad_token() else nullcontext():
        authentication.refresh_claims()


@blp.post("/refresh")
@blp.guard(may_refresh)
@blp.response(200, TokensSchema)
@blp.fails(401, 403, 429)
@blp.doc(operationId="auth_refresh")
def refresh():
    """Exchange the refresh token, sent as Bearer or as its cookie, for new tokens

    A refresh token is good once.
    """
    session_id, refresh_id = authentication.refresh_claims()
    limits.count_session(session_id)
    with limits.counting_failures():
        session, user = sessions.rotate_session(current_build().settings, session_id, refresh_id)
    return _hand_over(session, user, authentication.came_in_cookies())


def _hand_over(session, user, in_cookies):
    """Return the answer of a sign-in; the tokens are in it, or in the cookies of the response."""
    issued = tokens.issue_tokens(session)
    if in_cookies:
        after_this_request(partial(_with_cookies, issued))
        issued = issued | {"access_token": None, "refresh_token": None, "token_type": "Cookie"}
    return issued | {"user": user}


def _with_cookies(issued, response):
    tokens.move_to_cookies(response, issued)
    return response


def _without_cookies(response):
    tokens.remove_cookies(response)
    return response


@blp.post("/logout")
@blp.guard(authentication.actor_in_session)
@blp.response(200)
@blp.fails(401, 403)
@blp.doc(operationId="auth_logout")
def logout():
    """End this session"""
    actor = authentication.actor_in_session()
    sessions.end_session(actor, actor.session_id)
    if authentication.came_in_cookies():
        after_this_request(_without_cookies)


@blp.get("/me")
@blp.guard(authentication.signed_in_actor)
@blp.response(200, OwnAccountSchema)
@blp.fails(401, 403)
@blp.doc(operationId="auth_me")
def me():
    """Show who is signed in"""
    return users.get_user(authentication.signed_in_actor().user_id)


@blp.patch("/me")
@blp.guard(authentication.actor_in_session)
@blp.arguments(ProfileSchema)
@blp.response(200, OwnAccountSchema)
@blp.fails(400, 401, 403, 415)
@blp.doc(operationId="auth_update_me")
def update_me(data):
    """Change your own account"""
    return user_updates.update_own_user(authentication.actor_in_session(), data)


@blp.post("/password")
@blp.guard(authentication.actor_in_session)
@limits.sign_in
@blp.arguments(PasswordSchema)
@blp.response(200)
@blp.fails(400, 401, 403, 415, 429, 503)
@blp.doc(operationId="auth_change_password")
def change_password(data):
    """Change your password

    All your other sessions end.
    """
    actor = authentication.actor_in_session()
    limits.count_session(actor.session_id)
    sign_in.change_password(actor, **data)
