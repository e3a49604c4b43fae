"""The head of a request, read strictly (RFC 9112): refused if a proxy could read it in a different way."""

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from backend.middleware.connections.refusals import Refusal

MAX_LENGTH_DIGITS = 19
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Z]+")
MAX_METHOD_BYTES = 32
_VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]")
_NAME = re.compile(_TOKEN + rb"+")
CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_TARGET = re.compile(
    rb"(?:(?P<scheme>[A-Za-z]+)://(?P<host>[^\x00-\x20\x7f/?#@]+))?(?P<path>/[^\x00-\x20\x7f?#]*)?"
    rb"(?:\?(?P<query>[^\x00-\x20\x7f#]*))?(?:#[^\x00-\x20\x7f]*)?"
)
_HOST = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_FOR_REFUSAL = re.compile(
    rb"\r\n(Origin|Access-Control-Request-Method|Access-Control-Request-Headers|X-Request-ID):[ \t]*([^\r\n]*)", re.I
)
CHUNKED = None  # the length of a chunked body


class Target(NamedTuple):
    """The target of a request. `host` is set if the target is a whole URL, as clients send it to a proxy."""

    host: str | None
    path: str
    query: str


def parse_request_line(line: bytes) -> tuple[str, Target, str]:
    """Return method, target and version (`1.1`). Raises Refusal if the line is not valid."""
    parts = line.split(b" ")
    if len(parts) != 3 or not _VERSION.fullmatch(parts[2]) or not _METHOD.fullmatch(parts[0]):
        raise Refusal(400, "The first line must be a method, a target and a version, such as GET / HTTP/1.1.")
    method, target, version = parts
    if version not in (b"HTTP/1.0", b"HTTP/1.1"):
        raise Refusal(505, "The version of HTTP must be 1.0 or 1.1.")
    if len(method) > MAX_METHOD_BYTES:
        raise Refusal(501, "The method is unknown.")
    return method.decode(), _parse_target(method, target), version[-3:].decode()


def _parse_target(method: bytes, target: bytes) -> Target:
    if target == b"*" and method == b"OPTIONS":
        return Target(None, "*", "")
    parts = _TARGET.fullmatch(target)
    if parts is None or not _is_http(parts):
        raise Refusal(400, "The target must be a path that begins with /, or a URL of http or https.")
    host = parts["host"].decode("latin-1") if parts["host"] else None
    if host is not None and not _HOST.fullmatch(host):
        raise Refusal(400, "The host is not valid.")
    # WSGI passes bytes as Latin-1.
    path = unquote_to_bytes(parts["path"] or b"/").decode("latin-1")
    return Target(host, path, (parts["query"] or b"").decode("latin-1"))


def _is_http(target: re.Match[bytes]) -> bool:
    is_known = (target["scheme"] or b"http").lower() in (b"http", b"https")
    return is_known and bool(target["path"] or target["host"])


def parse_fields(lines: list[bytes]) -> dict[str, list[str]]:
    """Return a map of header name, such as `CONTENT_LENGTH`, to its values. Raises Refusal if a line is not valid."""
    fields: dict[str, list[str]] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if line[:1] in (b" ", b"\t"):
            raise Refusal(400, "A header must be on one line.")
        if not colon or not _NAME.fullmatch(name):
            raise Refusal(400, "A header must be a name, a colon right after it, and a value.")
        if CONTROL.search(value):
            raise Refusal(400, "A header must have no control characters.")
        # Ignored with an underscore: the app could not distinguish it from a header with a hyphen.
        if b"_" not in name:
            fields.setdefault(name.upper().replace(b"-", b"_").decode(), []).append(
                value.strip(b" \t").decode("latin-1")
            )
    return fields


def read_for_refusal(head: bytes) -> tuple[str, dict[str, str]]:
    """Return the method of a head that is not valid or too long, and those of its headers that its response needs.

    Without them a browser would hide the response from the scripts of an allowed origin.
    """
    method = head.partition(b" ")[0]
    fields = {name.upper().replace(b"-", b"_"): value.strip(b" \t") for name, value in _FOR_REFUSAL.findall(head)}
    return (
        method.decode() if _METHOD.fullmatch(method) and len(method) <= MAX_METHOD_BYTES else "",
        {name.decode(): value.decode("latin-1") for name, value in fields.items()},
    )


def check_host(fields: dict[str, list[str]], version: str) -> None:
    """Raise Refusal unless there is exactly one valid Host header. It is optional in HTTP/1.0."""
    hosts = fields.get("HOST", [])
    if len(hosts) > 1 or (not hosts and version == "1.1"):
        raise Refusal(400, "There must be one Host header.")
    if hosts and not _HOST.fullmatch(hosts[0]):
        raise Refusal(400, "The Host header is not valid.")


def body_length(fields: dict[str, list[str]], version: str) -> int | None:
    """Return the bytes of the body, or CHUNKED. Raises Refusal if the headers are not valid or ambiguous."""
    lengths, codings = fields.get("CONTENT_LENGTH"), fields.get("TRANSFER_ENCODING")
    if codings is not None:
        if lengths is not None or version == "1.0":
            raise Refusal(400, "Transfer-Encoding must come without Content-Length, and in HTTP/1.1.")
        names = [coding.strip(" \t").lower() for value in codings for coding in value.split(",")]
        if names != ["chunked"]:
            is_known = set(names) <= {"chunked", ""}
            raise Refusal(400 if is_known else 501, "The only supported Transfer-Encoding is chunked, once.")
        return CHUNKED
    if lengths is None:
        return 0
    if len(lengths) > 1 or not re.fullmatch(f"[0-9]{{1,{MAX_LENGTH_DIGITS}}}", lengths[0]):
        raise Refusal(400, "Content-Length must be one whole number.")
    return int(lengths[0])
