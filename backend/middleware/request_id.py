"""The request id, which is in every response, log line and audit entry."""

import re
from random import getrandbits
from wsgiref.types import WSGIEnvironment

REQUEST_ID_HEADER = "X-Request-ID"
_REQUEST_ID = "larder.request_id"  # the key in the WSGI environment
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}")


def request_id(environ: WSGIEnvironment) -> str:
    """Return the id of this request: that of `X-Request-ID` if its form is accepted, else a new one."""
    found: str | None = environ.get(_REQUEST_ID)
    if found is None:
        header = environ.get("HTTP_X_REQUEST_ID", "")
        found = environ[_REQUEST_ID] = header if _ACCEPTED.fullmatch(header) else f"{getrandbits(128):032x}"
    return found
