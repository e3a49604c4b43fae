"""Uploaded files of records: their types, the options with which they are read, and their rows."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import IO, Any

from flask import request
from marshmallow import validate

from backend.middleware.app import get_app
from backend.routes.toolkit.arguments import CommaList, QuerySchema, require_type
from backend.services.field_types.boolean import BooleanFromText
from backend.services.field_types.marshmallow_fields import StrictText
from backend.services.records.row_files.formats import HELP, VALUES, Format, read_format
from backend.services.records.row_files.kept_files import kept_file
from backend.services.records.row_files.rows import CsvRows, JsonRows, Rows

MIME_TYPES = {"csv": "text/csv", "ndjson": "application/x-ndjson"}
READERS: dict[str, type[CsvRows] | type[JsonRows]] = {
    MIME_TYPES["csv"]: CsvRows,
    MIME_TYPES["ndjson"]: JsonRows,
}
# As binary, so that generators of clients send and return files. They send the last type, if they do not ask which.
FILES = {mime_type: {"schema": {"type": "string", "format": "binary"}} for mime_type in reversed(MIME_TYPES.values())}
UPLOADED = {"requestBody": {"required": True, "content": FILES}}


class FormatQuery(QuerySchema):
    """How to read a file."""

    delimiter, encoding = (StrictText(metadata={"description": HELP[name]}) for name in ("delimiter", "encoding"))
    date_format, decimal, thousands, percent, currency, zeros = (
        StrictText(validate=validate.OneOf(VALUES[name]), metadata={"description": HELP[name]})
        for name in ("date_format", "decimal", "thousands", "percent", "currency", "zeros")
    )
    true, false, null, map = (
        CommaList(StrictText(), keeps_commas=True, metadata={"description": HELP[name]})
        for name in ("true", "false", "null", "map")
    )
    lenient = BooleanFromText(load_default=False, metadata={"description": HELP["lenient"]})


def read_layout(arguments: dict[str, Any]) -> Format:
    """Return the Format of the arguments of a FormatQuery. Raises Invalid if options do not fit together."""
    return read_format(**{name: arguments[name] for name in HELP if name in arguments})


def uploaded_rows(until_done: ExitStack, choose: Callable[[IO[bytes]], Format], *, is_read_twice: bool) -> Rows:
    """Return the rows of the body, read while they are iterated, in the Format that `choose` returns for the file.

    If they are read twice, the body is kept in a temporary file until `until_done` closes.
    """
    settings = get_app().settings
    request.max_content_length = settings.max_import_bytes
    require_type(request, *READERS)
    body = until_done.enter_context(kept_file(request.stream)) if is_read_twice else request.stream
    return READERS[request.mimetype](body, settings.max_body_bytes, choose(body))
