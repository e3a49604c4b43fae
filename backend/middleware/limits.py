"""Limits, counted by flask-limiter: strict ones for sign-in calls, wide ones for all requests (docs/decisions/027)."""

import hashlib
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from wsgiref.types import WSGIEnvironment

from flask import Response, g, request
from flask_limiter import Limiter, RequestLimit
from limits import RateLimitItem, parse_many
from werkzeug.exceptions import TooManyRequests

from backend.config.settings import Settings
from backend.middleware.admission import was_admitted
from backend.middleware.app import App
from backend.middleware.authentication import IDENTITY
from backend.middleware.limit_fallback import FallbackStorage
from backend.services.access.actors import Actor
from backend.services.errors import Unauthenticated
from backend.services.operation.metrics import metrics
from backend.utils.addresses import subscriber
from backend.utils.emails import comparable_email

KEY_PREFIX = "larder"
SIGN_IN_SCOPE = "sign_in"
FROM_ADDRESS = "sign-ins from this address"
FOR_ACCOUNT = "sign-ins for this account"
IN_SESSION = "calls in this session"
BATCHES = 100  # a process adds its requests to the shared count after each hundredth of a wide limit
REMEMBERED_KEYS = 100_000


class BatchedLimit:
    """A limit so wide that its hits are counted here first, and added to the shared count in batches.

    Counting each would cost a request a tenth of its time. So a process may admit a hundredth more.
    """

    def __init__(self, limit: RateLimitItem, count: Callable[[RateLimitItem, str, int], int | None]) -> None:
        self._limit, self._count = limit, count
        self._batch = max(1, limit.amount // BATCHES)
        self._hits: dict[str, int] = {}

    def hit(self, key: str, hits: int) -> int | None:
        """Count hits for `key`; return None, or, beyond the limit, the seconds until its window ends."""
        hits += self._hits.get(key, 0)
        if hits < self._batch:
            self._hits[key] = hits
            return None
        seconds = self._count(self._limit, key, hits)
        # The hits of a caller who is refused stay, so that each request counts until the window ends.
        if seconds is None:
            if len(self._hits) >= REMEMBERED_KEYS:
                self._hits.clear()
            self._hits[key] = 0
        return seconds


class Limits:
    """The limits of the settings, once they are open, and the Limiter that counts."""

    def __init__(self) -> None:
        self._limiter = Limiter(_address_key, key_prefix=KEY_PREFIX, on_breach=_note_breach)
        # The decorator of a sign-in call: counts it for the client's address before anything of it is read.
        self.sign_in = self._limiter.shared_limit(
            lambda: self._sign_in_text,
            scope=SIGN_IN_SCOPE,
            error_message=lambda: _too_many(FROM_ADDRESS, g.refused_seconds),
        )

    def open(self, settings: Settings) -> None:
        """Limit as the settings say."""
        self._sign_in_text = "" if settings.rate_limit_auth == "off" else settings.rate_limit_auth
        self._sign_in = parse_many(self._sign_in_text) if self._sign_in_text else []
        wide = [] if settings.rate_limit == "off" else parse_many(settings.rate_limit)
        self._wide = [BatchedLimit(limit, self._hit) for limit in wide]
        # Until when a key is refused: a client that does not wait costs no further count.
        self._refused_until: dict[tuple[RateLimitItem, str], float] = {}

    def init_app(self, app: App) -> None:
        """Have the Limiter count in the storage of the settings."""
        app.config.update(
            RATELIMIT_STORAGE_URI=f"{FallbackStorage.STORAGE_SCHEME[0]}://",
            RATELIMIT_STORAGE_OPTIONS={"shared_uri": _storage_uri(app.settings)},
        )
        # Already an extension of the app, the Limiter adds no hooks to each request: its decorator needs none.
        app.extensions["limiter"] = {self._limiter}
        self._limiter.init_app(app)

    def count_request(self, environ: WSGIEnvironment) -> None:
        """Count a request, but not for `/health/live`; preflights of browsers too.

        Raises TooManyRequests beyond the limit.
        """
        identity = environ.get(IDENTITY)  # `/health/live` has none
        if self._wide and identity is not None and not was_admitted(environ):  # counted when it was admitted
            self._count(environ, identity.actor, 1)

    def count_more(self, hits: int) -> None:
        """Count a request that does the work of several as that many more; raise TooManyRequests beyond the limit."""
        if hits:
            self._count(request.environ, request.environ[IDENTITY].actor, hits)

    def count_account(self, email: str) -> None:
        """Count a sign-in call for the account of the address that it is about.

        Raises TooManyRequests beyond the limit. Call it before anything is looked up or hashed.
        """
        self._count_sign_in(f"account:{_account_key(email)}", what=FOR_ACCOUNT)

    def count_session(self, session_id: str) -> None:
        """Count a sign-in call of a session, such as a refresh; raise as count_account does."""
        self._count_sign_in(f"account:{_account_key(session_id)}", what=IN_SESSION)

    @contextmanager
    def counting_failures(self) -> Iterator[None]:
        """Count for the client's address what raises Unauthenticated; raise TooManyRequests instead, beyond the limit.

        For calls that prove who makes them, such as a refresh: users behind one address do not stop each other, and a
        client that only tries has what the address has left.
        """
        try:
            yield
        except Unauthenticated:
            # The key is the one that the decorator counts with.
            self._count_sign_in(KEY_PREFIX, _address_key(), SIGN_IN_SCOPE, what=FROM_ADDRESS)
            raise

    def _count(self, environ: WSGIEnvironment, actor: Actor, hits: int) -> None:
        key = actor.user_id or subscriber(environ.get("REMOTE_ADDR", ""))
        for limit in self._wide:
            _refuse_after(limit.hit(key, hits), "actor", "requests")

    def _count_sign_in(self, *key: str, what: str) -> None:
        for limit in self._sign_in:
            _refuse_after(self._hit(limit, "/".join(key), 1), "sign_in", what)

    def _hit(self, limit: RateLimitItem, key: str, hits: int) -> int | None:
        """Count hits for `key`; return None, or, beyond the limit, the seconds until its window ends."""
        now = time.monotonic()
        until = self._refused_until.get((limit, key), 0)
        if now < until:
            return math.ceil(until - now)
        strategy = self._limiter.limiter
        if strategy.hit(limit, key, cost=hits):
            return None
        seconds = max(1, math.ceil(strategy.get_window_stats(limit, key).reset_time - time.time()))
        if len(self._refused_until) >= REMEMBERED_KEYS:
            self._refused_until.clear()
        self._refused_until[limit, key] = now + seconds
        return seconds


def _address_key() -> str:
    return f"address:{subscriber(request.remote_addr or '')}"


def _note_breach(limit: RequestLimit) -> Response:
    metrics.count_refusal("sign_in")
    g.refused_seconds = max(1, int(limit.reset_at - time.time()))
    return Response(headers={"Retry-After": str(g.refused_seconds)})


def _refuse_after(seconds: int | None, name: str, what: str) -> None:
    if seconds is not None:
        metrics.count_refusal(name)
        raise TooManyRequests(_too_many(what, seconds), retry_after=seconds)


def _too_many(what: str, seconds: int) -> str:
    return f"Too many {what}; try again in {seconds} second{'s' if seconds > 1 else ''}."


def _account_key(account: str) -> str:
    """Return what all ways to write an address have in common, hashed: it is the client's, and long or private."""
    return hashlib.sha256(comparable_email(account).encode()).hexdigest()


def _storage_uri(settings: Settings) -> str:
    if settings.redis_url is None:
        return f"sqlite://{settings.data_dir / 'limits.db'}"
    return settings.redis_url.replace("unix://", "redis+unix://", 1)


limits = Limits()
