"""Larder: declare a resource, get its API."""

import structlog

from backend import cli
from backend.config.logging import configure_logging
from backend.config.secret_key import load_secret_keys
from backend.config.settings import read_settings, unknown_variables
from backend.config.start import cannot_use_database, open_data_dir
from backend.middleware import admission, errors, headers, limits, request_log, tokens
from backend.middleware.connections.lanes import EXPORT_THREADS
from backend.middleware.dispatcher import Dispatcher
from backend.models.database import open_database
from backend.routes import (
    account,
    aggregates,
    api_keys,
    audit,
    auth,
    backups,
    batch,
    files,
    health,
    history,
    invitations,
    metrics,
    profile_fields,
    records,
    recovery,
    resources,
    roles,
    root,
    sessions,
    users,
)
from backend.routes.toolkit import idempotency, openapi
from backend.routes.toolkit.app import Larder
from backend.services.accounts import passwords
from backend.services.definitions.catalog import Catalogs
from backend.services.operation import error_tracking, jobs
from backend.services.operation import metrics as counts
from backend.services.storage import answer_sizes
from backend.utils import spool
from backend.utils.addresses import parse_networks


def create_app(settings=None):
    """Return the WSGI app, behind a dispatcher that brings each request together with the definitions in force."""
    settings = settings or read_settings()
    configure_logging(settings)
    open_data_dir(settings)
    for name in unknown_variables():
        structlog.get_logger().warning("unknown setting", variable=name)
    _open_database(settings)
    spool.room.max_bytes = settings.max_unread_bytes
    limits.open_limits(settings)
    passwords.configure(settings)
    answer_sizes.configure(settings)
    error_tracking.open_error_tracking(settings)
    jobs.open_jobs(settings)
    counts.open_metrics(settings)
    secret_keys = load_secret_keys(settings)
    app = _build(settings, secret_keys)
    secured = headers.SecurityHeaders(settings, openapi.docs_scripts())
    app.wsgi_app = Dispatcher(app, parse_networks(settings.trusted_proxies), secured.added)
    cli.init_app(app)
    return app


def _open_database(settings):
    try:
        open_database(
            settings.database_url,
            synchronous=settings.sqlite_synchronous,
            timeout_seconds=settings.database_timeout_seconds,
            query_seconds=settings.query_timeout_seconds,
            slow_seconds=settings.slow_query_ms / 1000,
            # Beside the requests: exports, commands and checks of the same process.
            pool_size=settings.threads + EXPORT_THREADS + 4,
        )
    except OSError as error:
        raise cannot_use_database(settings, error) from error


def _build(settings, secret_keys):
    app = Larder(settings, Catalogs(secret_keys), _make_blueprint)
    request_log.init_app(app)
    headers.init_app(app)
    errors.init_app(app)
    admission.init_app(app)
    tokens.init_app(app, settings, secret_keys)
    idempotency.init_app(app, secret_keys)
    limits.init_app(app)
    api = openapi.init_app(app)
    accounts = (auth, recovery, sessions, invitations, users, profile_fields, roles, api_keys)
    for module in (root, health, *accounts, resources, batch, audit, backups):
        api.register_blueprint(module.blp)
    for module in (account, metrics):
        app.register_blueprint(module.blp)
    return app


def _make_blueprint(resource):
    """Return the blueprint of a resource with all its views."""
    blp = records.make_blueprint(resource)
    for module in (files, aggregates, history):
        module.add_views(blp)
    return blp
