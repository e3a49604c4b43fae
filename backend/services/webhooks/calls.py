"""Calls of webhooks: a POST to an address that was checked, limited in time and size whatever the receiver does."""

import re
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from http.client import BadStatusLine, HTTPConnection, HTTPException, HTTPResponse
from typing import Any, NamedTuple

from backend.services.webhooks.sockets import Deadline, TimedSocket, connect, encrypted
from backend.services.webhooks.targets import Resolver, Target, resolve
from backend.utils.addresses import Network

CALL_SECONDS = 15
BODY_SECONDS = 1  # in which the receiver may send its body, so that it sees no broken connection
MAX_RESPONSE_BYTES = 16 << 10  # headers and body; nothing of the body is kept
STATUS_LINE = re.compile(rb"(HTTP/1\.[0-9])[ \t]+([1-9][0-9][0-9])(?:[ \t]+([^\r\n]*))?\r?\n")  # RFC 9112, 4


class CallFailed(Exception):
    """No response to a call; the text says why, without anything that the receiver has sent."""


class Response(NamedTuple):
    """The status of a response, and its header `Retry-After`."""

    status: int
    retry_after: str | None


class Client(NamedTuple):
    """Calls targets whose addresses are all public, or in `networks`."""

    networks: Sequence[Network]
    resolver: Resolver = socket.getaddrinfo
    seconds: float = CALL_SECONDS

    def post(self, target: Target, headers: Mapping[str, str], body: bytes) -> Response:
        """Send a body, and return the Response. Redirects are not followed. Raises NotAllowed or CallFailed."""
        deadline = Deadline(time.monotonic() + self.seconds)
        try:
            with closing(self._open(target, deadline)) as connection:
                return _exchange(connection, target, headers, body)
        except (OSError, HTTPException, ValueError) as error:
            raise CallFailed(self._reason(error)) from error

    def _open(self, target: Target, deadline: Deadline) -> TimedSocket:
        """Return a connection to one of the addresses that were checked: the name is not looked up again."""

        def look_up(*arguments: Any, **options: Any) -> Any:
            return deadline.run(lambda: self.resolver(*arguments, **options))

        addresses = resolve(target, self.networks, look_up)
        connected = connect(addresses, target.port, deadline)
        if target.scheme == "https":
            connected = encrypted(connected, target.host, deadline)
        return TimedSocket(connected, deadline, MAX_RESPONSE_BYTES)

    def _reason(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"No response within {self.seconds:g} seconds."
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"The certificate is not valid: {error.verify_message.rstrip('.')}."
        if isinstance(error, ssl.SSLError):
            return f"The TLS connection failed: {error.reason or 'for an unknown reason'}."
        if isinstance(error, socket.gaierror):
            return "The name of the host cannot be resolved."
        if isinstance(error, OSError) and error.strerror:
            return f"The connection failed: {error.strerror}."
        return "The connection was closed, or the response was not valid HTTP."


class _StrictResponse(HTTPResponse):
    """A response with a status line as RFC 9112 has it; http.client also takes `HTTP/0.9`, `+200` and half a line."""

    def _read_status(self) -> tuple[str, int, str]:
        found = STATUS_LINE.fullmatch(self.fp.readline(MAX_RESPONSE_BYTES))
        if found is None:
            raise BadStatusLine("")
        version, status, reason = found.groups(b"")
        return version.decode(), int(status), reason.decode("iso-8859-1")


def _exchange(connection: TimedSocket, target: Target, headers: Mapping[str, str], body: bytes) -> Response:
    exchange = HTTPConnection(target.host, target.port)
    exchange.response_class = _StrictResponse
    exchange.sock = connection
    exchange.request("POST", target.path, body, {"Host": target.authority, "Connection": "close", **headers})
    response = exchange.getresponse()
    connection.limit_to(BODY_SECONDS)
    with suppress(OSError, HTTPException, ValueError):
        response.read(MAX_RESPONSE_BYTES)
    return Response(response.status, response.headers.get("Retry-After"))
