"""What browsers and proxies may do with an answer."""

from flask import request

from backend.middleware.paths import ACCOUNT_PATH, API, DOCS_PATH

POLICY = "Content-Security-Policy"
# Nothing of the API is a page; that an answer is shown as one, or in a frame, is an attack.
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
# Of this host alone: what else is below its name may not be ours to hold to TLS.
HSTS = ("Strict-Transport-Security", "max-age=31536000")
EXPOSED = "ETag, Location, Retry-After, X-Request-ID, Content-Disposition, Idempotency-Replayed"
ASKED_METHODS = "GET, POST, PUT, PATCH, DELETE"
ASKED_HEADERS = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Request-ID"
PREFLIGHT_SECONDS = 600


def held_to_tls(settings) -> list[tuple[str, str]]:
    """Return the header that keeps browsers to TLS, where the public address has it."""
    return [HSTS] if settings.public_url.startswith("https:") else []


class RefusalHeaders:
    """The headers of answers that no app gives."""

    def __init__(self, settings):
        self._always = [*ALWAYS_FOR_API, *held_to_tls(settings), ("Cache-Control", "no-store")]
        self._origins = settings.cors_origins.split(",") if settings.cors_origins else []

    def for_origin(self, origin: str | None) -> list[tuple[str, str]]:
        """Return them for a request with this Origin."""
        return [*self._always, *sharing_headers(self._origins, origin).items()]


class SecurityHeaders:
    """What every answer tells browsers, pages of ours too; `scripts` are those of the docs page, as hashes."""

    def __init__(self, settings, scripts):
        hsts = held_to_tls(settings)
        self._for_api = ALWAYS_FOR_API + hsts
        self._for_pages = {
            DOCS_PATH: [*ALWAYS, (POLICY, DOCS_POLICY.format(scripts=scripts)), *hsts],
            ACCOUNT_PATH: [*ALWAYS, (POLICY, ACCOUNT_POLICY), *hsts],
        }

    def added(self, environ, start_response):
        """Return the `start_response` of a request that adds them."""
        path, added = environ.get("PATH_INFO", ""), self._for_api
        for beginning, headers in self._for_pages.items():
            if path.startswith(beginning):
                added = headers

        def start(status, headers, exc_info=None):
            return start_response(status, headers + added, exc_info)

        return start


def init_app(app):
    """Keep each answer of the API to the one who asked, and let scripts of the allowed origins ask."""
    if app.settings.cors_origins:
        _share_across_origins(app, app.settings.cors_origins.split(","))

    @app.after_request
    def limit_caching(response):
        if request.path.startswith(API):
            headers = response.headers
            # An ETag is worth asking about again; whatever has none may hold tokens or change at any moment.
            headers["Cache-Control"] = "private, no-cache" if "ETag" in headers else "no-store"
            headers["Vary"] = "Authorization, Cookie"
        return response


def _share_across_origins(app, origins):
    """Answer browsers that ask for a script of another origin: with tokens it may call, with cookies it may not."""

    @app.after_request
    def share(response):
        headers, shared = response.headers, sharing_headers(origins, request.headers.get("Origin"))
        headers.add("Vary", "Origin")
        headers.update(shared)
        if shared and request.method == "OPTIONS":
            headers["Access-Control-Allow-Methods"] = ASKED_METHODS
            headers["Access-Control-Allow-Headers"] = ASKED_HEADERS
            headers["Access-Control-Max-Age"] = PREFLIGHT_SECONDS
        return response


def sharing_headers(origins: list[str], origin: str | None) -> dict[str, str]:
    """Return the headers that let scripts of `origin` read an answer, if it is one of the allowed origins."""
    if "*" not in origins and origin not in origins:
        return {}
    allowed = "*" if "*" in origins else origin
    return {"Access-Control-Allow-Origin": allowed, "Access-Control-Expose-Headers": EXPOSED}
