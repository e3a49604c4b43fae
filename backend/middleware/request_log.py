"""One log line for each request, and the request id that every response carries."""

import re
import time
from random import getrandbits

import structlog
from flask import request

from backend.middleware.authentication import IDENTITY
from backend.middleware.builds import STARTED

REQUEST_ID_HEADER = "X-Request-ID"
_REQUEST_ID = "larder.request_id"
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}")


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


def request_id(environ):
    """Return the id of this request: the client's or the proxy's if it has a harmless form, else a new one."""
    known = environ.get(_REQUEST_ID)
    if known is None:
        given = environ.get("HTTP_X_REQUEST_ID", "")
        known = environ[_REQUEST_ID] = given if _ACCEPTED.fullmatch(given) else f"{getrandbits(128):032x}"
    return known
