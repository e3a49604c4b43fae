"""Limits: strict ones on the calls of signing in, wide ones on whatever an actor asks."""

import hashlib
import math
import time
from contextlib import contextmanager

import structlog
from flask import Response, g, request
from flask_limiter import Limiter
from limits import RateLimitItem, parse_many
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry
from werkzeug.exceptions import TooManyRequests

from backend.config.settings import Settings
from backend.middleware.admission import was_admitted
from backend.middleware.authentication import IDENTITY
from backend.middleware.build import current_build
from backend.middleware.limit_storage import SqliteStorage
from backend.services.errors import Unauthenticated
from backend.services.operation.metrics import metrics
from backend.utils.addresses import subscriber
from backend.utils.emails import comparable_email

KEY_PREFIX = "larder"
SIGN_IN_SCOPE = "sign_in"
FROM_ADDRESS, FOR_ACCOUNT, IN_SESSION = (
    "sign-ins from this address",
    "sign-ins for this account",
    "calls in this session",
)
REDIS_OPTIONS = {
    "key_prefix": KEY_PREFIX,
    "socket_timeout": 0.5,  # seconds
    "socket_connect_timeout": 0.5,
    "retry": Retry(NoBackoff(), 1),  # a connection may be stale; the library's own patience is for minutes
}
PAUSE_SECONDS = 10  # after a failure of the storage, before it is asked again
BATCHES = 100  # a process tells the others of its requests after each hundredth of a wide limit
REMEMBERED_KEYS = 100_000

log = structlog.get_logger()


class Counter:
    """Counts in the storage that all processes share; while that fails, what this process has counted decides."""

    def __init__(self, storage):
        self._shared, self._own = (
            FixedWindowRateLimiter(storage),
            FixedWindowRateLimiter(SqliteStorage("sqlite://:memory:")),
        )
        self._ask_again_at = 0.0
        self._refused_until = {}  # a refusal that is remembered costs those nothing who do not wait for its end

    def hit(self, limit, key, hits=1):
        """Count `hits` for `key`; return None, or how many seconds there are no more."""
        now = time.monotonic()
        until = self._refused_until.get((limit, key), 0)
        if now < until:
            return math.ceil(until - now)
        seconds = self._count(limit, key, hits)
        if seconds is not None:
            if len(self._refused_until) >= REMEMBERED_KEYS:
                self._refused_until.clear()
            self._refused_until[limit, key] = now + seconds
        return seconds

    def _count(self, limit, key, hits):
        own = _hit(self._own, limit, key, hits)
        if time.monotonic() < self._ask_again_at:
            return own
        try:
            return _hit(self._shared, limit, key, hits)
        except self._shared.storage.base_exceptions as error:
            self._ask_again_at = time.monotonic() + PAUSE_SECONDS
            log.warning("limits are counted by each process alone", reason=type(error).__name__)
            return own


