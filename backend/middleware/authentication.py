"""Who makes a request: the actor of its token, cookie or API key."""

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
    """The token or API key of a request, before the database is asked about it.

    `claims` are those of a token with a valid signature, `failure` is why there are none.
    """

    claims: tokens.Claims | None = None
    api_key: str | None = None
    failure: LarderError | None = None
    in_cookies: bool = False


class Identity(NamedTuple):
    """Who makes a request, and the generation in force when it began; `failure` is what current_actor raises.

    `in_cookies` says that the tokens came in cookies, so new ones are set as cookies too.
    """

    generation: int | None
    actor: Actor = PUBLIC
    claims: tokens.Claims | None = None
    failure: Exception | None = None
    in_cookies: bool = False


def identify(app: Flask, environ: WSGIEnvironment) -> Identity:
    """Return the Identity of a request, by one read of the database.

    Nothing is raised here: a token that is not valid must not fail a request that needs no token.
    """
    credentials = _read_credentials(app, environ)
    claims, failure = credentials.claims, credentials.failure
    try:
        caller = _find_caller(credentials)
    except DATABASE_ERRORS as error:
        return Identity(None, failure=error)
    if caller.actor is None:
        if credentials.api_key:
            failure = Unauthenticated("The API key is not valid, or has ended.")
        elif claims and credentials.in_cookies:
            claims = None  # ignored, as every cookie that is not valid
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
    return sessions.find_session(credentials.claims["sid"] if credentials.claims else None)


def _identity() -> Identity:
    identity: Identity = request.environ[IDENTITY]
    return identity


def current_actor() -> Actor:
    """Return the Actor of this request; raise Unauthenticated for a token that is not, or no longer, valid."""
    identity = _identity()
    if identity.failure is not None:
        raise identity.failure
    if identity.claims is not None and identity.claims["type"] != "access":
        raise Unauthenticated("This is a refresh token; send the access token.")
    return identity.actor


def renewed_actor(resource: Resource) -> Actor:
    """Return the Actor of this request as of now, for requests that take long; their token may have expired since.

    Raises Unauthenticated if the session or the API key has ended, Unavailable if the resource has a new definition.
    """
    actor = current_actor()
    if actor.api_key_id is not None:
        caller = api_keys.find_key(tokens.bearer_token(request.environ["HTTP_AUTHORIZATION"]))
    else:
        claims = _identity().claims
        caller = sessions.find_session(claims["sid"] if claims else None)
    if actor.is_signed_in and caller.actor is None:
        raise Unauthenticated("The session or the API key has ended.")
    resource.require_in_force(caller.generation)
    return caller.actor or PUBLIC


def known_actor() -> Actor:
    """Return the Actor of this request, or PUBLIC for a token that is not valid."""
    try:
        return current_actor()
    except (Unauthenticated, *DATABASE_ERRORS):
        return PUBLIC


def refresh_claims() -> tuple[str, str]:
    """Return (session id, refresh id) of the refresh token in this request; raise Unauthenticated."""
    identity = _identity()
    if identity.failure is not None:
        raise identity.failure
    if identity.claims is None or identity.claims["type"] != "refresh":
        raise Unauthenticated("Send the refresh token as `Authorization: Bearer`.")
    return identity.claims["sid"], identity.claims["jti"]


def has_bad_token() -> bool:
    """Tell whether this request has a token or an API key that is not valid; cookies do not count."""
    return _identity().failure is not None


def came_in_cookies() -> bool:
    """Tell whether the tokens of this request are cookies."""
    return _identity().in_cookies
