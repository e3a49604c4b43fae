"""The files of records: `/api/v1/<name>/<id>/<field>`, and links to them."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import Schema, fields, validate

from backend.middleware.answer import Answer
from backend.middleware.authentication import current_actor
from backend.middleware.file_links import sign_link
from backend.middleware.guards import needing
from backend.routes.toolkit.downloads import DOWNLOAD_HELP, SENT, SizeQuery, send_file
from backend.routes.toolkit.resource_blueprint import ResourceBlueprint
from backend.routes.toolkit.security import OPTIONAL_SIGN_IN, SIGN_IN
from backend.services.field_types.datetime import Moment
from backend.services.files.urls import file_urls
from backend.services.records.record_files import find_file
from backend.utils.clock import rfc3339

MAX_SECONDS, DEFAULT_SECONDS = 86_400, 300
LINK_HELP = (
    "For `<img>` and mails, which send no token. It ends after `seconds`, and before that with the session or API key "
    "that made it, if you may no longer read the file, and if the record gets a different one."
)


class FileLinkCreateSchema(Schema):
    """How long a link shall work."""

    seconds = fields.Integer(strict=True, load_default=DEFAULT_SECONDS, validate=validate.Range(min=1, max=MAX_SECONDS))


class FileLinkSchema(Schema):
    """A link to a file, for which nobody needs to sign in."""

    url = fields.String(required=True, metadata={"description": "Path and query, below the address of the API's host"})
    expires_at = Moment(required=True)


@needing("a grant to read, except for a public field")
def reader() -> None:
    """Accept everybody with valid credentials or none: find_file checks the grant of the field."""
    current_actor()


def add_views(blp: ResourceBlueprint) -> None:
    """Add the views to the blueprint of a resource that has a field of the type file."""
    if blp.definition.files:
        _add_download(blp)
        _add_link(blp)


def _add_download(blp: ResourceBlueprint) -> None:
    resource, one = blp.resource, blp.names.one

    @blp.get("/<uuid:record_id>/<field>")
    @blp.guard(reader)
    @blp.arguments(SizeQuery, location="query")
    @blp.fails(401, 403, 404, 416, 503)
    @blp.doc(**_documentation(blp, f"download_{one}_file", f"Download a file of a record of {resource.name}"))
    @blp.doc(description=DOWNLOAD_HELP, responses=SENT)
    def download(arguments: dict[str, Any], record_id: UUID, field: str) -> Response | Answer:
        file = find_file(current_actor(), resource, str(record_id), field)
        return send_file(resource, file, arguments.get("size"))


def _add_link(blp: ResourceBlueprint) -> None:
    resource, one = blp.resource, blp.names.one

    @blp.post("/<uuid:record_id>/<field>/link")
    @blp.guard(reader)
    @blp.arguments(FileLinkCreateSchema)
    @blp.response(200, FileLinkSchema)
    @blp.fails(400, 401, 403, 404, 415)
    @blp.doc(**_documentation(blp, f"create_{one}_file_link", f"Link to a file of a record of {resource.name}"))
    @blp.doc(description=LINK_HELP)
    def create_link(data: dict[str, int], record_id: UUID, field: str) -> dict[str, str]:
        file = find_file(current_actor(), resource, str(record_id), field)
        link = sign_link(current_actor(), file.id, data["seconds"])
        url = f"{file_urls.prefix}/files/{file.id}?token={link.token}"
        return {"url": url, "expires_at": rfc3339(link.ends_at)}


def _documentation(blp: ResourceBlueprint, operation: str, summary: str) -> dict[str, Any]:
    files = blp.definition.files
    is_public = blp.definition.grants("read").are_public or any(field.public for field in files.values())
    return {
        "operationId": operation,
        "summary": summary,
        "security": OPTIONAL_SIGN_IN if is_public else SIGN_IN,
    }