class Wide:
    """A limit so wide that its hits are counted here first, and in batches by the counter.

    Counting each would cost a request a tenth of its time. So a process may let through a hundredth more.
    """

    def __init__(self, counter, limit):
        self._counter, self._limit = counter, limit
        self._batch = max(1, limit.amount // BATCHES)
        self._hits = {}

    def hit(self, key, hits=1):
        """Count hits for `key`; return None, or how many seconds there are no more."""
        hits += self._hits.get(key, 0)
        if hits < self._batch:
            self._hits[key] = hits
            return None
        seconds = self._counter.hit(self._limit, key, hits)
        # Whoever is refused is asked about at each request, until the end of the window.
        if seconds is None:
            if len(self._hits) >= REMEMBERED_KEYS:
                self._hits.clear()
            self._hits[key] = 0
        return seconds


class Counts:
    """What is counted, once it is open."""

    counter: Counter
    strict: list[RateLimitItem]
    wide: list[Wide]

    def open(self, settings: Settings) -> None:
        """Count in the storage of the settings from now on."""
        self.counter = Counter(storage_from_string(_storage_uri(settings), **_storage_options(settings)))
        self.strict = _parse(settings.rate_limit_auth)
        self.wide = [Wide(self.counter, limit) for limit in _parse(settings.rate_limit)]


class LimitedCalls:
    """An app as flask-limiter sees it: with hooks for the calls of some blueprints alone.

    They cost each request that they see 85 us, a quarter of what reading a record takes.
    """

    def __init__(self, app, blueprints):
        self._app, self._blueprints = app, blueprints

    def __getattr__(self, name):
        return getattr(self._app, name)

    def before_request(self, hook):
        """Have the hook called before requests of the blueprints."""
        self._add(self._app.before_request_funcs, hook)

    def after_request(self, hook):
        """Have the hook called after them."""
        self._add(self._app.after_request_funcs, hook)

    def teardown_request(self, hook):
        """Have the hook called at their end."""
        self._add(self._app.teardown_request_funcs, hook)

    def _add(self, hooks, hook):
        for name in self._blueprints:
            hooks.setdefault(name, []).append(hook)


def _address_key():
    return f"address:{subscriber(request.remote_addr or '')}"


def _say_when(limit):
    metrics.count_refusal("sign_in")
    g.refused_seconds = max(1, int(limit.reset_at - time.time()))
    return Response(headers={"Retry-After": str(g.refused_seconds)})


def _too_many(what, seconds):
    return f"Too many {what}; try again in {seconds} second{'s' if seconds > 1 else ''}."


# They outlive every build of the app.
_limiter = Limiter(_address_key, key_prefix=KEY_PREFIX, in_memory_fallback_enabled=True, on_breach=_say_when)
counts = Counts()

# The decorator of a sign-in call, which counts it for the client's address before anything of it is read.
sign_in = _limiter.shared_limit(
    lambda: current_build().settings.rate_limit_auth,
    scope=SIGN_IN_SCOPE,
    error_message=lambda: _too_many(FROM_ADDRESS, g.refused_seconds),
)
SIGN_IN_BLUEPRINTS = ("auth", "recovery", "invitations")


def init_app(app):
    """Count every request but those for `/health/live`, preflights of browsers too."""
    app.config.update(
        RATELIMIT_ENABLED=app.settings.rate_limit_auth != "off",
        RATELIMIT_STORAGE_URI=_storage_uri(app.settings),
        RATELIMIT_STORAGE_OPTIONS=_storage_options(app.settings),
    )
    _limiter.init_app(LimitedCalls(app, SIGN_IN_BLUEPRINTS))
    if app.settings.rate_limit != "off":
        app.before_request(_count_request)


def count_account(email):
    """Count a sign-in call for the account of the address that it is about.

    Raises TooManyRequests beyond the limit. Call it before anything is looked up or hashed.
    """
    _count_sign_in(f"account:{_account_key(email)}", FOR_ACCOUNT)


def count_session(session_id):
    """Count a sign-in call of a session, such as a refresh; raises as count_account does."""
    _count_sign_in(f"account:{_account_key(session_id)}", IN_SESSION)


@contextmanager
def counting_failures():
    """Count for the client's address what raises Unauthenticated; raises TooManyRequests instead, beyond the limit.

    For calls that prove who makes them, such as a refresh: of many people behind one address none stops the others, and
    whoever only tries has what the address has left.
    """
    try:
        yield
    except Unauthenticated:
        # The key is the one that flask-limiter counts the other calls with.
        _count_sign_in(f"{KEY_PREFIX}/{_address_key()}/{SIGN_IN_SCOPE}", FROM_ADDRESS)
        raise


def _count_sign_in(key, what):
    for limit in counts.strict:
        _refuse_after(counts.counter.hit(limit, key), "sign_in", what)


def _count_request():
    environ = request.environ
    identity = environ.get(IDENTITY)  # nobody has asked who calls `/health/live`
    if identity is None or was_admitted(environ):  # counted when it was admitted
        return
    _count(identity.actor)


def count_more(hits):
    """Count a request that does the work of several as that many more; raises TooManyRequests beyond the limit."""
    if hits and current_build().settings.rate_limit != "off":
        _count(request.environ[IDENTITY].actor, hits)


def _count(actor, hits=1):
    key = actor.user_id or subscriber(request.environ.get("REMOTE_ADDR", ""))
    for limit in counts.wide:
        _refuse_after(limit.hit(key, hits), "actor", "requests")


def _refuse_after(seconds, name, what):
    if seconds is not None:
        metrics.count_refusal(name)
        raise TooManyRequests(_too_many(what, seconds), retry_after=seconds)


def _account_key(account):
    """Return what all ways of writing an address have in common, hashed: it is the client's, and long or private."""
    return hashlib.sha256(comparable_email(account).encode()).hexdigest()


def _hit(limiter, limit, key, hits):
    if limiter.hit(limit, key, cost=hits):
        return None
    return max(1, math.ceil(limiter.get_window_stats(limit, key).reset_time - time.time()))


def _parse(setting):
    return [] if setting == "off" else parse_many(setting)


def _storage_uri(settings):
    if settings.redis_url is None:
        return f"sqlite://{settings.data_dir / 'limits.db'}"
    return settings.redis_url.replace("unix://", "redis+unix://", 1)


def _storage_options(settings):
    return {} if settings.redis_url is None else REDIS_OPTIONS
