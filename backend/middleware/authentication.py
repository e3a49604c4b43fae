"""Bearer tokens: issuing them, and finding out who makes a request."""

import hashlib
import time
import uuid
from datetime import timedelta
from typing import NamedTuple

import jwt
from flask import current_app, request
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from peewee import PeeweeException
from playhouse.pool import MaxConnectionsExceeded

from backend.services import audit, sessions
from backend.services.actors import PUBLIC, Actor
from backend.services.errors import Denied, Unauthenticated
from backend.services.policies import require_permission

ISSUER = "larder"
IDENTITY = "larder.identity"  # the key in the WSGI environment
REMEMBERED_TOKENS = 10_000

# Claims of verified tokens by the hash of the token. A signature needs checking once only; whether the session is
# still good is asked at every request.
_verified = {}


class Identity(NamedTuple):
    """What the start of a request found out; `failure` is what current_actor raises."""

    generation: int | None
    actor: Actor = PUBLIC
    claims: dict | None = None
    failure: Exception | None = None


def init_app(app, settings, secret_key):
    """Set up flask-jwt-extended, which makes and reads the tokens."""
    app.config.update(
        JWT_SECRET_KEY=secret_key,
        JWT_ALGORITHM="HS256",
        JWT_ENCODE_ISSUER=ISSUER,
        JWT_DECODE_ISSUER=ISSUER,
        JWT_ACCESS_TOKEN_EXPIRES=timedelta(seconds=settings.access_token_seconds),
        JWT_REFRESH_TOKEN_EXPIRES=timedelta(seconds=settings.refresh_token_seconds),
    )
    JWTManager(app)


def identify(app, environ):
    """Return the Identity of a request: the generation in force and the actor, by one read of the database.

    Nothing is raised here: a request that needs no actor is not to fail because of its token.
    """
    claims, failure = None, None
    try:
        claims = _claims(app, environ.get("HTTP_AUTHORIZATION"))
    except Unauthenticated as error:
        failure = error
    try:
        standing = sessions.stand(claims and claims["sid"])
    except (PeeweeException, MaxConnectionsExceeded) as error:
        return Identity(None, failure=error)
    if claims is not None and standing.actor is None:
        failure = Unauthenticated("The session has ended; sign in again.")
    return Identity(standing.generation, standing.actor or PUBLIC, claims, failure)


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


def known_actor():
    """Return the Actor of this request, PUBLIC for a token that is not good."""
    try:
        return current_actor()
    except (Unauthenticated, PeeweeException, MaxConnectionsExceeded):
        return PUBLIC


@needing("a sign-in")
def signed_in_actor():
    """Return the Actor of this request; raise Unauthenticated when nobody is signed in."""
    actor = current_actor()
    if actor.user_id is None:
        raise Unauthenticated()
    return actor


@needing("nothing")
def anybody():
    """Guard of a view that everybody may call, with whatever token."""


def permission(*any_of):
    """Return the guard of a view that needs one of the permissions, such as `resources:write`.

    A refusal goes into the audit trail, unless nobody is signed in: strangers are not to fill it.
    """

    def check():
        actor = current_actor()
        try:
            require_permission(actor, *any_of)
        except Denied:
            audit.record(actor, "call.refuse", ("path", request.path), method=request.method, needs=list(any_of))
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


def issue_tokens(session):
    """Return the access and the refresh token of a session, as the answer of a sign-in carries them."""
    claims = {"sid": session.id}
    return {
        "access_token": create_access_token(session.user_id, additional_claims=claims),
        # The session knows the one refresh token that is good by its `jti`.
        "refresh_token": create_refresh_token(session.user_id, additional_claims=claims | {"jti": session.refresh_id}),
        "token_type": "Bearer",
        "expires_in": int(current_app.config["JWT_ACCESS_TOKEN_EXPIRES"].total_seconds()),
    }


def _claims(app, header):
    """Return the claims of the bearer token in the header, None without one; raise Unauthenticated."""
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("The Authorization header must be `Bearer` and a token.")
    digest = hashlib.sha256(token.encode("latin-1", "replace")).digest()
    claims = _verified.get(digest)
    if claims is None:
        claims = _verify(app, token.strip())
        if len(_verified) >= REMEMBERED_TOKENS:
            _verified.clear()
        _verified[digest] = claims
    if claims["exp"] <= time.time():
        _verified.pop(digest, None)
        raise Unauthenticated("The token has expired.")
    return claims


def _verify(app, token):
    try:
        with app.app_context():
            claims = decode_token(token)
    except jwt.ExpiredSignatureError as error:
        raise Unauthenticated("The token has expired.") from error
    except (jwt.InvalidTokenError, JWTExtendedException) as error:
        raise Unauthenticated("The token is not valid.") from error
    # A right signature is no proof of right claims: another program may hold the key too.
    if not isinstance(claims.get("exp"), int | float) or not _is_id(claims.get("sid")) or not _is_id(claims["jti"]):
        raise Unauthenticated("The token is not valid.")
    return claims


def _is_id(claim):
    """Tell whether this is the text of a UUID; Postgres fails at a comparison with anything else."""
    try:
        return isinstance(claim, str) and bool(uuid.UUID(claim))
    except ValueError:
        return False
