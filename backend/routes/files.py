"""Uploaded files: `/api/v1/files`."""

from contextlib import ExitStack
from typing import Any
from uuid import UUID

from flask import Response, request
from marshmallow import Schema, fields

from backend.middleware.answer import Answer
from backend.middleware.app import get_app
from backend.middleware.authentication import current_actor
from backend.middleware.body_limits import limit_of_uploads
from backend.middleware.file_links import actor_of_link
from backend.middleware.guards import anybody, needing, signed_in_actor
from backend.middleware.paths import FILES_PATH
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.downloads import DOWNLOAD_HELP, SENT, SizeQuery, send_file
from backend.routes.toolkit.file_uploads import UPLOADED, uploaded_file
from backend.routes.toolkit.security import NO_SIGN_IN
from backend.services.definitions.policies import may_set_files
from backend.services.errors import Denied
from backend.services.field_types.datetime import Moment
from backend.services.field_types.marshmallow_fields import StrictText
from backend.services.files.uploads import STAGED_FOR, stage
from backend.services.records.record_files import find_linked_file
from backend.utils.clock import rfc3339

blp = Blueprint("files", __name__, url_prefix=FILES_PATH, description="Uploads, which a write of a record attaches")


@needing("a grant to set a file")
def may_upload() -> None:
    """Raise Unauthenticated or Denied unless the actor may set a file of some record."""
    actor = signed_in_actor()
    if not any(may_set_files(resource, actor) for resource in get_app().catalog.values()):
        raise Denied("There is no record of which you may set a file.")


class StagedFileSchema(Schema):
    """A file that is uploaded, and not attached to a record yet."""

    id = fields.UUID(required=True)
    name = StrictText(required=True, metadata={"description": "The name that was sent, without folders"})
    type = fields.String(required=True, metadata={"description": "What the bytes are, such as `image/png`"})
    bytes = fields.Integer(required=True)
    sha256 = fields.String(required=True)
    expires_at = Moment(required=True, metadata={"description": "When it is deleted unless a record has it by then"})


@blp.post("")
@blp.guard(may_upload)
@blp.response(201, StagedFileSchema)
@blp.fails(400, 401, 403, 409, 413, 415, 503, 507)
@blp.doc(operationId="upload_file", requestBody=UPLOADED)
def upload_file() -> dict[str, object]:
    """Upload a file

    Only you can attach it: send its `id` as the value of a field of the type `file` of a record. Instead of a form, the
    body can be the file itself, with its `Content-Type`, and its name as `Content-Disposition: attachment; filename=…`.
    """
    settings = get_app().settings
    request.max_content_length = limit_of_uploads(settings).body_bytes
    with ExitStack() as until_done:
        upload = uploaded_file(until_done)
        file = stage(current_actor(), upload.content, upload.name, upload.type, settings)
    return {**file.__data__, "expires_at": rfc3339(file.created_at + STAGED_FOR)}


class LinkQuery(SizeQuery):
    """The token of a link."""

    token = StrictText(required=True, metadata={"description": "As the link has it"})


@blp.get("/<uuid:file_id>")
@blp.guard(anybody)
@blp.arguments(LinkQuery, location="query")
@blp.fails(404, 416, 503)
@blp.doc(operationId="download_linked_file", security=NO_SIGN_IN, responses=SENT, description=DOWNLOAD_HELP)
def download_linked_file(arguments: dict[str, Any], file_id: UUID) -> Response | Answer:
    """Download a file by a link to it"""
    actor = actor_of_link(str(file_id), arguments.get("token", ""))
    resource, file = find_linked_file(actor, get_app().catalog, str(file_id))
    return send_file(resource, file, arguments.get("size"), by_link=True)
