"""Admission of large bodies: the app runs with the head of the request alone, before the server reads the body.

The app refuses what it can refuse without the body, such as a request without a sign-in. When it begins to read the
body, the server receives it, and the app runs again (docs/decisions/018).
"""

import io
from typing import TYPE_CHECKING
from wsgiref.types import WSGIEnvironment

from flask import Flask, Response, request

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

ADMISSION = "larder.admission"  # the key in the WSGI environment


class Admission:
    """Whether the body may come in: `is_granted`, and `is_used` once the request runs with its body."""

    is_granted = is_used = False


class BodyWanted(Exception):
    """The app begins to read a body that has not come in yet."""


class UnreadBody(io.RawIOBase):
    """The body of a request of which the server has only the head."""

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Raise BodyWanted."""
        raise BodyWanted


def init_app(app: Flask) -> None:
    """Grant admission when the app begins to read a body that has not come in yet."""
    app.register_error_handler(BodyWanted, _grant)


def _grant(error: BodyWanted) -> Response:
    request.environ[ADMISSION].is_granted = True
    return Response(status=204)  # nobody is sent it


def is_only_granted(environ: WSGIEnvironment) -> bool:
    """Tell whether this run of the app has ended where the body was wanted."""
    admission: Admission | None = environ.get(ADMISSION)
    return admission is not None and admission.is_granted and not admission.is_used


def was_admitted(environ: WSGIEnvironment) -> bool:
    """Tell whether the app runs for the second time, now with the body."""
    admission: Admission | None = environ.get(ADMISSION)
    return admission is not None and admission.is_used
