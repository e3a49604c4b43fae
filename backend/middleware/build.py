"""The build of the app that serves: Flask, with the settings and the definitions in force."""

from wsgiref.types import WSGIEnvironment

from flask import Flask, current_app, has_request_context, request

from backend.config.settings import Settings
from backend.services.definitions.catalog import Catalog, Catalogs

CATALOG = "larder.catalog"  # the key in the WSGI environment


class Build(Flask):
    """A Flask app that knows its settings and the definitions in force."""

    def __init__(self, settings: Settings, catalogs: Catalogs) -> None:
        super().__init__("backend", static_folder=None)
        self.settings, self.catalogs = settings, catalogs

    @property
    def catalog(self) -> Catalog:
        """The Catalog that this request began with; outside of requests the newest."""
        return self.catalog_of(request.environ) if has_request_context() else self.catalogs.newest

    def catalog_of(self, environ: WSGIEnvironment) -> Catalog:
        """Return the Catalog that a request began with; `/health/live` begins with none and gets the newest."""
        catalog: Catalog = environ.get(CATALOG, self.catalogs.newest)
        return catalog


def current_build() -> Build:
    """Return the Build that runs this request or command; raise RuntimeError outside of both."""
    assert isinstance(current_app, Build)  # Flask's proxy has the class of the app behind it
    return current_app
