"""The parser of requests: reads the head, then the body."""

import re
from contextlib import suppress
from typing import Any

from waitress.buffers import OverflowableBuffer
from waitress.parser import HTTPRequestParser
from waitress.receiver import FixedStreamReceiver

from backend.middleware.admission import Admission, UnreadBody
from backend.middleware.connections.adjustments import ServerAdjustments
from backend.middleware.connections.bodies import Chunks
from backend.middleware.connections.heads import (
    CHUNKED,
    Target,
    body_length,
    check_host,
    parse_fields,
    parse_request_line,
    read_for_refusal,
)
from backend.middleware.connections.refusals import Refusal

MAX_HEAD_BYTES = 32 << 10
_HEAD_END = b"\r\n\r\n"
_NO_REQUEST = re.compile(rb"(?:\r\n)*[^\r!#$%&'*+\-.^_`|~0-9A-Za-z]")


class Parser(HTTPRequestParser):
    """A request while it arrives. Head and body have limits; the limit of the body depends on the path.

    `error` is a Refusal if the request is not handed to the app.
    """

    adj: ServerAdjustments
    error: Refusal | None
    body_rcv: Chunks | FixedStreamReceiver
    admission: Admission | None = None
    version = "1.1"
    command = path = query = fragment = request_uri = ""
    first_line = b""
    proxy_scheme = proxy_netloc = ""
    url_scheme = "http"
    is_head_alone = False

    def received(self, data: bytes) -> int:
        """Read bytes, and return how many of them belong to this request."""
        if self.completed:
            return 0
        try:
            return self._receive_body(data) if self.headers_finished else self._receive_head(data)
        except Refusal as refusal:
            self.error, self.completed, self.expect_continue = refusal, True, False
            return len(data)

    def _receive_head(self, data: bytes) -> int:
        before, seen = len(self.header_plus), self.header_plus + data
        end = seen.find(_HEAD_END, max(0, before - len(_HEAD_END) + 1))
        head = seen if end < 0 else seen[:end]
        if len(head) > MAX_HEAD_BYTES:
            self.command, self.headers = read_for_refusal(head)
            raise Refusal(431, f"The head of the request is larger than {MAX_HEAD_BYTES:,} bytes.")
        # Refused before its end: a client with a different protocol would never send it.
        if head.count(b"\n") != head.count(b"\r\n") or _NO_REQUEST.match(head):
            raise Refusal(400, "This is not an HTTP/1.1 request.")
        if end < 0:
            self.header_plus = seen
            return len(data)
        self.header_plus = b""
        if head := head.lstrip(b"\r\n"):
            self.headers_finished = True
            self.parse_header(head)
        else:  # blank lines before a request are ignored
            self.empty = self.completed = True
        return end + len(_HEAD_END) - before

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head of the request. Raises Refusal if it is not valid."""
        first, *lines = header_plus.split(b"\r\n")
        try:
            self.command, target, self.version = parse_request_line(first)
            fields = parse_fields(lines)
            check_host(fields, self.version)
            length = body_length(fields, self.version)
        except Refusal:
            self.command, self.headers = read_for_refusal(header_plus)
            raise
        self._keep(first, target, fields)
        self._begin_body(length)

    def _keep(self, first: bytes, target: Target, fields: dict[str, list[str]]) -> None:
        """Set the attributes from which waitress creates the WSGI environment."""
        fields.pop("TRANSFER_ENCODING", None)  # the app gets the body in one piece
        self.headers = {name: ("; " if name == "COOKIE" else ", ").join(values) for name, values in fields.items()}
        if target.host is not None:
            self.headers["HOST"] = target.host
        self.first_line, self.request_uri = first, first.split(b" ")[1].decode("latin-1")
        self.path, self.query = target.path, target.query
        connection = self.headers.get("CONNECTION", "").lower()
        self.connection_close = connection == "close" if self.version == "1.1" else connection != "keep-alive"
        self.expect_continue = self.version == "1.1" and self.headers.get("EXPECT", "").lower() == "100-continue"

    def _begin_body(self, length: int | None) -> None:
        self.adj = self.adj.of(self.path)
        self.chunked, self.content_length = length is CHUNKED, length or 0
        self._check_size(self.content_length)
        if length == 0:
            self.completed, self.expect_continue = True, False
        else:
            buffer = OverflowableBuffer(self.adj.inbuf_overflow)
            self.body_rcv = Chunks(buffer) if self.chunked else FixedStreamReceiver(self.content_length, buffer)

    def _receive_body(self, data: bytes) -> int:
        try:
            count = self.body_rcv.received(data)
        except OSError as error:
            raise Refusal(503, "There is no room for the body of the request; try again shortly.") from error
        self.body_bytes_received += count
        self._check_size(len(self.body_rcv))
        if self.body_rcv.completed:
            self.completed = True
            if self.admission is not None:
                self.admission.is_used = True
            self.headers["CONTENT_LENGTH"] = str(len(self.body_rcv))
        return count

    def _check_size(self, size: int) -> None:
        if size > self.adj.max_request_body_size:
            raise Refusal(413, self.adj.limit.message)

    def must_be_admitted(self) -> bool:
        """Return whether the app must admit the body before more of it is read."""
        others = self.adj.for_others
        if self.completed or self.admission is not None or self.adj is others or not self.headers_finished:
            return False
        return self.chunked or self.expect_continue or self.content_length > others.max_request_body_size

    def close(self) -> None:
        """Free the memory or the file of the body."""
        with suppress(OSError):  # closing writes what is still in memory, and the disk may be full
            super().close()


class HeadAlone:
    """A request without its body, with which the app runs first, to admit or refuse the body."""

    error, is_head_alone = None, True

    def __init__(self, request: Parser) -> None:
        self.admission = request.admission = Admission()
        self._request = request

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)

    def get_body_stream(self) -> UnreadBody:
        """Return a stream that ends this run of the app as soon as the app reads from it."""
        return UnreadBody()

    def close(self) -> None:
        """Do nothing: the request with the body is still in use."""
