"""The headers of every response: they limit what browsers and proxies may do with it."""

from typing import NamedTuple
from wsgiref.types import WSGIEnvironment

from backend.config.settings import Settings
from backend.middleware.cors import Cors
from backend.middleware.paths import ACCOUNT_PATH, ADMIN_PATH, API, DOCS_PATH, HEALTH_PATH, request_path
from backend.middleware.refused_origins import RefusedOrigins
from backend.middleware.request_id import REQUEST_ID_HEADER, request_id
from backend.middleware.wsgi import Headers

POLICY = "Content-Security-Policy"
# The API has no pages: a response that is shown as one, or in a frame, is an attack.
API_POLICY = "default-src 'none'; frame-ancestors 'none'"
# Of the page at `/`, which has no script.
ROOT_POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
# Allows only Larder's own modules, which call only Larder's own API. Previews of files are data and blob URLs.
ADMIN_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
# Swagger UI sets styles from its script and has its icons in data URLs.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
# Of an uploaded file, which anybody may have made: no browser runs anything of it.
FILE_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
# Browsers show a file in a page of their own. It has inline styles, loads a video once more from its own origin, and
# shows a PDF with an extension, which cannot run in a sandbox.
SHOWN_FILE_POLICIES = {
    "image": f"{FILE_POLICY}; style-src 'unsafe-inline'",
    "video": "default-src 'none'; sandbox allow-same-origin; frame-ancestors 'none'; media-src 'self'; "
    "style-src 'unsafe-inline'",
    "application": "default-src 'none'; frame-ancestors 'none'; object-src 'self'; style-src 'unsafe-inline'",
}
SHOWN_FILE_POLICIES["audio"] = SHOWN_FILE_POLICIES["video"]
ALWAYS = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    # Pages of other sites cannot load responses with tags such as <script src>. A fetch with CORS ignores this header.
    ("Cross-Origin-Resource-Policy", "same-origin"),
]
OTHER_SITES = ("Cross-Origin-Resource-Policy", "cross-origin")  # they may show it with a tag such as <img>
ALWAYS_FOR_API = [*ALWAYS, (POLICY, API_POLICY)]
# Without includeSubDomains: subdomains may not have TLS.
HSTS = ("Strict-Transport-Security", "max-age=31536000")
NO_STORE, REVALIDATE = ("Cache-Control", "no-store"), ("Cache-Control", "private, no-cache")
VARY_BY_CALLER = ("Vary", "Authorization, Cookie")
PUBLIC = "public, max-age="  # how the Cache-Control begins that a view sets itself
FILE = "larder.file"  # the key in the WSGI environment of the FileKind of a response with an uploaded file
CREDENTIALS = ("HTTP_AUTHORIZATION", "HTTP_COOKIE")  # keys in the WSGI environment


class FileKind(NamedTuple):
    """What browsers may do with an uploaded file: a policy, and whether pages of other sites may show it."""

    policy: str
    is_for_other_sites: bool


class ResponseHeaders:
    """Adds headers to each response."""

    def __init__(self, settings: Settings, cors: Cors) -> None:
        hsts = self._hsts = _hsts(settings)
        self._cors, self._refused = cors, RefusedOrigins()
        self._public_path = settings.public_path
        self._for_api = ALWAYS_FOR_API + hsts
        self._for_root = [*ALWAYS, (POLICY, ROOT_POLICY), *hsts]
        self._for_pages = {
            DOCS_PATH: [*ALWAYS, (POLICY, DOCS_POLICY), *hsts],
            ADMIN_PATH: [*ALWAYS, (POLICY, ADMIN_POLICY), *hsts],
            ACCOUNT_PATH: [*ALWAYS, (POLICY, ADMIN_POLICY), *hsts],
        }

    def complete(self, environ: WSGIEnvironment, headers: Headers) -> Headers:
        """Return the headers of a response with those that it must have."""
        path = request_path(environ)
        if path.startswith((API, HEALTH_PATH)):
            headers = with_cache_headers(headers)
        if "HTTP_ORIGIN" in environ and not self._cors.allows(environ):
            self._refused.note(environ)
        if self._public_path:  # which the views do not know
            headers = [
                (name, f"{self._public_path}{value}" if name == "Location" else value) for name, value in headers
            ]
        file = environ.get(FILE)
        secure = self._secure(path) if file is None else [*file_headers(file), *self._hsts]
        return [*headers, *self._cors.headers(environ), (REQUEST_ID_HEADER, request_id(environ)), *secure]

    def _secure(self, path: str) -> Headers:
        """Return the security headers for a path: pages have policies of their own."""
        if path.startswith(API):
            return self._for_api
        if path == "/":
            return self._for_root
        return next((headers for page, headers in self._for_pages.items() if path.startswith(page)), self._for_api)


def file_headers(kind: FileKind) -> Headers:
    """Return the security headers of a response with an uploaded file."""
    last = OTHER_SITES if kind.is_for_other_sites else ALWAYS[-1]
    return [*ALWAYS[:-1], last, (POLICY, kind.policy)]


class RefusalHeaders:
    """The headers of responses to requests that the server refuses without the app."""

    def __init__(self, settings: Settings) -> None:
        self.cors = Cors(settings)
        self._always = [*ALWAYS_FOR_API, *_hsts(settings), NO_STORE]

    def complete(self, environ: WSGIEnvironment, headers: Headers) -> Headers:
        """Return the headers of a response with those that each has, and with its request id."""
        known_as = (REQUEST_ID_HEADER, request_id(environ))
        return [*headers, known_as, *self._always, *self.cors.headers(environ)]


def with_cache_headers(headers: Headers) -> Headers:
    """Return the headers of an API response with Cache-Control and Vary replaced.

    Shared caches may store only what a view has declared public. Another response with an ETag may be cached if the
    cache revalidates it each time. Any other may contain tokens, or change at any moment, so it must not be stored.
    """
    kept, values = [pair for pair in headers if pair[0] not in ("Cache-Control", "Vary")], dict(headers)
    declared = values.get("Cache-Control", "")
    if declared.startswith(PUBLIC):
        return [*kept, ("Cache-Control", declared), VARY_BY_CALLER]
    return [*kept, REVALIDATE if "ETag" in values else NO_STORE, VARY_BY_CALLER]


def _hsts(settings: Settings) -> Headers:
    """Return the HSTS header if the public URL uses TLS."""
    return [HSTS] if settings.public_url.startswith("https:") else []
