"""The headers of every answer: what browsers and proxies may do with it."""

from collections.abc import Callable
from wsgiref.types import StartResponse, WSGIEnvironment

from backend.config.settings import Settings
from backend.middleware.paths import ACCOUNT_PATH, API, DOCS_PATH, request_path
from backend.middleware.request_id import REQUEST_ID_HEADER, request_id
from backend.middleware.wsgi import ExceptionInfo, Headers

POLICY = "Content-Security-Policy"
# Nothing of the API is a page: an answer that is shown as one, or in a frame, is an attack.
API_POLICY = "default-src 'none'; frame-ancestors 'none'"
# Only our own script, which talks to our own API.
ACCOUNT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
# Swagger UI sets styles from its script and has its icons in data URLs.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
ALWAYS = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    # Keeps answers out of tags of other sites' pages, such as <script src>; a fetch with CORS does not ask for it.
    ("Cross-Origin-Resource-Policy", "same-origin"),
]
ALWAYS_FOR_API = [*ALWAYS, (POLICY, API_POLICY)]
# Of this host alone: other hosts below its name may not have TLS.
HSTS = ("Strict-Transport-Security", "max-age=31536000")
NO_STORE, REVALIDATE = ("Cache-Control", "no-store"), ("Cache-Control", "private, no-cache")
VARY_BY_CALLER, VARY_BY_ORIGIN = ("Vary", "Authorization, Cookie"), ("Vary", "Origin")
EXPOSED = "ETag, Location, Retry-After, X-Request-ID, Content-Disposition, Idempotency-Replayed"
PREFLIGHT = [
    ("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE"),
    (
        "Access-Control-Allow-Headers",
        "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Request-ID",
    ),
    ("Access-Control-Max-Age", "600"),  # seconds
]


class AnswerHeaders:
    """Completes the headers of each answer; `docs_scripts` are those of the documentation's page, as hashes."""

    def __init__(self, settings: Settings, docs_scripts: str) -> None:
        hsts, self._origins = _hsts(settings), _origins(settings)
        self._for_api = ALWAYS_FOR_API + hsts
        self._for_pages = {
            DOCS_PATH: [*ALWAYS, (POLICY, DOCS_POLICY.format(scripts=docs_scripts)), *hsts],
            ACCOUNT_PATH: [*ALWAYS, (POLICY, ACCOUNT_POLICY), *hsts],
        }

    def start_completing(self, environ: WSGIEnvironment, start_response: StartResponse) -> StartResponse:
        """Return the `start_response` of a request that completes the headers of its answer."""

        def start(status: str, headers: Headers, exc_info: ExceptionInfo | None = None, /) -> Callable[[bytes], object]:
            return start_response(status, self._complete(environ, headers), exc_info)

        return start

    def _complete(self, environ: WSGIEnvironment, headers: Headers) -> Headers:
        path = request_path(environ)
        if path.startswith(API):
            headers = limit_caching(headers)
        if self._origins:
            headers = [*headers, VARY_BY_ORIGIN, *sharing_headers(self._origins, environ)]
        return [*headers, (REQUEST_ID_HEADER, request_id(environ)), *self._secure(path)]

    def _secure(self, path: str) -> Headers:
        """Return the security headers of an answer; pages of ours may do more than the API."""
        return next((more for page, more in self._for_pages.items() if path.startswith(page)), self._for_api)


class RefusalHeaders:
    """The headers of what the server refuses before the app sees it."""

    def __init__(self, settings: Settings) -> None:
        self._always, self._origins = [*ALWAYS_FOR_API, *_hsts(settings), NO_STORE], _origins(settings)

    def for_origin(self, origin: str | None) -> Headers:
        """Return them for a request with this Origin."""
        return self._always + sharing_headers(self._origins, {"HTTP_ORIGIN": origin or ""})


def limit_caching(headers: Headers) -> Headers:
    """Return the headers of an answer of the API, which is kept for its caller alone.

    An answer with an ETag may be kept and asked about again; every other may hold tokens, or change at any moment.
    """
    kept = [pair for pair in headers if pair[0] not in ("Cache-Control", "Vary")]
    has_tag = any(name == "ETag" for name, _ in headers)
    return [*kept, REVALIDATE if has_tag else NO_STORE, VARY_BY_CALLER]


def sharing_headers(origins: list[str], environ: WSGIEnvironment) -> Headers:
    """Return the headers that let scripts of an allowed origin read an answer: they call with tokens, not cookies."""
    origin: str = environ.get("HTTP_ORIGIN", "")
    if "*" not in origins and origin not in origins:
        return []
    shared = [
        ("Access-Control-Allow-Origin", "*" if "*" in origins else origin),
        ("Access-Control-Expose-Headers", EXPOSED),
    ]
    return shared + PREFLIGHT if environ.get("REQUEST_METHOD") == "OPTIONS" else shared


def _hsts(settings: Settings) -> Headers:
    """Return the header that keeps browsers to TLS, where the public address has it."""
    return [HSTS] if settings.public_url.startswith("https:") else []


def _origins(settings: Settings) -> list[str]:
    return settings.cors_origins.split(",") if settings.cors_origins else []
