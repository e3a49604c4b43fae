"""Downloads of the files of records, and their thumbnails."""

from functools import partial
from pathlib import PurePath

from flask import Response
from marshmallow import validate

from backend.middleware.answer import Answer
from backend.middleware.app import get_app
from backend.routes.toolkit.arguments import QuerySchema
from backend.routes.toolkit.file_responses import Download, file_response
from backend.services.definitions.catalog import Resource
from backend.services.field_types.marshmallow_fields import StrictText
from backend.services.files import thumbnails as thumbs
from backend.services.files.contents import open_content
from backend.services.files.thumbnails import thumbnails
from backend.services.records.record_files import RecordFile

SIZE_HELP = "Send a thumbnail of this size, which the field declares in `thumbs`, such as `200x200`"
BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
HEADERS = {
    "ETag": {"schema": {"type": "string"}, "description": "Changes with the bytes"},
    "Content-Disposition": {"schema": {"type": "string"}, "description": "The name of the file"},
}
SENT = {
    "200": {"description": "The file", "content": BINARY, "headers": HEADERS},
    "206": {
        "description": "The part of the file that `Range` asks for",
        "content": BINARY,
        "headers": HEADERS | {"Content-Range": {"schema": {"type": "string"}, "description": "Which part it is"}},
    },
    "304": {"description": "The file has not changed"},
}
DOWNLOAD_HELP = (
    "Browsers show pictures, `video/mp4` and `audio/mpeg`, and save everything else. "
    "`Range`, `If-Range` and `If-None-Match` are supported."
)


class SizeQuery(QuerySchema):
    """Whether to send a thumbnail."""

    size = StrictText(validate=validate.Length(max=9), metadata={"description": SIZE_HELP})


def send_file(resource: Resource, file: RecordFile, size: str | None, *, by_link: bool = False) -> Response | Answer:
    """Return the response with a file, or with its thumbnail of this size.

    Raises Invalid if there are no thumbnails of this size, Unavailable if the bytes cannot be read.
    """
    settings = get_app().settings
    download = Download(
        name=file.name,
        media_type=file.type,
        size=file.bytes,
        tag=file.sha256,
        open=partial(open_content, file.id),
        public_seconds=resource.definition.cache_seconds or 0 if file.is_public and not by_link else None,
        is_for_other_sites=file.is_public or by_link,
    )
    if size is not None:
        file.require_size(size)
        download = _thumbnail(download, file, size)
    return file_response(download, shows_pdf=settings.files_inline_pdf)


def _thumbnail(download: Download, file: RecordFile, size: str) -> Download:
    return download._replace(
        name=f"{PurePath(file.name).stem}.webp",
        media_type=thumbs.TYPE,
        size=None,
        tag=f"{file.sha256}-{size}",
        open=partial(thumbnails.open_thumbnail, file.id, file.type, size, download.open),
    )
