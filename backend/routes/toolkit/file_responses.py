"""Responses with an uploaded file: its headers, and the part that the client asks for (docs/decisions/062)."""

import io
import re
import unicodedata
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import IO, NamedTuple
from urllib.parse import quote

from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.http import parse_etags, parse_range_header
from werkzeug.wsgi import wrap_file

from backend.middleware.answer import NOT_MODIFIED, Answer
from backend.middleware.headers import FILE, FILE_POLICY, PUBLIC, SHOWN_FILE_POLICIES, FileKind
from backend.middleware.wsgi import Headers
from backend.utils.file_parts import FilePart

# What browsers show. Everything else is saved: a page or a picture with a script would act as a page of Larder.
SHOWN = {"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "video/mp4", "audio/mpeg"}
PDF = "application/pdf"
UNKNOWN = "application/octet-stream"
# A page may load these as a part of itself, even if they are sent as a download.
ACTIVE = re.compile(r".*script|text/css")
TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ._()-]")


class Download(NamedTuple):
    """A file to send; `open` opens it. `tag` is different for different bytes.

    `size` is None if it is known only when the file is open. If everybody may read it, shared caches may keep it for
    `public_seconds`. `is_for_other_sites` says whether pages of other sites may show it.
    """

    name: str
    media_type: str
    size: int | None
    tag: str
    open: Callable[[], IO[bytes]]
    public_seconds: int | None = None
    is_for_other_sites: bool = False


def file_response(download: Download, *, shows_pdf: bool) -> Response | Answer:
    """Return the response with the file, or with the part of it that the header Range asks for.

    It is a 304 without it if the client has it. Raises RequestedRangeNotSatisfiable if the part is outside the file.
    """
    is_shown = download.media_type in SHOWN or (shows_pdf and download.media_type == PDF)
    headers = _caching_headers(download)
    if parse_etags(request.environ.get("HTTP_IF_NONE_MATCH")).contains_weak(download.tag):
        response: Response | Answer = Answer(b"", NOT_MODIFIED, headers)
    else:
        headers.append(("Content-Disposition", disposition(download.name, is_shown=is_shown)))
        response = _with_body(download, headers)
    policy = SHOWN_FILE_POLICIES[download.media_type.partition("/")[0]] if is_shown else FILE_POLICY
    request.environ[FILE] = FileKind(policy, download.is_for_other_sites)
    return response


def _with_body(download: Download, headers: Headers) -> Response:
    is_head = request.method == "HEAD"
    with ExitStack() as unless_sent:
        file = None if is_head and download.size is not None else unless_sent.enter_context(closing(download.open()))
        size = file.seek(0, io.SEEK_END) if file else download.size or 0
        part = None if is_head else _asked_part(download.tag, size)
        start, stop = part or (0, size)
        headers += [("Accept-Ranges", "bytes"), ("Content-Type", _sent_type(download.media_type))]
        headers += [("Content-Length", str(stop - start)), *_content_range(part, size)]
        if file is None or is_head:
            return Response(iter(()), 200, headers)
        # The server sends and closes the file, so no thread waits for a slow client.
        unless_sent.pop_all()
        body = wrap_file(request.environ, FilePart(file, start, stop))  # type: ignore[arg-type]  # as far as it is used
        return Response(body, 206 if part else 200, headers, direct_passthrough=True)


def _content_range(part: tuple[int, int] | None, size: int) -> Headers:
    return [("Content-Range", f"bytes {part[0]}-{part[1] - 1}/{size}")] if part else []


def _caching_headers(download: Download) -> Headers:
    headers = [("ETag", f'"{download.tag}"')]
    if download.public_seconds is not None:
        headers.append(("Cache-Control", f"{PUBLIC}{download.public_seconds}"))
    return headers


def _asked_part(tag: str, size: int) -> tuple[int, int] | None:
    """Return (start, stop) of the one part that the request asks for; None for the whole file.

    A header that is not valid, or that asks for several parts, is ignored (RFC 9110, 14.2).
    """
    if_range = request.environ.get("HTTP_IF_RANGE")
    asked = parse_range_header(request.environ.get("HTTP_RANGE"))
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1 or if_range not in (None, f'"{tag}"'):
        return None
    start, stop = asked.ranges[0]
    start = max(0, size + start) if start < 0 else start
    stop = size if stop is None else min(stop, size)
    if start >= stop:
        raise RequestedRangeNotSatisfiable(size)
    return start, stop


def disposition(name: str, *, is_shown: bool) -> str:
    """Return the Content-Disposition of a file with this name, which has any characters."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = NOT_PLAIN.sub("_", ascii_name) or "file"
    encoded = quote(name, safe="", errors="replace")
    return f"{'inline' if is_shown else 'attachment'}; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


def _sent_type(media_type: str) -> str:
    """Return the type that the response says: the true one, if browsers run nothing of this type."""
    is_safe = TYPE.fullmatch(media_type) and not ACTIVE.fullmatch(media_type)
    return media_type if is_safe else UNKNOWN
