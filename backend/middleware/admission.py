"""Whether the body of a request may come in: asked with its head alone, before the server reads a large one.

The app runs without the body. Whatever it refuses, it refuses as ever; when it begins to read, the body may come in.
"""

import io

from flask import Response, request

ADMISSION = "larder.admission"  # the key in the WSGI environment


class Admission:
    """What became of the question: `is_granted`, and `is_used` once the request runs with its body."""

    is_granted = is_used = False


class BodyWanted(Exception):
    """The app begins to read a body that has not come in yet."""


class UnreadBody(io.RawIOBase):
    """The body of a request of which the server has only the head."""

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer) -> int:
        """Raise BodyWanted."""
        raise BodyWanted


def init_app(app) -> None:
    """Note when the app begins to read a body that has not come in yet."""

    @app.errorhandler(BodyWanted)
    def grant(error):
        request.environ[ADMISSION].is_granted = True
        return Response(status=204)  # nobody is sent it


def is_only_granted(environ: dict) -> bool:
    """Tell whether this run of the app has ended where the body was wanted."""
    admission = environ.get(ADMISSION)
    return admission is not None and admission.is_granted and not admission.is_used


def was_admitted(environ: dict) -> bool:
    """Tell whether the app runs for the second time, now with the body."""
    admission = environ.get(ADMISSION)
    return admission is not None and admission.is_used
