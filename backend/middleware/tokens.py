"""Access and refresh tokens: issuing them, reading them from a header or a cookie, and their signing keys."""

import hashlib
import hmac
import time
import uuid
from datetime import timedelta
from typing import Any, TypedDict
from wsgiref.types import WSGIEnvironment

import jwt
from flask import Flask, Response, current_app
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    decode_token,
    get_csrf_token,
    set_access_cookies,
    set_refresh_cookies,
    unset_jwt_cookies,
)
from flask_jwt_extended.exceptions import JWTExtendedException

from backend.config.settings import Settings
from backend.models.session import Session
from backend.services.errors import Denied, Unauthenticated
from backend.services.operation.metrics import metrics
from backend.utils.cookies import cookie_value

ISSUER, AUDIENCE = "larder", "larder-api"
REMEMBERED_TOKENS = 10_000
REFRESH_PATH = "/api/v1/auth/refresh"
NO_TOKENS = ("undefined", "null", "None", "[object Object]")  # what scripts send that have no token yet
FORMER_REFRESH_COOKIE = "__Secure-refresh_token"  # the name in earlier versions; other hosts of the domain can set it
CLOCK_LEEWAY_SECONDS = 60
CSRF_HEADER = "X-CSRF-TOKEN"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

Claims = dict[str, Any]  # of a token whose signature is valid


class IssuedTokens(TypedDict):
    """The tokens of a session, in the form of the response to a sign-in."""

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int  # seconds


# Map of token hash to claims. A signature is verified only once, but the session is looked up at every request.
_verified: dict[bytes, Claims] = {}


def init_app(app: Flask, settings: Settings, secret_keys: list[str]) -> None:
    """Set up flask-jwt-extended. The first key signs new tokens; tokens signed with any of the keys are valid."""
    keys = {key_id(key): key for key in secret_keys}
    app.config.update(
        JWT_ALGORITHM="HS256",
        JWT_ENCODE_ISSUER=ISSUER,
        JWT_DECODE_ISSUER=ISSUER,
        JWT_ENCODE_AUDIENCE=AUDIENCE,
        JWT_DECODE_AUDIENCE=AUDIENCE,
        JWT_ACCESS_TOKEN_EXPIRES=timedelta(seconds=settings.access_token_seconds),
        JWT_REFRESH_TOKEN_EXPIRES=timedelta(seconds=settings.refresh_token_seconds),
        JWT_TOKEN_LOCATION=["headers", "cookies"],
        JWT_COOKIE_SECURE=not settings.is_local,
        JWT_COOKIE_SAMESITE="Lax",
        # Browsers accept cookies with this prefix only over TLS and only from this host: decisions/024.
        JWT_ACCESS_COOKIE_NAME="access_token" if settings.is_local else "__Host-access_token",
        JWT_REFRESH_COOKIE_NAME="refresh_token" if settings.is_local else "__Host-refresh_token",
        JWT_REFRESH_COOKIE_PATH=f"{settings.public_path}{REFRESH_PATH}"
        if settings.is_local
        else "/",  # as `__Host-` requires
        # For `iat` and `nbf`, because the clocks of hosts differ. read_claims checks `exp` without leeway.
        JWT_DECODE_LEEWAY=CLOCK_LEEWAY_SECONDS,
        SIGNING_KEY_ID=key_id(secret_keys[0]),
    )
    manager = JWTManager(app)
    manager.encode_key_loader(lambda identity: secret_keys[0])

    @manager.decode_key_loader
    def signing_key(header: dict[str, Any], payload: dict[str, Any]) -> str:
        try:
            return keys[header["kid"]]
        except (KeyError, TypeError) as error:
            raise jwt.InvalidTokenError("no key of this id") from error


