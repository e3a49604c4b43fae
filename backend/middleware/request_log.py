"""One log line for each request, and its count for the metrics."""

from typing import Any, Protocol
from wsgiref.types import WSGIEnvironment

import structlog
from flask import Flask
from werkzeug.exceptions import HTTPException

from backend.middleware.admission import ended_at_body
from backend.middleware.authentication import IDENTITY
from backend.middleware.paths import request_path
from backend.middleware.request_id import request_id
from backend.middleware.timing import seconds_since_start
from backend.services.operation.metrics import metrics
from backend.utils.meter import meter

ROUTE = "larder.route"  # the key in the WSGI environment
LOGGED_CHARACTERS = 200  # of the path of a request that the server refuses


class RequestLog:
    """Logs and counts each request when its response begins."""

    def __init__(self) -> None:
        self._log = structlog.get_logger().bind()  # bound once, because structlog would bind for every line

    def write(self, environ: WSGIEnvironment, status: int) -> None:
        """Log and count a request whose response has this status."""
        if ended_at_body(environ):  # then the second run will be logged and counted
            return
        identity, route, seconds = environ.get(IDENTITY), environ.get(ROUTE), seconds_since_start(environ)
        method = environ["REQUEST_METHOD"].upper()
        metrics.count_response(method, route, status, seconds, meter)
        self._log.info(
            "request",
            request_id=request_id(environ),
            method=method,
            path=request_path(environ),
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 2),
            database_ms=round(meter.seconds * 1000, 2),
            actor=identity.actor.user_id if identity else None,
            address=environ.get("REMOTE_ADDR"),
        )


class RefusedRequest(Protocol):
    """A request that the server refuses: the part of its head that could be read, and the error."""

    command: str
    path: str
    error: Any


def log_refusal(request: RefusedRequest, status: int, address: str, request_id: str, seconds: float) -> None:
    """Log and count a request that the server answers with this status without the app."""
    metrics.count_response(request.command, None, status, seconds, meter)
    structlog.get_logger().info(
        "request",
        request_id=request_id,
        method=request.command or None,
        path=request.path[:LOGGED_CHARACTERS] or None,
        route=None,
        status=status,
        reason=getattr(request.error, "message", request.error.reason),
        address=address,
    )


def note_route(app: Flask, environ: WSGIEnvironment) -> None:
    """Look up the route of a request for the log, because it is refused before Flask finds its view."""
    try:
        adapter = app.create_url_adapter(app.request_class(environ))
        if adapter is not None:
            environ[ROUTE] = adapter.match(return_rule=True)[0].rule
    except HTTPException:
        pass  # no view has this path and method
