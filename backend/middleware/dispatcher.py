"""The dispatcher in front of Flask: the stages that every request passes, in their order (docs/decisions/028)."""

from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.exceptions import TooManyRequests

from backend.middleware import timing
from backend.middleware.answer import Answer
from backend.middleware.app import App
from backend.middleware.authentication import IDENTITY, Identity, identify
from backend.middleware.catalog import choose_catalog
from backend.middleware.client_address import ClientAddresses
from backend.middleware.conditional_headers import normalize_conditional_headers
from backend.middleware.cors import Cors, preflight_response
from backend.middleware.errors import http_error_response
from backend.middleware.headers import ResponseHeaders
from backend.middleware.kept_responses import KEPT, Kept, KeptResponses
from backend.middleware.limits import limits
from backend.middleware.paths import ASSETS_PATH, LIVENESS_PATH, request_path
from backend.middleware.request_id import request_id
from backend.middleware.request_log import RequestLog, note_route
from backend.middleware.wsgi import ExceptionInfo, Headers
from backend.services.access import audit
from backend.utils.addresses import parse_networks
from backend.utils.nearest import SEARCHES_OF_A_REQUEST, searches_left


class Dispatcher:
    """WSGI middleware around the Flask app: runs the stages, then calls Flask, or what answers without it."""

    def __init__(self, app: App, answer_directly: Callable[[WSGIEnvironment], Answer | None]) -> None:
        self._app, self._answer_directly = app, answer_directly
        self._flask = app.wsgi_app  # saved, because create_app then sets `app.wsgi_app` to this dispatcher
        self._addresses = ClientAddresses(parse_networks(app.settings.trusted_proxies))
        self._cors = Cors(app.settings)
        self._headers = ResponseHeaders(app.settings, self._cors)
        self._log, self._kept = RequestLog(), KeptResponses(app)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request. The stages run in this order; `start` runs when the response begins."""
        timing.begin(environ)
        searches_left.set(SEARCHES_OF_A_REQUEST)
        try:
            normalize_conditional_headers(environ)
            self._addresses.set_client_address(environ)
            audit.source.set(audit.Source(environ.get("REMOTE_ADDR"), request_id(environ)))
            is_preflight = self._cors.is_preflight(environ)
            if not is_preflight and request_path(environ) != LIVENESS_PATH:  # neither may need the database
                environ[IDENTITY] = self._identify(environ)
                choose_catalog(self._app, environ)  # the definitions that this request uses

            def start(
                status: str, headers: Headers, exc_info: ExceptionInfo | None = None, /
            ) -> Callable[[bytes], object]:
                headers = self._headers.complete(environ, headers)
                self._log.write(environ, int(status[:3]))
                return start_response(status, headers, exc_info)

            wsgi_app = preflight_response(environ) if is_preflight else self._choose(environ)
            return self._kept.keeping(environ, wsgi_app)(environ, start)
        finally:
            # `timing.end` gives the database connection back. The server reads the response body only afterwards; that
            # needs no connection, because an export is already in a temporary file.
            audit.source.set(audit.NO_REQUEST)
            searches_left.set(None)
            timing.end()

    def _identify(self, environ: WSGIEnvironment) -> Identity:
        if request_path(environ).startswith(ASSETS_PATH):  # the same for everybody, and many at once
            return Identity(None)
        kept = self._kept.find(environ)
        # Nothing has been committed since the response was read, so neither has another generation.
        return Identity(kept.generation) if kept else identify(self._app, environ)

    def _choose(self, environ: WSGIEnvironment) -> WSGIApplication | Answer | Kept:
        """Return what answers: 429 over the limit, a kept response, a record without Flask, or else Flask."""
        try:
            limits.enforce(environ)  # skips /health/live, which has no identity
        except TooManyRequests as refusal:
            note_route(self._app, environ)  # Flask, which normally sets the route for the log, does not run
            return http_error_response(refusal)
        answer = environ.get(KEPT) or self._answer_directly(environ)
        return self._flask if answer is None else answer
