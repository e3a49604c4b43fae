"""Who makes a request: the actor behind its token, cookie or API key, and the guards of views."""

from typing import NamedTuple

from flask import request

from backend.middleware import tokens
from backend.models.database import DATABASE_ERRORS
from backend.services.access import audit
from backend.services.access.actors import PUBLIC, Actor
from backend.services.access.permissions import require_permission
from backend.services.accounts import api_keys, sessions
from backend.services.errors import Denied, LarderError, Unauthenticated

IDENTITY = "larder.identity"  # the key in the WSGI environment


class Identity(NamedTuple):
    """What the start of a request found out; `failure` is what current_actor raises.

    `in_cookies` tells whether its tokens came in cookies, and so where new ones go.
    """

    generation: int | None
    actor: Actor = PUBLIC
    claims: dict | None = None
    failure: Exception | None = None
    in_cookies: bool = False


def identify(app, environ):
    """Return the Identity of a request: the generation in force and the actor, by one read of the database.

    Nothing is raised here: a request that needs no actor is not to fail because of its token.
    """
    claims, key, failure, header = None, None, None, environ.get("HTTP_AUTHORIZATION")
    in_cookies = header is None and "HTTP_COOKIE" in environ
    try:
        if header is not None:
            token = tokens.bearer_token(header)
            if token.startswith(api_keys.PREFIX):
                key = token
            else:
                claims = tokens.read_claims(app, token)
        elif in_cookies:
            claims = tokens.cookie_claims(app, environ)
    except LarderError as error:
        failure = error
    try:
        caller = api_keys.find_key(key) if key else sessions.find_session(claims and claims["sid"])
    except DATABASE_ERRORS as error:
        return Identity(None, failure=error)
    if caller.actor is None:
        if key:
            failure = Unauthenticated("The API key is not valid, or has ended.")
        elif claims and in_cookies:
            claims = None  # as with any other bad cookie
        elif claims:
            failure = Unauthenticated("The session has ended; sign in again.")
    return Identity(caller.generation, caller.actor or PUBLIC, claims, failure, in_cookies and claims is not None)


def needing(what):
    """Return the decorator of a guard that says, for the document, what it needs."""

    def decorator(check):
        check.needs = what
        return check

    return decorator


def current_actor():
    """Return the Actor of this request; raise Unauthenticated for a token that is not, or no longer, good."""
    identity = request.environ[IDENTITY]
    if identity.failure is not None:
        raise identity.failure
    if identity.claims is not None and identity.claims["type"] != "access":
        raise Unauthenticated("This is a refresh token; send the access token.")
    return identity.actor


def renewed_actor(resource):
    """Return the Actor of this request as they stand now, for what takes long; a token may have expired meanwhile.

    Raises Unauthenticated if the session or the key has ended, Unavailable if the resource has another definition.
    """
    identity = request.environ[IDENTITY]
    actor = current_actor()
    if actor.api_key_id is not None:
        caller = api_keys.find_key(tokens.bearer_token(request.environ["HTTP_AUTHORIZATION"]))
    else:
        caller = sessions.find_session(identity.claims and identity.claims["sid"])
    if actor.is_signed_in and caller.actor is None:
        raise Unauthenticated("The session or the API key has ended.")
    resource.require_in_force(caller.generation)
    return caller.actor or PUBLIC


def known_actor():
    """Return the Actor of this request, PUBLIC for a token that is not good."""
    try:
        return current_actor()
    except (Unauthenticated, *DATABASE_ERRORS):
        return PUBLIC


@needing("a sign-in")
def signed_in_actor():
    """Return the Actor of this request; raise Unauthenticated when nobody is signed in."""
    actor = current_actor()
    if actor.user_id is None:
        raise Unauthenticated()
    return actor


@needing("a session")
def actor_in_session():
    """Return the Actor of this request, a person; raise Unauthenticated, or Denied for an API key."""
    actor = signed_in_actor()
    if actor.session_id is None:
        raise Denied("An API key may not do this; sign in.")
    return actor


def person(guard):
    """Return the guard that lets only a person in a session pass, and only if `guard` does."""

    def check():
        guard()
        actor_in_session()

    return needing(f"{guard.needs}, in a session")(check)


@needing("nothing")
def anybody():
    """Guard of a view that everybody may call, with whatever token."""


def permission(*any_of):
    """Return the guard of a view that needs one of the permissions, such as `resources:write`.

    A refusal is counted in the audit trail, unless nobody is signed in: strangers must not fill it. Nor must anybody by
    the paths they choose, so the trail names the route.
    """

    def check():
        actor = current_actor()
        try:
            require_permission(actor, *any_of)
        except Denied:
            route = ("route", request.url_rule.rule)
            audit.count(actor, "call.refuse", route, method=request.method, needs=list(any_of))
            raise

    return needing(f"permission {' or '.join(any_of)}")(check)


@needing("the refresh token")
def refresh_claims():
    """Return (session id, refresh id) of the refresh token in this request; raise Unauthenticated."""
    identity = request.environ[IDENTITY]
    if identity.failure is not None:
        raise identity.failure
    if identity.claims is None or identity.claims["type"] != "refresh":
        raise Unauthenticated("Send the refresh token as `Authorization: Bearer`.")
    return identity.claims["sid"], identity.claims["jti"]


def has_bad_token():
    """Tell whether this request came with a token, or an API key, that is not good; a cookie counts as none."""
    return request.environ[IDENTITY].failure is not None


def came_in_cookies():
    """Tell whether the tokens of this request are cookies."""
    return request.environ[IDENTITY].in_cookies
