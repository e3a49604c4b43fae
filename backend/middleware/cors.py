"""CORS: which other origins may call the API, and the headers with which browsers let them (docs/decisions/042)."""

import re
from wsgiref.types import WSGIEnvironment

from werkzeug.wrappers import Response

from backend.config.settings import Settings
from backend.middleware.wsgi import Headers
from backend.utils.addresses import is_loopback

# Pages of this machine, at any port. Only a browser on this machine can show them.
LOCAL_ORIGIN = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?")
VARY_BY_ORIGIN = ("Vary", "Origin")
WITH_COOKIES = ("Access-Control-Allow-Credentials", "true")
EXPOSED = (
    "Access-Control-Expose-Headers",
    "Accept-Ranges, Allow, Content-Disposition, Content-Range, ETag, Idempotency-Replayed, Location, Retry-After, "
    "WWW-Authenticate, X-Request-ID",
)
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
REQUEST_HEADERS = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-CSRF-TOKEN, X-Request-ID"
_NAMES = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z, -]{1,2000}")
PREFLIGHT_SECONDS = 600  # for which a browser may remember the response to a preflight


class Cors:
    """The origins of the settings.

    The origins that LARDER_CORS_ORIGINS lists may send tokens and cookies. All origins, with `*`, and those of this
    machine on a developer's machine may send tokens only: a page that nobody listed must not use a user's cookies.
    """

    def __init__(self, settings: Settings) -> None:
        origins = frozenset((settings.cors_origins or "").split(",")) - {""}
        self._listed, self._allows_all = origins - {"*"}, "*" in origins
        self._allows_local = settings.allows_local_origins

    def headers(self, environ: WSGIEnvironment) -> Headers:
        """Return the CORS headers of a response, also of an error: without permissions if the origin is not allowed."""
        if not (self._listed or self._allows_all or self._allows_local):
            return []
        return [VARY_BY_ORIGIN, *self._permissions(environ)]

    def is_preflight(self, environ: WSGIEnvironment) -> bool:
        """Return whether a browser asks, for an allowed origin, what a script may send.

        Its answer must not depend on the path: otherwise a script could not read why its request fails.
        """
        is_question = environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
        return is_question and self.allows(environ)

    def allows(self, environ: WSGIEnvironment) -> bool:
        """Return whether scripts of the request's origin may call."""
        return bool(self._permissions(environ))

    def _permissions(self, environ: WSGIEnvironment) -> Headers:
        origin: str = environ.get("HTTP_ORIGIN", "")
        if origin in self._listed:
            return [("Access-Control-Allow-Origin", origin), WITH_COOKIES, EXPOSED]
        if self._allows_all:
            return [("Access-Control-Allow-Origin", "*"), EXPOSED]
        # `flask run --host` can listen elsewhere than the settings say: the page must be on the machine of the server.
        is_local = self._allows_local and LOCAL_ORIGIN.fullmatch(origin)
        if is_local and is_loopback(environ.get("REMOTE_ADDR", "")):
            return [("Access-Control-Allow-Origin", origin), EXPOSED]
        return []


def preflight_response(environ: WSGIEnvironment) -> Response:
    """Return the response to a preflight, which permits every method and header that the request asks for.

    An unknown method gets a 405 that the script can read; unknown headers, as tracing tools add them, are ignored.
    """
    return Response(status=204, headers=preflight_headers(environ))


def preflight_headers(environ: WSGIEnvironment) -> Headers:
    """Return the headers that only the response to a preflight has."""
    method, names = (environ.get(f"HTTP_ACCESS_CONTROL_REQUEST_{name}", "") for name in ("METHOD", "HEADERS"))
    is_known = not _NAMES.fullmatch(method) or method in METHODS.split(", ")
    return [
        ("Access-Control-Allow-Methods", METHODS if is_known else f"{METHODS}, {method}"),
        ("Access-Control-Allow-Headers", names if _NAMES.fullmatch(names) else REQUEST_HEADERS),
        ("Access-Control-Max-Age", str(PREFLIGHT_SECONDS)),
    ]
