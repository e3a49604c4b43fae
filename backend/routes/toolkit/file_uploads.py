"""Reads uploads: the body is the file, or a form with one file."""

import re
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from typing import IO, Any, NamedTuple

from flask import request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser
from werkzeug.http import parse_options_header

from backend.services.errors import Invalid, Malformed, Unavailable
from backend.services.records.row_files.kept_files import MEMORY_BYTES, kept_file
from backend.utils.problems import Problem

FORM, PART = "multipart/form-data", "file"
BINARY = {"type": "string", "format": "binary"}
# The document has the form alone: with the body as a second type, the code of some generators does not compile.
FORM_SCHEMA = {"type": "object", "properties": {PART: BINARY}, "required": [PART]}
UPLOADED = {"required": True, "content": {FORM: {"schema": FORM_SCHEMA}}}
ONE_FILE = Problem("wrong_type", "Send a form with exactly one part, a file with the name `file`.")
_EXTENDED = re.compile(r"(;\s*)filename\*", re.IGNORECASE)


class Upload(NamedTuple):
    """A file as it is sent; `content` is seekable, the name and the type are not checked."""

    content: IO[bytes]
    name: str
    type: str


def uploaded_file(until_done: ExitStack) -> Upload:
    """Return the file of the request, which is open until `until_done` closes.

    Raises Malformed if a form cannot be read, Invalid unless its one part is a file named `file`.
    """
    if request.mimetype == FORM:
        part = _only_part(until_done)
        return Upload(part.stream, file_name(part.headers.get("Content-Disposition", "")), part.mimetype)
    return Upload(_body(until_done), file_name(_utf8(request.headers.get("Content-Disposition", ""))), request.mimetype)


def _body(until_done: ExitStack) -> IO[bytes]:
    """Return the body as a seekable file: the server has it in one, or else it is copied."""
    stream = request.stream
    received: IO[bytes] = request.environ["wsgi.input"]
    if request.environ.get("wsgi.input_terminated") and received.seekable():
        return received
    return until_done.enter_context(kept_file(stream))


def _only_part(until_done: ExitStack) -> FileStorage:
    """Return the file of a form. Raises Unavailable if the disk is full, and as uploaded_file."""

    def new_file(*_: Any, **__: Any) -> IO[bytes]:
        return until_done.enter_context(SpooledTemporaryFile(MEMORY_BYTES))

    body, boundary = request.stream, request.mimetype_params.get("boundary", "").encode()
    try:
        form, files = MultiPartParser(new_file, max_form_parts=1).parse(body, boundary, request.content_length)
    except ValueError as error:
        raise Malformed("The form cannot be read.") from error
    except OSError as error:
        raise Unavailable("No disk space for temporary files is left; send a smaller file.") from error
    except RequestEntityTooLarge as error:  # a second part, or a large text instead of a file
        raise Invalid({PART: [ONE_FILE]}) from error
    if form or [*files] != [PART]:
        raise Invalid({PART: [ONE_FILE]})
    return files[PART]


def file_name(disposition: str) -> str:
    """Return the file name of a Content-Disposition; `filename*` (RFC 8187) wins over `filename`, also before it."""
    # werkzeug reads both into `filename`, and the last one wins.
    extended = parse_options_header(_EXTENDED.sub(r"\1extended*", disposition))[1].get("extended")
    return extended or parse_options_header(disposition)[1].get("filename", "")


def _utf8(header: str) -> str:
    """Return a header that WSGI has decoded as Latin-1; many clients send UTF-8."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header
