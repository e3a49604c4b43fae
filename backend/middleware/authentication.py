"""Authentication: finds the actor of a request by its token, cookie or API key."""

from typing import NamedTuple
from wsgiref.types import WSGIEnvironment

from flask import Flask, request

from backend.middleware import tokens
from backend.models.database import DATABASE_ERRORS
from backend.services.access.actors import PUBLIC, Actor, Caller
from backend.services.accounts import api_keys, sessions
from backend.services.definitions.catalog import Resource
from backend.services.errors import LarderError, Unauthenticated

IDENTITY = "larder.identity"  # the key in the WSGI environment


class Credentials(NamedTuple):
    """The token or API key of a request, before it is looked up in the database.

    `claims` are those of a token with a valid signature. `failure` is the error if a token has none.
    """

    claims: tokens.Claims | None = None
    api_key: str | None = None
    failure: LarderError | None = None
    in_cookies: bool = False


class Identity(NamedTuple):
    """Who makes a request, and the generation when it began; `failure` is the error that current_actor raises.

    `generation` is None if the database failed. `in_cookies` says that the tokens were sent as cookies, so new ones are
    set as cookies, too.
    """

    generation: int | None
    actor: Actor = PUBLIC
    claims: tokens.Claims | None = None
    failure: Exception | None = None
    in_cookies: bool = False


def identify(app: Flask, environ: WSGIEnvironment) -> Identity:
    """Return the Identity of a request, with one database query.

    Authentication errors are not raised here but stored as `failure`: a token that is not valid must not fail a
    request that needs no token.
    """
    credentials = _read_credentials(app, environ)
    claims, failure = credentials.claims, credentials.failure
    try:
        caller = _find_caller(credentials)
    except DATABASE_ERRORS as error:
        return Identity(None, failure=error)
    if caller.actor is None:
        if credentials.api_key:
            failure = Unauthenticated("The API key is not valid, or it was revoked or has expired.")
        elif claims and credentials.in_cookies:
            claims = None  # a cookie that is not valid is ignored
        elif claims:
            failure = Unauthenticated("The session has ended; sign in again.")
    in_cookies = credentials.in_cookies and claims is not None
    return Identity(caller.generation, caller.actor or PUBLIC, claims, failure, in_cookies)


def _read_credentials(app: Flask, environ: WSGIEnvironment) -> Credentials:
    header = environ.get("HTTP_AUTHORIZATION")
    try:
        if header is not None:
            token = tokens.bearer_token(header)
            if token.startswith(api_keys.PREFIX):
                return Credentials(api_key=token)
            return Credentials(tokens.read_claims(app, token))
        if "HTTP_COOKIE" in environ:
            return Credentials(tokens.cookie_claims(app, environ), in_cookies=True)
    except LarderError as error:
        return Credentials(failure=error)
    return Credentials()


def _find_caller(credentials: Credentials) -> Caller:
    if credentials.api_key:
        return api_keys.find_key(credentials.api_key)
    return sessions.find_caller(credentials.claims["sid"] if credentials.claims else None)


def _identity() -> Identity:
    identity: Identity = request.environ[IDENTITY]
    return identity


def current_actor() -> Actor:
    """Return what actor_of returns for this request."""
    return actor_of(_identity())


def actor_of(identity: Identity) -> Actor:
    """Return the Actor of a request; it is PUBLIC if there is no token.

    Raises Unauthenticated if the token or API key is not valid, and Denied if cookies came without the CSRF header.
    """
    if identity.failure is not None:
        raise identity.failure
    if identity.claims is not None and identity.claims["type"] != "access":
        raise Unauthenticated("This is a refresh token; send the access token.")
    return identity.actor


def reload_actor(resource: Resource) -> Actor:
    """Read the Actor of this request again, during requests that take long. Their token may have expired meanwhile.

    Raises Unauthenticated if the session has ended or the API key is no longer valid, and Unavailable if the resource
    has a new definition.
    """
    actor = current_actor()
    if actor.api_key_id is not None:
        caller = api_keys.find_key(tokens.bearer_token(request.environ["HTTP_AUTHORIZATION"]))
    else:
        claims = _identity().claims
        caller = sessions.find_caller(claims["sid"] if claims else None)
    if actor.is_signed_in and caller.actor is None:
        raise Unauthenticated("The session has ended, or the API key was revoked or has expired.")
    resource.require_in_force(caller.generation)
    return caller.actor or PUBLIC


def actor_or_public() -> Actor:
    """Return the Actor of this request; return PUBLIC if its token is not valid. Raises DATABASE_ERRORS."""
    try:
        return current_actor()
    except Unauthenticated:
        return PUBLIC


def is_asked_by_admin() -> bool:
    """Return whether an admin makes this request; False also if the token is not valid, or if the database failed."""
    try:
        return current_actor().is_admin
    except (Unauthenticated, *DATABASE_ERRORS):
        return False


def refresh_claims() -> tuple[str, str]:
    """Return (session id, `jti`) of the refresh token in this request.

    Raises Unauthenticated if there is no valid refresh token, and Denied if its cookie came without the CSRF header.
    """
    identity = _identity()
    if identity.failure is not None:
        raise identity.failure
    if identity.claims is None or identity.claims["type"] != "refresh":
        raise Unauthenticated("Send the refresh token as `Authorization: Bearer`.")
    return identity.claims["sid"], identity.claims["jti"]


def has_invalid_token() -> bool:
    """Return whether this request has an invalid token or API key. An invalid cookie is ignored."""
    return _identity().failure is not None


def uses_cookies() -> bool:
    """Return whether the tokens of this request were sent as cookies."""
    return _identity().in_cookies
