"""What a request needs that waits: whether its client is still there, and who it is after a while."""

from collections.abc import Callable
from wsgiref.types import WSGIEnvironment

from backend.middleware.app import App
from backend.middleware.authentication import IDENTITY, identify
from backend.middleware.catalog import choose_catalog
from backend.models.database import database

# Keys in the WSGI environment, of functions.
GONE = "larder.gone"  # returns whether the client has left
UNSENT = "larder.unsent"  # returns how many bytes of the response the client has yet to take


def is_gone(environ: WSGIEnvironment) -> bool:
    """Return whether the client of a request has closed its connection, as far as the server can know."""
    check: Callable[[], bool] | None = environ.get(GONE)
    return check is not None and check()


def unsent_bytes(environ: WSGIEnvironment) -> int:
    """Return how many bytes of the response wait in the server, because the client is slow."""
    count: Callable[[], int] | None = environ.get(UNSENT)
    return count() if count else 0


def continue_request(app: App, environ: WSGIEnvironment) -> None:
    """Find out again who makes a request, and which definitions are in force, after it has waited."""
    database.renew_wait()
    environ[IDENTITY] = identify(app, environ)
    choose_catalog(app, environ)
