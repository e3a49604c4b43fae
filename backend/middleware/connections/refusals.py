"""Refusals of the server, before the app gets the request."""

from http import HTTPStatus
from typing import Any, Protocol

import structlog
from waitress.utilities import Error

LOGGED_CHARACTERS = 200

log = structlog.get_logger()


class Refusal(Error, Exception):
    """A request that is answered with an error and not worked on; its connection is closed."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.code, self.reason, self.message = status, HTTPStatus(status).phrase, message


class RefusedRequest(Protocol):
    """A request as far as its head could be read."""

    command: str
    path: str
    error: Any


def log_refusal(request: RefusedRequest, address: str, request_id: str) -> None:
    """Log a refused request like all others, as far as its head could be read."""
    log.info(
        "request",
        request_id=request_id,
        method=request.command or None,
        path=request.path[:LOGGED_CHARACTERS] or None,
        route=None,
        status=request.error.code,
        reason=getattr(request.error, "message", request.error.reason),
        address=address,
    )
