"""The dispatcher in front of the app: every request runs on the definitions in force."""

import time

from backend.middleware.authentication import IDENTITY, identify
from backend.middleware.build import CATALOG, Build
from backend.middleware.client_address import ClientAddresses
from backend.middleware.conditions import forget_impossible_dates, simplify_tags
from backend.middleware.paths import LIVENESS_PATH
from backend.middleware.request_id import request_id
from backend.models.database import DATABASE_ERRORS, database
from backend.services.access import audit
from backend.services.operation.metrics import metrics
from backend.utils.meter import meter

STARTED = "larder.started"
WAITED = "larder.waited"  # seconds before a worker took it


class Dispatcher:
    """A WSGI app that gives each request the Catalog of the generation that is in the database when it begins.

    Requests under way finish with the one they began with.
    """

    def __init__(self, app: Build, trusted_proxies, add_headers):
        self._app, self._serve = app, app.wsgi_app
        self._addresses = ClientAddresses(trusted_proxies) if trusted_proxies else None
        self._add_headers = add_headers

    def __call__(self, environ, start_response):
        environ[STARTED] = time.perf_counter()
        meter.begin(request_id(environ))
        database.begin_request(environ.get(WAITED, 0))
        metrics.request_began()
        try:
            simplify_tags(environ)
            forget_impossible_dates(environ)
            if self._addresses:
                environ["REMOTE_ADDR"] = self._addresses.find(environ)
            if environ.get("PATH_INFO") != LIVENESS_PATH:
                audit.origin.set(audit.Origin(environ.get("REMOTE_ADDR"), request_id(environ)))
                identity = environ[IDENTITY] = identify(self._app, environ)
                environ[CATALOG] = self._catalog(identity, environ)
            return self._serve(environ, self._add_headers(environ, start_response))
        finally:
            audit.origin.set(audit.NOWHERE)
            database.end_request()
            metrics.request_ended()
            meter.begin(None)

    def _catalog(self, identity, environ):
        """Return the Catalog of the generation that the request has seen."""
        catalog = self._app.catalogs.newest
        if identity.generation in (None, catalog.generation):
            return catalog
        try:
            return self._app.catalogs.after(catalog, identity.generation)
        except DATABASE_ERRORS as error:
            environ[IDENTITY] = identity._replace(failure=error)
            return catalog
