"""A response that is complete before it is sent, with or without Flask."""

from collections.abc import Iterable
from typing import NamedTuple
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.http import HTTP_STATUS_CODES

from backend.middleware.wsgi import Headers

NOT_MODIFIED = 304
STATUS_LINES = {status: f"{status} {phrase.upper()}" for status, phrase in HTTP_STATUS_CODES.items()}


class Answer(NamedTuple):
    """The body, status and headers of a response.

    A view may return it, since Flask takes such a tuple. It is also a WSGI app: called, it sends itself.
    """

    body: bytes
    status: int
    headers: Headers

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send the response with the headers that Flask would send."""
        length = [] if self.status == NOT_MODIFIED else [("Content-Length", str(len(self.body)))]
        start_response(STATUS_LINES[self.status], [*self.headers, *length])
        return [self.body]
