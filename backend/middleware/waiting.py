"""What a request needs that waits: whether its client is still there, and who it is after a while."""

from collections.abc import Callable
from wsgiref.types import WSGIEnvironment

from backend.middleware.app import App
from backend.middleware.authentication import IDENTITY, identify
from backend.middleware.catalog import choose_catalog
from backend.models.database import database

GONE = "larder.gone"  # the key in the WSGI environment of a function that returns whether the client has left


def is_gone(environ: WSGIEnvironment) -> bool:
    """Return whether the client of a request has closed its connection, as far as the server can know."""
    check: Callable[[], bool] | None = environ.get(GONE)
    return check is not None and check()


def continue_request(app: App, environ: WSGIEnvironment) -> None:
    """Find out again who makes a request, and which definitions are in force, after it has waited."""
    database.renew_wait()
    environ[IDENTITY] = identify(app, environ)
    choose_catalog(app, environ)
