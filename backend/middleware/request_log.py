"""One log line for each request, and its count for the metrics."""

from collections.abc import Callable
from typing import Any, Protocol
from wsgiref.types import StartResponse, WSGIEnvironment

import structlog
from flask import Flask
from werkzeug.exceptions import HTTPException

from backend.middleware.admission import is_only_granted
from backend.middleware.authentication import IDENTITY
from backend.middleware.paths import request_path
from backend.middleware.request_id import request_id
from backend.middleware.timing import seconds_since_start
from backend.middleware.wsgi import ExceptionInfo, Headers
from backend.services.operation.metrics import metrics
from backend.utils.meter import meter

ROUTE = "larder.route"  # the key in the WSGI environment
LOGGED_CHARACTERS = 200  # of the path of a refused request


class RequestLog:
    """Logs and counts each request when its answer begins."""

    def __init__(self) -> None:
        self._log = structlog.get_logger().bind()  # bound once: structlog would do it anew for every line

    def start_logging(self, environ: WSGIEnvironment, start_response: StartResponse) -> StartResponse:
        """Return the `start_response` of a request that is logged and counted."""

        def start(status: str, headers: Headers, exc_info: ExceptionInfo | None = None, /) -> Callable[[bytes], object]:
            if not is_only_granted(environ):  # else it will be logged and counted when it runs with its body
                self._write(environ, int(status[:3]))
            return start_response(status, headers, exc_info)

        return start

    def _write(self, environ: WSGIEnvironment, status: int) -> None:
        identity, route, seconds = environ.get(IDENTITY), environ.get(ROUTE), seconds_since_start(environ)
        method = environ["REQUEST_METHOD"].upper()
        metrics.count_answer(method, route, status, seconds, meter)
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
    """A request as far as its head could be read, and why the server does not give it to the app."""

    command: str
    path: str
    error: Any


def log_refusal(request: RefusedRequest, address: str, request_id: str, seconds: float) -> None:
    """Log and count a request that the server refuses by itself."""
    status = request.error.code
    metrics.count_answer(request.command, None, status, seconds, meter)
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
    """Note the route of a request that is refused before Flask has found its view."""
    try:
        adapter = app.create_url_adapter(app.request_class(environ))
        if adapter is not None:
            environ[ROUTE] = adapter.match(return_rule=True)[0].rule
    except HTTPException:
        pass  # nothing is at this path, or it takes another method
