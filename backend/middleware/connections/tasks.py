"""Tasks: a worker answers a request with one, from the app or with an error of the server."""

import json
import time
from functools import lru_cache
from wsgiref.types import WSGIEnvironment

import waitress.task
from waitress.utilities import build_http_date

from backend.middleware.admission import ADMISSION
from backend.middleware.cors import preflight_headers
from backend.middleware.errors import CODES, HEADERS, error_body
from backend.middleware.request_id import request_id
from backend.middleware.request_log import log_refusal
from backend.middleware.timing import WAITED
from backend.middleware.waiting import CLOSED, GONE, UNSENT

# Responses with these statuses are sent after HOLD_SECONDS. Otherwise clients that retry at once, such as a hundred
# that guess passwords, would use the whole processor. Only the connection waits, no thread.
HELD_BACK = ("429", "503")
HOLD_SECONDS = 1
OWN_HEADERS = ("content-length", "connection", "server", "date")  # which the server sets itself


class Head(waitress.task.Task):
    """Writes the head of a response. Unlike that of waitress, it keeps connections open wherever possible."""

    @property
    def has_body(self) -> bool:
        """Whether the response has a body (RFC 9110, section 6.4.1)."""
        return self._status_has_body() and getattr(self.request, "command", "") != "HEAD"

    def _status_has_body(self) -> bool:
        return not self.status.startswith(("1", "204", "304"))

    def build_response_header(self) -> bytes:
        """Return the head of the response."""
        headers = [pair for pair in self.response_headers if pair[0].lower() not in OWN_HEADERS]
        if self._status_has_body() and self.content_length is not None:
            headers.append(("Content-Length", str(self.content_length)))
        elif self.has_body and self.version == "1.1":
            headers.append(("Transfer-Encoding", "chunked"))
            self.chunked_response = True
        elif self.has_body:
            self.close_on_finish = True  # closing the connection ends the body
        if self.close_on_finish or not self._client_keeps_open():
            self.close_on_finish = True
            headers.append(("Connection", "close"))
        elif self.version == "1.0":
            headers.append(("Connection", "keep-alive"))
        headers += [("Server", self.channel.server.adj.ident), ("Date", _date(int(self.start_time)))]
        lines = [f"HTTP/{self.version} {self.status}", *(f"{name}: {value}" for name, value in headers)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _client_keeps_open(self) -> bool:
        if "CONNECTION" not in self.request.headers:
            return self.version == "1.1"
        options = {option.strip() for option in self.request.headers.get("CONNECTION", "").lower().split(",")}
        return "close" not in options if self.version == "1.1" else "keep-alive" in options


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    date: str = build_http_date(second)
    return date


class Task(Head, waitress.task.WSGITask):
    """A request that the app answers. A response with a status of HELD_BACK is delayed and ends the connection."""

    logged_write_no_body = True  # so that waitress does not log an app that writes a body for HEAD

    def get_environment(self) -> WSGIEnvironment:
        """Return the WSGI environment, with the seconds waited for a worker and the admission of a large body."""
        environ = super().get_environment()
        self._began_at = time.monotonic()
        environ[WAITED] = self._began_at - self.channel.queued_at
        environ[GONE] = self.channel.is_gone
        environ[CLOSED] = lambda: self.channel.closed_because
        environ[UNSENT] = self.channel.unsent_bytes
        if self.request.admission is not None:
            environ[ADMISSION] = self.request.admission
        return environ

    def write(self, data: bytes) -> None:
        """Send a part of the response; send nothing if the body is admitted, because the app will run again."""
        if self.request.is_head_alone and self.request.admission.is_granted:
            return
        if self.wrote_header:
            super().write(data)
            return
        with self.channel.joining():  # the head, and the first part of the body
            super().write(data)

    def build_response_header(self) -> bytes:
        """Return the head of the response."""
        if self.request.is_head_alone:
            self.set_close_on_finish()
            self.channel.lingers = True  # the client may still be sending the body
        if self.channel.server.is_draining:
            self.set_close_on_finish()  # the next request of the client reaches another process
        if self.status.startswith(HELD_BACK):
            self.set_close_on_finish()  # otherwise the next requests of this connection would be handled meanwhile
            # From the beginning of the work, so that the time of a refusal does not show how much work it was.
            self.channel.held_until = self._began_at + HOLD_SECONDS
        return super().build_response_header()


class JsonErrorTask(Head, waitress.task.ErrorTask):
    """A request that the server itself refuses. The response has the form of every other error."""

    def execute(self) -> None:
        """Send the body and close the connection. A preflight is no error: the request after it will be refused."""
        request, error, refusal_headers = self.request, self.request.error, self.channel.adj.refusal_headers
        address = self.channel.addr[0]
        environ = {
            "REQUEST_METHOD": request.command,
            "REMOTE_ADDR": address,
            **{f"HTTP_{name}": text for name, text in request.headers.items()},
        }
        if refusal_headers.cors.is_preflight(environ):
            self.status, body, own = "204 No Content", b"", preflight_headers(environ)
        else:
            status = error.code if error.code in CODES else 400
            self.status = f"{error.code} {error.reason}"
            body = json.dumps(error_body(status, getattr(error, "message", error.reason))).encode()
            own = [("Content-Type", "application/json"), *HEADERS.get(status, {}).items()]
        self.content_length = len(body)
        self.response_headers = refusal_headers.complete(environ, own)
        log_refusal(request, int(self.status[:3]), address, request_id(environ), time.time() - self.start_time)
        self.set_close_on_finish()
        self.channel.lingers = True  # the client may still be sending the rest of the request
        self.write(body)
