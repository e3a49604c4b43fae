"""Admission of large bodies: the app first runs with the head of a request, before the server receives the body.

In this first run the app can refuse the request, for example because nobody is signed in. If it begins to read the
body instead, the first run ends, the server receives the body, and the app runs again (docs/decisions/018).
"""

import io
from typing import TYPE_CHECKING
from wsgiref.types import WSGIEnvironment

from flask import Flask, Response, request

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

ADMISSION = "larder.admission"  # the key in the WSGI environment


class Admission:
    """The state of one request: `is_granted` if the server may receive the body, `is_used` if the app runs with it."""

    is_granted = is_used = False


class BodyNeeded(Exception):
    """The app begins to read a body that the server has not received yet."""


class UnreadBody(io.RawIOBase):
    """The body of a request whose head alone has been received."""

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Raise BodyNeeded."""
        raise BodyNeeded


def init_app(app: Flask) -> None:
    """Grant admission when the app begins to read a body that the server has not received yet."""
    app.register_error_handler(BodyNeeded, _grant)


def _grant(error: BodyNeeded) -> Response:
    request.environ[ADMISSION].is_granted = True
    return Response(status=204)  # the server does not send it


def ended_at_body(environ: WSGIEnvironment) -> bool:
    """Return whether this first run of the app ended because it began to read the body."""
    admission: Admission | None = environ.get(ADMISSION)
    return admission is not None and admission.is_granted and not admission.is_used


def was_admitted(environ: WSGIEnvironment) -> bool:
    """Return whether this is the second run of the app, with the body."""
    admission: Admission | None = environ.get(ADMISSION)
    return admission is not None and admission.is_used
