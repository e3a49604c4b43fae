"""The dispatcher in front of the app: every request runs on a build of the definitions in force."""

import threading
import time

from peewee import PeeweeException

from backend.middleware.authentication import IDENTITY, identify
from backend.middleware.client_address import ClientAddresses
from backend.middleware.etags import simplify_tags
from backend.middleware.request_id import request_id
from backend.models.database import database
from backend.services import audit, metrics
from backend.utils.meter import meter

STARTED = "larder.started"
LIVENESS_PATH = "/health/live"  # answers without the database


class Builds:
    """A WSGI app that holds the current build and replaces it when the generation in the database has moved on.

    Flask takes no new blueprints once it has served, so new definitions mean a new app. Requests under way finish on
    the build they began with.
    """

    def __init__(self, first, make_build, trusted_proxies, add_headers):
        self.current = first
        self._addresses = ClientAddresses(trusted_proxies) if trusted_proxies else None
        self._add_headers = add_headers
        self._make_build = make_build
        self._lock = threading.Lock()
        self._first, self._first_wsgi_app = first, first.wsgi_app

    def __call__(self, environ, start_response):
        environ[STARTED] = time.perf_counter()
        meter.begin(request_id(environ))
        database.begin_request()
        metrics.request_began()
        try:
            build = self.current
            simplify_tags(environ)
            if self._addresses:
                environ["REMOTE_ADDR"] = self._addresses.find(environ)
            if environ.get("PATH_INFO") != LIVENESS_PATH:
                audit.origin.set(audit.Origin(environ.get("REMOTE_ADDR"), request_id(environ)))
                identity = environ[IDENTITY] = identify(build, environ)
                if identity.generation not in (None, build.catalog.generation):
                    build = self._replace(build, identity, environ)
            # The first build is the Flask app that stands outside, so its own wsgi_app is this dispatcher.
            serve = self._first_wsgi_app if build is self._first else build.wsgi_app
            return serve(environ, self._add_headers(environ, start_response))
        finally:
            audit.origin.set(audit.NOWHERE)
            database.end_request()
            metrics.request_ended()
            meter.begin(None)

    def _replace(self, stale, identity, environ):
        """Return the build of the generation that the request has seen, made by the first thread that gets here."""
        try:
            with self._lock:
                # A restored backup may have an older generation, so any other than the stale build's counts.
                if self.current is stale or self.current.catalog.generation < identity.generation:
                    self.current = self._make_build()
                return self.current
        except PeeweeException as error:
            environ[IDENTITY] = identity._replace(failure=error)
            return stale
