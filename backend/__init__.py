"""Larder: declare a resource, get its API."""

import structlog

# Before all other modules: fields copy their messages when they are created.
from backend.utils import marshmallow_messages  # noqa: F401

# isort: split

from backend.cli import commands
from backend.config.logging import configure_logging
from backend.config.reading import read_settings, unknown_variables
from backend.config.secret_key import load_secret_keys
from backend.config.settings import Settings
from backend.config.start import open_data_dir
from backend.middleware import admission, errors, file_links, tokens
from backend.middleware.dispatcher import Dispatcher
from backend.middleware.limits import limits
from backend.models.database import database
from backend.routes import (
    admin,
    aggregates,
    api_keys,
    audit,
    auth,
    backups,
    batch,
    changes,
    directory,
    docs,
    files,
    health,
    history,
    invitations,
    mails,
    record_files,
    records,
    recovery,
    resources,
    roles,
    root,
    row_files,
    schema,
    sessions,
    user_settings,
    users,
    webhook_deliveries,
    webhooks,
)
from backend.routes import jobs as jobs_route
from backend.routes import metrics as metrics_route
from backend.routes.toolkit import idempotency
from backend.routes.toolkit.app import Larder
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.openapi import Api
from backend.routes.toolkit.writes import DirectWrites
from backend.services.accounts.mail_texts import mail_texts
from backend.services.accounts.passwords import hashing
from backend.services.definitions.catalog import Catalogs, Resource
from backend.services.files.storage import storage
from backend.services.files.support import file_support
from backend.services.files.thumbnails import thumbnails
from backend.services.files.urls import file_urls
from backend.services.operation import cleanup, file_cleanup  # noqa: F401 - importing a module registers its jobs
from backend.services.operation.error_tracking import error_tracking
from backend.services.operation.jobs import jobs
from backend.services.operation.metrics import metrics
from backend.services.operation.open_streams import open_streams
from backend.services.records.change_cursors import cursor_life
from backend.services.storage.answer_sizes import response_limit
from backend.services.storage.counts import count_limit
from backend.services.storage.feed_watch import feed_watch
from backend.services.webhooks.secrets import webhook_secrets
from backend.utils.spool import quota

# State of the process, in the order in which it is opened: it outlives an app.
STATE = (
    *(database, quota, limits, hashing, mail_texts, response_limit, count_limit, storage),
    *(file_urls, file_support, thumbnails, feed_watch, cursor_life, open_streams, webhook_secrets),
    *(error_tracking, jobs, metrics),
)

# In the order of /docs.
DOCUMENTED = (
    *(root, health, auth, recovery, sessions, invitations, users, user_settings, roles, api_keys),
    *(schema, resources, batch, changes, webhooks, webhook_deliveries, files, audit, backups, jobs_route, mails),
)
UNDOCUMENTED = (admin, docs, metrics_route)


def create_app(settings: Settings | None = None) -> Larder:
    """Return the app, behind the dispatcher with the stages of a request; without settings, read them.

    Raises SettingsError, StartError, or PeeweeException where the database cannot be opened.
    """
    settings = settings or read_settings()
    configure_logging(settings)
    open_data_dir(settings)
    for name, advice in unknown_variables().items():
        structlog.get_logger().warning("unknown setting", variable=name, advice=advice)
    for each in STATE:
        each.open(settings)
    app = _make_app(settings, load_secret_keys(settings))
    app.wsgi_app = Dispatcher(app, DirectWrites(app).answer)  # type: ignore[method-assign]  # Flask's own way to wrap it
    commands.init_app(app)
    return app


def _make_app(settings: Settings, secret_keys: list[str]) -> Larder:
    """Return the Flask app, with all routes of the system; those of resources are made when they are asked for."""
    app = Larder(settings, Catalogs(secret_keys), _make_blueprint)
    errors.init_app(app)
    admission.init_app(app)
    tokens.init_app(app, settings, secret_keys)
    file_links.init_app(app, secret_keys)
    idempotency.init_app(app, secret_keys)
    limits.init_app(app)
    api = Api(app)
    for module in DOCUMENTED:
        api.register_blueprint(module.blp)
    for page in UNDOCUMENTED:
        app.register_blueprint(page.blp)
    return app


def _make_blueprint(resource: Resource) -> Blueprint:
    """Return the blueprint of a resource with all its views; that of the users is the directory."""
    if resource is resource.catalog.people:
        return directory.make_blueprint(resource)
    blp = records.make_blueprint(resource)
    for module in (row_files, aggregates, history, record_files):
        module.add_views(blp)
    return blp
