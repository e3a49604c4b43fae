"""Rate limits, counted by flask-limiter: strict for sign-in calls, wide for all requests (docs/decisions/027)."""

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
from backend.services.errors import LarderError, Unauthenticated
from backend.services.operation.metrics import metrics
from backend.utils.addresses import subscriber
from backend.utils.emails import comparable_email

KEY_PREFIX = "larder"
SIGN_IN_SCOPE = "sign_in"
FROM_ADDRESS = "sign-ins from this address"
FOR_ACCOUNT = "sign-ins for this account"
IN_SESSION = "calls in this session"
BATCHES = 100  # a process adds its requests to the shared count each time it has a hundredth of a wide limit
REMEMBERED_KEYS = 100_000  # of callers, in one process


class BatchedLimit:
    """A wide limit, whose hits are counted in this process and added to the shared count in batches.

    Adding each hit at once would make requests a tenth slower. The price: each process may admit 1 % more.
    """

    def __init__(self, limit: RateLimitItem, add_hits: Callable[[RateLimitItem, str, int], int | None]) -> None:
        self._limit, self._add_hits = limit, add_hits
        self._batch = max(1, limit.amount // BATCHES)
        self._hits: dict[str, int] = {}

    def hit(self, key: str, hits: int) -> int | None:
        """Count hits for `key`. Return None within the limit, else the seconds until the window ends."""
        hits += self._hits.get(key, 0)
        if hits < self._batch:
            self._hits[key] = hits
            return None
        seconds = self._add_hits(self._limit, key, hits)
        # After a refusal the hits stay, so that every further request asks again until the window ends.
        if seconds is None:
            if len(self._hits) >= REMEMBERED_KEYS:
                self._hits.clear()
            self._hits[key] = 0
        return seconds


class Limits:
    """The rate limits of the settings. Call `open`, then `init_app`, before use."""

    def __init__(self) -> None:
        self._limiter = Limiter(_address_key, key_prefix=KEY_PREFIX, on_breach=_note_breach)
        # The decorator of sign-in views: counts a call for the client's address, before its body is read.
        self.sign_in = self._limiter.shared_limit(
            lambda: self._sign_in_text,
            scope=SIGN_IN_SCOPE,
            error_message=lambda: _too_many(FROM_ADDRESS, g.refused_seconds),
        )

    def open(self, settings: Settings) -> None:
        """Read the limits from the settings."""
        self._sign_in_text = "" if settings.rate_limit_auth == "off" else settings.rate_limit_auth
        self._sign_in = parse_many(self._sign_in_text) if self._sign_in_text else []
        wide = [] if settings.rate_limit == "off" else parse_many(settings.rate_limit)
        self._wide = [BatchedLimit(limit, self._hit) for limit in wide]
        # Map of (limit, key) to the time until which it is refused: until then, further requests are not counted.
        self._refused_until: dict[tuple[RateLimitItem, str], float] = {}

    def init_app(self, app: App) -> None:
        """Connect the Limiter to the app and to the storage of the settings."""
        app.config.update(
            RATELIMIT_STORAGE_URI=f"{FallbackStorage.STORAGE_SCHEME[0]}://",
            RATELIMIT_STORAGE_OPTIONS={"shared_uri": _storage_uri(app.settings)},
        )
        # A Limiter that is already an extension of the app adds no hooks to it. The decorator needs none.
        app.extensions["limiter"] = {self._limiter}
        self._limiter.init_app(app)

    def enforce(self, environ: WSGIEnvironment) -> None:
        """Count a request, also a preflight. Raises TooManyRequests if it is over the limit.

        Does not count `/health/live`, nor the second run of a request with a large body.
        """
        identity = environ.get(IDENTITY)  # `/health/live` has none
        if self._wide and identity is not None and not was_admitted(environ):
            self._count(environ, identity.actor, 1)

    def count_more(self, hits: int) -> None:
        """Count more hits for a request that does the work of several. Raises TooManyRequests over the limit."""
        if hits:
            self._count(request.environ, request.environ[IDENTITY].actor, hits)

    def count_account(self, email: str) -> None:
        """Count a sign-in call for the account with this e-mail address, whether it exists or not.

        Call it before anything is looked up or hashed. Raises TooManyRequests if the call is over the limit.
        """
        self._count_sign_in(_account_key(email), what=FOR_ACCOUNT)

    def count_session(self, session_id: str) -> None:
        """Count a sign-in call of a session, such as a refresh. Raises TooManyRequests if it is over the limit."""
        self._count_sign_in(_account_key(session_id), what=IN_SESSION)

    @contextmanager
    def guessing(self, email: str, is_familiar: Callable[[], bool]) -> Iterator[None]:
        """Limit the sign-ins for an account: count each of them at this address, and failures for both.

        So people who share an address do not use up its limit by signing in. If the address or the account is over
        the limit because of somebody's guesses, `is_familiar` says whether the account has signed in from here before:
        then the right password still works. Every other call gets the same refusal, TooManyRequests, so that it
        reveals neither which accounts there are nor whether a password is right.
        """
        address, account = [KEY_PREFIX, _address_key(), SIGN_IN_SCOPE], [_account_key(email)]
        self._count_sign_in(*account, _address_key(), what=FOR_ACCOUNT)
        refusal = self._refusal(address, FROM_ADDRESS) or self._refusal(account, FOR_ACCOUNT)
        if refusal is not None and not is_familiar():
            raise refusal
        try:
            yield
        except LarderError as error:
            if refusal is not None:
                raise refusal from error
            if isinstance(error, Unauthenticated):
                for limit in self._sign_in:
                    self._hit(limit, "/".join(address), 1)
                    self._hit(limit, "/".join(account), 1)
            raise

    @contextmanager
    def counting_failures(self) -> Iterator[None]:
        """Count a call for the client's address only if it raises Unauthenticated.

        For calls that prove the caller's identity, such as a refresh: valid calls of users behind one address do not
        block each other, and guesses count like failed sign-ins. Raises TooManyRequests instead of Unauthenticated if
        the address is over the limit.
        """
        try:
            yield
        except Unauthenticated:
            # The decorator `sign_in` counts with the same key.
            self._count_sign_in(KEY_PREFIX, _address_key(), SIGN_IN_SCOPE, what=FROM_ADDRESS)
            raise

    def _count(self, environ: WSGIEnvironment, actor: Actor, hits: int) -> None:
        key = actor.user_id or subscriber(environ.get("REMOTE_ADDR", ""))
        for limit in self._wide:
            _raise_if_refused(limit.hit(key, hits), "actor", "requests")

    def _count_sign_in(self, *key: str, what: str) -> None:
        for limit in self._sign_in:
            _raise_if_refused(self._hit(limit, "/".join(key), 1), "sign_in", what)

    def _refusal(self, key: list[str], what: str) -> TooManyRequests | None:
        """Return the error of a call whose `key` has used up its limit, else None. Count nothing."""
        for limit in self._sign_in:
            if seconds := self._hit(limit, "/".join(key), 0):
                return _refusal("sign_in", what, seconds)
        return None

    def _hit(self, limit: RateLimitItem, key: str, hits: int) -> int | None:
        """Count hits for `key`. Return None within the limit, else the seconds until the window ends.

        With 0 hits, it says whether one more would be within the limit.
        """
        now = time.monotonic()
        until = self._refused_until.get((limit, key), 0)
        if now < until:
            return math.ceil(until - now)
        strategy = self._limiter.limiter
        if strategy.hit(limit, key, cost=hits) if hits else strategy.test(limit, key):
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


def _raise_if_refused(seconds: int | None, name: str, what: str) -> None:
    if seconds is not None:
        raise _refusal(name, what, seconds)


def _refusal(name: str, what: str, seconds: int) -> TooManyRequests:
    metrics.count_refusal(name)
    return TooManyRequests(_too_many(what, seconds), retry_after=seconds)


def _too_many(what: str, seconds: int) -> str:
    return f"Too many {what}; try again in {seconds} second{'s' if seconds > 1 else ''}."


def _account_key(account: str) -> str:
    """Return a key for an e-mail address or session id that is the same for every spelling of the address.

    It is a hash, because clients choose the length, and the storage should not contain addresses.
    """
    return f"account:{hashlib.sha256(comparable_email(account).encode()).hexdigest()}"


def _storage_uri(settings: Settings) -> str:
    if settings.redis_url is None:
        return f"sqlite://{settings.data_dir / 'limits.db'}"
    return settings.redis_url.replace("unix://", "redis+unix://", 1)


limits = Limits()