def key_id(key: str) -> str:
    """Return the `kid` of a key: it is in the header of the tokens that the key signs."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def issue_tokens(session: Session) -> IssuedTokens:
    """Return a new access token and the current refresh token of a session."""
    options: dict[str, Any] = {"additional_headers": {"kid": current_app.config["SIGNING_KEY_ID"]}}
    claims = {"sid": session.id}
    return {
        "access_token": create_access_token(session.user_id, additional_claims=claims, **options),
        # The session stores the `jti` of its only valid refresh token.
        "refresh_token": create_refresh_token(
            session.user_id, additional_claims=claims | {"jti": session.refresh_id}, **options
        ),
        "token_type": "Bearer",
        "expires_in": int(current_app.config["JWT_ACCESS_TOKEN_EXPIRES"].total_seconds()),
    }


def set_cookies(response: Response, issued: IssuedTokens) -> None:
    """Set the tokens as cookies of the response; each cookie expires with its token."""
    config = current_app.config
    access_seconds = int(config["JWT_ACCESS_TOKEN_EXPIRES"].total_seconds())
    refresh_seconds = int(config["JWT_REFRESH_TOKEN_EXPIRES"].total_seconds())
    set_access_cookies(response, issued["access_token"], max_age=access_seconds)
    set_refresh_cookies(response, issued["refresh_token"], max_age=refresh_seconds)


def csrf_values(issued: IssuedTokens) -> dict[str, str]:
    """Return the CSRF values of the tokens, by the names of their cookies."""
    return {f"csrf_{name}": get_csrf_token(issued[name]) for name in ("access_token", "refresh_token")}


def remove_cookies(response: Response) -> Response:
    """Make the browser delete its token cookies; return the response."""
    unset_jwt_cookies(response)
    return response


def remove_former_cookie(response: Response) -> Response:
    """Make the browser delete FORMER_REFRESH_COOKIE, which is no longer read; return the response."""
    response.delete_cookie(FORMER_REFRESH_COOKIE, path=REFRESH_PATH, secure=True, httponly=True, samesite="Lax")
    return response


def bearer_token(header: str) -> str:
    """Return the token after `Bearer`. Raises Unauthenticated if the Authorization header has a different form."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("The Authorization header must be `Bearer` and a token.")
    if token.strip() in NO_TOKENS:
        raise Unauthenticated(f"The token is the word {token.strip()}: the client sends a variable without a value.")
    return token.strip()


def cookie_claims(app: Flask, environ: WSGIEnvironment) -> Claims | None:
    """Return the claims of the token in a cookie; None if there is none or it is not valid.

    A cookie that is not valid is no error, because no script of the client could remove it. Raises Denied if the
    request can change something and its header lacks the token's CSRF value, which other sites cannot know.
    """
    header, config = environ.get("HTTP_COOKIE", ""), app.config
    is_refresh = environ["PATH_INFO"] == REFRESH_PATH
    token = cookie_value(header, config["JWT_REFRESH_COOKIE_NAME"]) if is_refresh else None
    token = token or cookie_value(header, config["JWT_ACCESS_COOKIE_NAME"])
    try:
        claims = read_claims(app, token) if token else None
    except Unauthenticated:
        return None
    if claims is None or environ["REQUEST_METHOD"] in SAFE_METHODS:
        return claims
    sent = environ.get("HTTP_X_CSRF_TOKEN", "")
    if not hmac.compare_digest(sent.encode("latin-1", "replace"), str(claims.get("csrf")).encode()):
        raise Denied(f"A request with cookies that may change something needs the header {CSRF_HEADER}.")
    return claims


def read_claims(app: Flask, token: str) -> Claims:
    """Return the claims of a token. Raises Unauthenticated if it is not valid, or has expired."""
    digest = hashlib.sha256(token.encode("latin-1", "replace")).digest()
    claims = _verified.get(digest)
    metrics.count_lookup("tokens", claims is not None)
    if claims is None:
        claims = _verify(app, token)
        if len(_verified) >= REMEMBERED_TOKENS:
            _verified.clear()
        _verified[digest] = claims
    if claims["exp"] <= time.time():
        _verified.pop(digest, None)
        raise Unauthenticated("The token has expired.")
    return claims


def _verify(app: Flask, token: str) -> Claims:
    try:
        with app.app_context():
            claims: Claims = decode_token(token)
    except jwt.ExpiredSignatureError as error:
        raise Unauthenticated("The token has expired.") from error
    except (jwt.InvalidTokenError, JWTExtendedException) as error:
        raise Unauthenticated("The token is not valid.") from error
    # A valid signature does not prove valid claims: another program may use the same key.
    if not isinstance(claims.get("exp"), int | float) or not _is_id(claims.get("sid")) or not _is_id(claims["jti"]):
        raise Unauthenticated("The token is not valid.")
    return claims


def _is_id(claim: object) -> bool:
    """Return whether this is the text of a UUID. Postgres raises if a UUID column is compared with anything else."""
    try:
        return isinstance(claim, str) and bool(uuid.UUID(claim))
    except ValueError:
        return False
