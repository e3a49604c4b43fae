"""The request id that every response, log line and entry of the audit trail carries."""

import re
from random import getrandbits
from wsgiref.types import WSGIEnvironment

REQUEST_ID_HEADER = "X-Request-ID"
_REQUEST_ID = "larder.request_id"
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}")


def request_id(environ: WSGIEnvironment) -> str:
    """Return the id of this request: the client's or the proxy's if it has a harmless form, else a new one."""
    known: str | None = environ.get(_REQUEST_ID)
    if known is None:
        given = environ.get("HTTP_X_REQUEST_ID", "")
        known = environ[_REQUEST_ID] = given if _ACCEPTED.fullmatch(given) else f"{getrandbits(128):032x}"
    return known
