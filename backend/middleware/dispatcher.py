"""The dispatcher in front of Flask: the stages that every request passes, in their order (docs/decisions/028)."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.exceptions import TooManyRequests

from backend.middleware import timing
from backend.middleware.app import App
from backend.middleware.authentication import IDENTITY, identify
from backend.middleware.catalog import choose_catalog
from backend.middleware.client_address import ClientAddresses
from backend.middleware.conditions import simplify_conditions
from backend.middleware.errors import answer_http_error
from backend.middleware.headers import AnswerHeaders
from backend.middleware.limits import limits
from backend.middleware.paths import LIVENESS_PATH, request_path
from backend.middleware.request_id import request_id
from backend.middleware.request_log import RequestLog, note_route
from backend.services.access import audit
from backend.utils.addresses import parse_networks


class Dispatcher:
    """WSGI middleware around the Flask app: runs the stages, then calls Flask.

    `docs_scripts` are the hashes of the scripts in the page of the documentation.
    """

    def __init__(self, app: App, docs_scripts: str) -> None:
        self._app, self._flask = app, app.wsgi_app
        self._addresses = ClientAddresses(parse_networks(app.settings.trusted_proxies))
        self._headers, self._log = AnswerHeaders(app.settings, docs_scripts), RequestLog()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request: each line is a stage."""
        timing.begin(environ)
        try:
            simplify_conditions(environ)
            self._addresses.resolve(environ)
            audit.origin.set(audit.Origin(environ.get("REMOTE_ADDR"), request_id(environ)))
            if request_path(environ) != LIVENESS_PATH:  # answers without the database
                environ[IDENTITY] = identify(self._app, environ)
                choose_catalog(self._app, environ)
            start_response = self._log.start_logging(environ, start_response)
            start_response = self._headers.start_completing(environ, start_response)
            return self._admit(environ)(environ, start_response)
        finally:
            audit.origin.set(audit.NOWHERE)
            timing.end()

    def _admit(self, environ: WSGIEnvironment) -> WSGIApplication:
        """Return the app that answers: Flask, or the refusal of a request beyond the limit."""
        try:
            limits.count_request(environ)
        except TooManyRequests as refusal:
            note_route(self._app, environ)
            return answer_http_error(refusal)
        return self._flask
