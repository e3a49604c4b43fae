"""One log line for each request, and its count for the metrics."""

import time

import structlog
from flask import request

from backend.middleware.admission import is_only_granted
from backend.middleware.authentication import IDENTITY
from backend.middleware.dispatcher import STARTED
from backend.middleware.request_id import REQUEST_ID_HEADER, request_id
from backend.services.operation.metrics import metrics
from backend.utils.meter import meter


def init_app(app):
    """Log each request when it has been answered."""
    log = structlog.get_logger().bind()  # bound once: structlog would do it anew for every line

    @app.after_request
    def finish(response):
        current = request._get_current_object()  # each use of the proxy costs a look-up
        environ, rule = current.environ, current.url_rule
        if is_only_granted(environ):  # it will be logged and counted when it runs with its body
            return response
        identity = environ.get(IDENTITY)
        seconds, route = time.perf_counter() - environ[STARTED], rule.rule if rule else None
        metrics.count_answer(current.method, route, response.status_code, seconds, meter)
        response.headers[REQUEST_ID_HEADER] = request_id(environ)
        log.info(
            "request",
            request_id=request_id(environ),
            method=current.method,
            path=current.path,
            route=route,
            status=response.status_code,
            duration_ms=round(seconds * 1000, 2),
            database_ms=round(meter.seconds * 1000, 2),
            actor=identity.actor.user_id if identity else None,
            address=current.remote_addr,
        )
        return response
