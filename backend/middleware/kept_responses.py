"""Keeps responses that everybody may read, and sends them again until anything is committed (docs/decisions/053)."""

from collections.abc import Callable, Iterable
from contextlib import closing
from functools import partial
from typing import NamedTuple
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask_caching.backends import SimpleCache
from werkzeug.http import parse_etags, unquote_etag
from werkzeug.wsgi import ClosingIterator

from backend.middleware.answer import Answer
from backend.middleware.app import App
from backend.middleware.authentication import IDENTITY
from backend.middleware.headers import CREDENTIALS, PUBLIC
from backend.middleware.paths import API
from backend.middleware.request_log import ROUTE
from backend.middleware.wsgi import ExceptionInfo, Headers
from backend.models.database import DATABASE_ERRORS, database
from backend.services.operation.metrics import metrics

MAX_RESPONSES = 400  # in a process
MAX_BYTES = 64 << 10  # of one response
MAX_URL = 1000  # characters
RESOURCES = f"{API}/"
TAGS = "HTTP_IF_NONE_MATCH"
KEPT, PLACE = "larder.kept", "larder.place"  # the keys of a Kept and of a Place in the WSGI environment
# Keys in the WSGI environment of a request that may get another response than its URL alone.
NEVER_KEPT = (*CREDENTIALS, "HTTP_TRANSFER_ENCODING")


class Kept(NamedTuple):
    """A response with status 200 as its view has sent it.

    `mark` is the database's commit_mark() from before it was read, `generation` that of its definitions.
    """

    mark: str
    generation: int
    route: str | None
    headers: Headers
    body: bytes

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send the response, or a 304 if the client has it."""
        environ[ROUTE] = self.route
        tag = next(value for name, value in self.headers if name == "ETag")
        if parse_etags(environ.get(TAGS)).contains_weak(unquote_etag(tag)[0]):
            start_response("304 NOT MODIFIED", [pair for pair in self.headers if pair[0] in ("ETag", "Cache-Control")])
            return []
        start_response("200 OK", self.headers)
        return [self.body]


class Place(NamedTuple):
    """Where the response to a request may be kept: its URL, the commit_mark() before it is read, and for how long.

    `tags` is the request's If-None-Match.
    """

    url: str
    mark: str
    seconds: int
    tags: str | None


AnyApp = WSGIApplication | Answer | Kept


class KeptResponses:
    """The kept responses of this process, by URL."""

    def __init__(self, app: App) -> None:
        self._app, self._cache = app, SimpleCache(threshold=MAX_RESPONSES)

    def find(self, environ: WSGIEnvironment) -> Kept | None:
        """Return the kept response to a request if nothing has been committed since it was read.

        Call it before anything is read for the request.
        """
        place = self._place(environ)
        if place is None:
            return None
        kept: Kept | None = self._cache.get(place.url)
        is_current = kept is not None and kept.mark == place.mark
        metrics.count_lookup("responses", is_current)
        environ[PLACE], environ[KEPT] = place, kept if is_current else None
        if not is_current:  # the view must send the body, which is kept: else clients that revalidate find nothing
            environ.pop(TAGS, None)
        return kept if is_current else None

    def _place(self, environ: WSGIEnvironment) -> Place | None:
        """Return the Place of the response to a request; None if it is never kept, or if the database fails."""
        if environ["REQUEST_METHOD"] != "GET" or not environ.keys().isdisjoint(NEVER_KEPT):
            return None
        path, query = environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")
        has_body = environ.get("CONTENT_LENGTH") not in (None, "", "0")
        if has_body or not path.startswith(RESOURCES) or len(path) + len(query) > MAX_URL:
            return None
        name, _, below = path[len(RESOURCES) :].partition("/")
        resource = None if "/" in below else self._app.catalogs.newest.get(name)  # a file may be large
        if resource is None or resource.definition.cache_seconds is None:
            return None
        try:
            mark = database.commit_mark()
            return Place(f"{path}?{query}", mark, resource.definition.cache_seconds, environ.get(TAGS))
        except DATABASE_ERRORS:
            return None  # the request will fail, too

    def keeping(self, environ: WSGIEnvironment, wsgi_app: AnyApp) -> AnyApp:
        """Return an app that runs `wsgi_app` and keeps its response if it is public and not too large.

        That is `wsgi_app` itself if the response is kept already, or is never kept.
        """
        if PLACE not in environ or environ[KEPT] is not None:
            return wsgi_app
        return partial(self._run, wsgi_app)

    def _run(self, wsgi_app: AnyApp, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        place: Place = environ[PLACE]
        begun: list[tuple[str, Headers]] = []

        def start(status: str, headers: Headers, _: ExceptionInfo | None = None, /) -> Callable[[bytes], object]:
            begun.append((status, headers))
            return list[bytes]().append  # the old way to send a body, which no view uses

        content = wsgi_app(environ, start)
        status, headers = begun[-1]
        is_public = any(name == "Cache-Control" and value.startswith(PUBLIC) for name, value in headers)
        if not is_public or status[:3] != "200":
            start_response(status, headers)
            return content
        with closing(ClosingIterator(content)) as parts:
            body = b"".join(parts)
        kept = Kept(place.mark, environ[IDENTITY].generation, environ.get(ROUTE), headers, body)
        if len(body) <= MAX_BYTES:
            self._cache.set(place.url, kept, place.seconds)
        environ[TAGS] = place.tags or ""
        return kept(environ, start_response)
