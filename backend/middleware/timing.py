"""Measures a request: its duration, and its use of the database, which has a time limit."""

import time
from wsgiref.types import WSGIEnvironment

from backend.middleware.request_id import request_id
from backend.models.database import database
from backend.services.operation.metrics import metrics
from backend.utils.meter import meter

# Keys in the WSGI environment.
STARTED = "larder.started"  # a reading of time.perf_counter()
WAITED = "larder.waited"  # seconds that the request waited for a thread


def begin(environ: WSGIEnvironment) -> None:
    """Start the clocks of a request in this thread."""
    environ[STARTED] = time.perf_counter()
    meter.begin(request_id(environ))
    database.begin_request(environ.get(WAITED, 0))
    metrics.request_began()


def seconds_since_start(environ: WSGIEnvironment) -> float:
    """Return how many seconds a request has taken so far."""
    started: float = environ[STARTED]
    return time.perf_counter() - started


def end() -> None:
    """Stop the clocks, and return the connection to the pool."""
    database.end_request()
    metrics.request_ended()
    meter.begin(None)
