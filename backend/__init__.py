"""Larder: declare a resource, get its API."""

import structlog
from flask import Flask

from backend import cli
from backend.config.logging import configure_logging
from backend.config.secret_key import load_secret_key
from backend.config.settings import read_settings, unknown_variables
from backend.middleware import authentication, errors, openapi, request_log
from backend.middleware.builds import Builds
from backend.models.database import open_database
from backend.routes import audit, auth, health, records, resources, roles, root, sessions, user_settings, users
from backend.services.catalog import load_catalog


class Larder(Flask):
    """A build: the app of one generation of definitions."""

    def __init__(self, settings, catalog):
        super().__init__("backend", static_folder=None)
        self.url_map.merge_slashes = False  # a doubled slash is a wrong path, not a redirect
        self.settings, self.catalog = settings, catalog
        self.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
        self.json.sort_keys = False

    def log_exception(self, exc_info):
        """Leave it to middleware/errors.py, which logs once and with the request id."""


def create_app(settings=None):
    """Return the WSGI app: a first build, behind a dispatcher that replaces it when definitions change."""
    settings = settings or read_settings()
    configure_logging(settings)
    for name in unknown_variables():
        structlog.get_logger().warning("unknown setting", variable=name)
    open_database(
        settings.database_url,
        synchronous=settings.sqlite_synchronous,
        timeout_seconds=settings.database_timeout_seconds,
        pool_size=settings.threads + 4,  # beside the requests: commands and checks of the same process
    )
    secret_key = load_secret_key(settings)
    app = _build(settings, secret_key)
    app.wsgi_app = Builds(app, lambda: _build(settings, secret_key))
    cli.init_app(app)
    return app


def _build(settings, secret_key):
    catalog = load_catalog(secret_key)
    app = Larder(settings, catalog)
    request_log.init_app(app)
    errors.init_app(app)
    authentication.init_app(app, settings, secret_key)
    api = openapi.init_app(app)
    for module in (root, health, auth, sessions, users, user_settings, roles, resources, audit):
        api.register_blueprint(module.blp)
    for resource in catalog.values():
        api.register_blueprint(records.make_blueprint(resource))
    return app
