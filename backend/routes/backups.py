"""Backups: `/api/v1/backups`."""

import os
from typing import Any

from flask import Response, request
from marshmallow import Schema, fields
from werkzeug.wsgi import wrap_file

from backend.middleware.app import get_app
from backend.middleware.authentication import current_actor
from backend.middleware.guards import in_session, permission
from backend.middleware.paths import API
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.envelope import LOCATION
from backend.services.access.permissions import BACKUPS_DOWNLOAD, BACKUPS_WRITE
from backend.services.backups import backups
from backend.services.field_types.datetime import Moment

ZIP = "application/zip"
DOWNLOADED = {
    "200": {"description": "The file", "content": {ZIP: {"schema": {"type": "string", "format": "binary"}}}},
}

blp = Blueprint("backups", __name__, url_prefix=f"{API}/backups", description="Backups of the database")


class BackupSchema(Schema):
    """A backup in the server's backup folder. If it cannot be read, everything but its name and size is null."""

    name = fields.String(required=True)
    bytes = fields.Integer(required=True)
    created_at = fields.String(required=True, allow_none=True, dump_default=None, attribute="manifest.created_at")
    version = fields.String(
        required=True,
        allow_none=True,
        dump_default=None,
        attribute="manifest.version",
        metadata={"description": "Version of Larder"},
    )
    database = fields.String(required=True, allow_none=True, dump_default=None, attribute="manifest.database")
    counts = fields.Dict(
        fields.String(),
        fields.Integer(),
        required=True,
        allow_none=True,
        dump_default=None,
        attribute="manifest.counts",
        metadata={"description": "Rows by table"},
    )
    files = fields.Integer(
        required=True,
        allow_none=True,
        dump_default=None,
        attribute="manifest.files",
        metadata={"description": "Number of uploaded files. They are not in the backup, but beside it"},
    )
    files_bytes = fields.Integer(required=True, allow_none=True, dump_default=None, attribute="manifest.files_bytes")


class BackupCopySchema(Schema):
    """A copy of a backup at the place that LARDER_BACKUP_TARGET names."""

    name = fields.String(required=True)
    bytes = fields.Integer(required=True)
    created_at = Moment(required=True, metadata={"description": "When the backup was created"})
    is_in_folder = fields.Boolean(
        required=True, metadata={"description": "Whether the server's backup folder has it, too"}
    )


class BackupVerificationSchema(Schema):
    """Whether a backup can be restored."""

    name = fields.String(required=True)
    is_intact = fields.Boolean(required=True)
    damage = fields.String(required=True, allow_none=True, metadata={"description": "Null if it is intact"})


@blp.get("")
@blp.guard(permission(BACKUPS_WRITE))
@blp.response(200, BackupSchema(many=True))
@blp.fails(401, 403)
@blp.doc(operationId="list_backups")
def list_backups() -> list[backups.Backup]:
    """List the backups, the latest first"""
    return backups.list_backups(get_app().settings)


@blp.post("")
@blp.guard(permission(BACKUPS_WRITE))
@blp.response(201, BackupSchema, headers=LOCATION)
@blp.fails(401, 403, 409)
@blp.doc(operationId="create_backup")
def create_backup() -> tuple[backups.Backup, dict[str, str]]:
    """Create a backup, while others read and write

    The response comes when the backup is written, after about one second per 50 MB, and uploaded files that have no
    copy yet are copied. Refused if there are 100 backups.
    """
    backup = backups.create_requested_backup(get_app().settings, current_actor())
    return backup, {"Location": f"{API}/backups/{backup.name}"}


@blp.get("/copies")
@blp.guard(permission(BACKUPS_WRITE))
@blp.response(200, BackupCopySchema(many=True))
@blp.fails(401, 403, 503)
@blp.doc(operationId="list_backup_copies")
def list_backup_copies() -> list[backups.BackupCopy]:
    """List the copies of backups at LARDER_BACKUP_TARGET, the latest first

    The list is empty if that is not set. Copies that are not in the backup folder can be restored on the machine.
    """
    return backups.list_copies(get_app().settings)


@blp.get("/<name>")
@blp.guard(permission(BACKUPS_WRITE))
@blp.response(200, BackupSchema)
@blp.fails(401, 403, 404)
@blp.doc(operationId="get_backup")
def get_backup(name: str) -> backups.Backup:
    """Show a backup"""
    return backups.get_backup(get_app().settings, name)


@blp.get("/<name>/file")
@blp.guard(in_session(permission(BACKUPS_DOWNLOAD)))
@blp.fails(401, 403, 404, 503)
@blp.doc(operationId="download_backup", responses=DOWNLOADED)
def download_backup(name: str) -> Response:
    """Download a backup

    It contains everything but the uploaded files, so this needs a session, and each download is in the audit trail.
    """
    settings, headers = get_app().settings, {"Content-Disposition": f'attachment; filename="{name}"'}
    if request.method == "HEAD":
        headers["Content-Length"] = str(backups.get_backup(settings, name).bytes)
        return Response(mimetype=ZIP, headers=headers)
    file = backups.open_backup(settings, current_actor(), name)
    headers["Content-Length"] = str(os.fstat(file.fileno()).st_size)
    # The server sends and closes the file, so no thread waits for a slow client.
    return Response(wrap_file(request.environ, file), mimetype=ZIP, headers=headers, direct_passthrough=True)


@blp.post("/<name>/verification")
@blp.guard(permission(BACKUPS_WRITE))
@blp.response(200, BackupVerificationSchema)
@blp.fails(401, 403, 404, 409, 503)
@blp.doc(operationId="verify_backup")
def verify_backup(name: str) -> dict[str, Any]:
    """Read the whole of a backup and its files, and check them

    The response comes after about one second per 50 MB, and the files are read, too. Refused while a backup or a
    restore runs.
    """
    damage = backups.find_damage(get_app().settings, name)
    return {"name": name, "is_intact": damage is None, "damage": damage}
