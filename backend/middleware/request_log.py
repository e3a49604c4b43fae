"""One log line for each request, and the request id that every response carries."""

import re
import time
import uuid

import structlog
from flask import request

from backend.middleware.authentication import IDENTITY
from backend.middleware.builds import STARTED

REQUEST_ID_HEADER = "X-Request-ID"
_REQUEST_ID = "larder.request_id"
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}")

log = structlog.get_logger()


def init_app(app):
    """Log each request when it has been answered."""
    app.after_request(_finish)


def request_id():
    """Return the id of this request: the client's or the proxy's if it has a harmless form, else a new one."""
    known = request.environ.get(_REQUEST_ID)
    if known is None:
        given = request.environ.get("HTTP_X_REQUEST_ID", "")
        known = request.environ[_REQUEST_ID] = given if _ACCEPTED.fullmatch(given) else uuid.uuid4().hex
    return known


def _finish(response):
    response.headers[REQUEST_ID_HEADER] = request_id()
    environ = request.environ
    identity = environ.get(IDENTITY)
    log.info(
        "request",
        request_id=request_id(),
        method=request.method,
        path=request.path,
        route=request.url_rule.rule if request.url_rule else None,
        status=response.status_code,
        duration_ms=round((time.perf_counter() - environ[STARTED]) * 1000, 2),
        actor=identity.actor.user_id if identity else None,
        address=request.remote_addr,
    )
    return response
