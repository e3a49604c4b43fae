"""The Flask app of Larder: Flask with the settings and the catalogs of resources."""

from wsgiref.types import WSGIEnvironment

from flask import Flask, current_app, has_request_context, request

from backend.config.settings import Settings
from backend.services.definitions.catalog import Catalog, Catalogs

CATALOG = "larder.catalog"  # the key in the WSGI environment


class App(Flask):
    """A Flask app with its settings and its catalogs of resources."""

    def __init__(self, settings: Settings, catalogs: Catalogs) -> None:
        super().__init__("backend", static_folder=None)
        self.settings, self.catalogs = settings, catalogs

    @property
    def catalog(self) -> Catalog:
        """The Catalog that this request began with; outside a request, the newest one."""
        return self.catalog_of(request.environ) if has_request_context() else self.catalogs.newest

    def catalog_of(self, environ: WSGIEnvironment) -> Catalog:
        """Return the Catalog that a request began with; `/health/live` has none and gets the newest."""
        catalog: Catalog = environ.get(CATALOG, self.catalogs.newest)
        return catalog


def get_app() -> App:
    """Return the App that runs this request or command. Raises RuntimeError outside both."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # its proxy is typed as the app itself
    assert isinstance(app, App)
    return app
