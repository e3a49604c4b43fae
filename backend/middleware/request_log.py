"""One log line for each request."""

import time

import structlog
from flask import request

from backend.middleware.authentication import IDENTITY
from backend.middleware.builds import STARTED
from backend.middleware.request_id import REQUEST_ID_HEADER, request_id


def init_app(app):
    """Log each request when it has been answered."""
    log = structlog.get_logger().bind()  # bound once: structlog would do it anew for every line

    @app.after_request
    def finish(response):
        current = request._get_current_object()  # each use of the proxy costs a look-up
        environ, rule = current.environ, current.url_rule
        identity = environ.get(IDENTITY)
        response.headers[REQUEST_ID_HEADER] = request_id(environ)
        log.info(
            "request",
            request_id=request_id(environ),
            method=current.method,
            path=current.path,
            route=rule.rule if rule else None,
            status=response.status_code,
            duration_ms=round((time.perf_counter() - environ[STARTED]) * 1000, 2),
            actor=identity.actor.user_id if identity else None,
            address=current.remote_addr,
        )
        return response
