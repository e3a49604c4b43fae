"""Signed tokens: making them, reading them from a header or a cookie, and the keys that sign them."""

import hashlib
import hmac
import time
import uuid
from datetime import timedelta

import jwt
from flask import current_app
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    decode_token,
    set_access_cookies,
    set_refresh_cookies,
    unset_jwt_cookies,
)
from flask_jwt_extended.exceptions import JWTExtendedException

from backend.services.errors import Denied, Unauthenticated
from backend.services.operation.metrics import metrics
from backend.utils.cookies import cookie_value

ISSUER, AUDIENCE = "larder", "larder-api"
REMEMBERED_TOKENS = 10_000
REFRESH_PATH = "/api/v1/auth/refresh"
FORMER_REFRESH_COOKIE = "__Secure-refresh_token"  # which another host below the same name could plant
CLOCK_LEEWAY_SECONDS = 60
CSRF_HEADER = "X-CSRF-TOKEN"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

# Claims of verified tokens by the hash of the token. A signature needs checking once only; whether the session is
# still good is asked at every request.
_verified = {}


def init_app(app, settings, secret_keys):
    """Set up flask-jwt-extended; of the keys the first signs, and all are good for what they have signed."""
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
        # Of these names browsers take a cookie only over TLS and only from this very host: decisions/024.
        JWT_ACCESS_COOKIE_NAME="access_token" if settings.is_local else "__Host-access_token",
        JWT_REFRESH_COOKIE_NAME="refresh_token" if settings.is_local else "__Host-refresh_token",
        JWT_REFRESH_COOKIE_PATH=REFRESH_PATH if settings.is_local else "/",  # which `__Host-` asks for
        # For `iat` and `nbf`, as clocks of hosts differ; read_claims looks at `exp` without it.
        JWT_DECODE_LEEWAY=CLOCK_LEEWAY_SECONDS,
        SIGNING_KEY_ID=key_id(secret_keys[0]),
    )
    manager = JWTManager(app)
    manager.encode_key_loader(lambda identity: secret_keys[0])

    @manager.decode_key_loader
    def find_key(header, payload):
        try:
            return keys[header["kid"]]
        except (KeyError, TypeError) as error:
            raise jwt.InvalidTokenError("no key of this id") from error


def key_id(key):
    """Return the `kid` by which a token names the key that signed it."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def issue_tokens(session):
    """Return the access and the refresh token of a session, as the answer of a sign-in carries them."""
    options = {"additional_headers": {"kid": current_app.config["SIGNING_KEY_ID"]}}
    claims = {"sid": session.id}
    return {
        "access_token": create_access_token(session.user_id, additional_claims=claims, **options),
        # The session knows the one refresh token that is good by its `jti`.
        "refresh_token": create_refresh_token(
            session.user_id, additional_claims=claims | {"jti": session.refresh_id}, **options
        ),
        "token_type": "Bearer",
        "expires_in": int(current_app.config["JWT_ACCESS_TOKEN_EXPIRES"].total_seconds()),
    }


def move_to_cookies(response, tokens):
    """Set the tokens as cookies of the response, for as long as each is good."""
    config = current_app.config
    for name, set_cookies in (("access", set_access_cookies), ("refresh", set_refresh_cookies)):
        seconds = int(config[f"JWT_{name.upper()}_TOKEN_EXPIRES"].total_seconds())
        set_cookies(response, tokens[f"{name}_token"], max_age=seconds)


def remove_cookies(response):
    """Make the browser forget its tokens."""
    unset_jwt_cookies(response)


def remove_former_cookie(response):
    """Make the browser forget a refresh token of the former name, which nothing reads."""
    response.delete_cookie(FORMER_REFRESH_COOKIE, path=REFRESH_PATH, secure=True, httponly=True, samesite="Lax")
    return response


def bearer_token(header):
    """Return what follows `Bearer` in an Authorization header; raise Unauthenticated."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("The Authorization header must be `Bearer` and a token.")
    return token.strip()


def cookie_claims(app, environ):
    """Return the claims of the token in a cookie, None without a good one: no script could remove a bad one.

    Raises Denied unless a call that may change something repeats the token's CSRF value in the header, which another
    site cannot know.
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
    given = environ.get("HTTP_X_CSRF_TOKEN", "")
    if not hmac.compare_digest(given.encode("latin-1", "replace"), str(claims.get("csrf")).encode()):
        raise Denied(f"A call with cookies that may change something needs the header {CSRF_HEADER}.")
    return claims


def read_claims(app, token):
    """Return the claims of a token; raise Unauthenticated for one that is not good."""
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
