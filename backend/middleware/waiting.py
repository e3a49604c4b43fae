"""What a request needs that waits: whether its client is still there, and who it is after a while."""

from collections.abc import Callable
from typing import TypeVar
from wsgiref.types import WSGIEnvironment

from backend.middleware.app import App
from backend.middleware.authentication import IDENTITY, identify
from backend.middleware.catalog import choose_catalog
from backend.models.database import DATABASE_ERRORS, database
from backend.models.definition import Generation
from backend.services.errors import Unavailable

T = TypeVar("T")

# Keys in the WSGI environment, of functions.
GONE = "larder.gone"  # returns whether the client has left, or was closed
CLOSED = "larder.closed"  # returns why the server has closed the connection; None if it has not
UNSENT = "larder.unsent"  # returns how many bytes of the response the client has yet to take


def is_gone(environ: WSGIEnvironment) -> bool:
    """Return whether the client of a request has closed its connection, as far as the server can know."""
    check: Callable[[], bool] | None = environ.get(GONE)
    return check is not None and check()


def closed_because(environ: WSGIEnvironment) -> str | None:
    """Return why the server has closed the connection of a request; None if the client has, or nobody."""
    reason: Callable[[], str | None] | None = environ.get(CLOSED)
    return reason() if reason else None


def unsent_bytes(environ: WSGIEnvironment) -> int:
    """Return how many bytes of the response wait in the server, because the client is slow."""
    count: Callable[[], int] | None = environ.get(UNSENT)
    return count() if count else 0


def continue_request(app: App, environ: WSGIEnvironment, read: Callable[[], T]) -> T:
    """Return what `read` returns, for a request that has waited.

    Before, find out again who makes the request, and which definitions are in force. If they change while `read` runs,
    it may fail, and begins anew.
    """
    failed_at = None
    while True:
        _renew(app, environ)
        try:
            return read()
        except (Unavailable, *DATABASE_ERRORS):
            generation = _generation()
            if generation in (None, failed_at, app.catalog_of(environ).generation):
                raise
            failed_at = generation


def _renew(app: App, environ: WSGIEnvironment) -> None:
    database.renew_wait()
    environ[IDENTITY] = identify(app, environ)
    choose_catalog(app, environ)


def _generation() -> int | None:
    """Return the generation now in force; None if the database does not answer."""
    try:
        return Generation.current()
    except DATABASE_ERRORS:
        return None
