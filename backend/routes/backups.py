"""Backups: `/api/v1/backups`."""

from marshmallow import Schema, fields

from backend.middleware.app import get_app
from backend.middleware.authentication import current_actor
from backend.middleware.guards import permission
from backend.middleware.paths import API
from backend.routes.toolkit.blueprint import Blueprint
from backend.services.access.permissions import BACKUPS_WRITE
from backend.services.backups import backups

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
@blp.response(201, BackupSchema)
@blp.fails(401, 403, 409)
@blp.doc(operationId="create_backup")
def create_backup() -> backups.Backup:
    """Create a backup, while others read and write

    The response comes when the backup is written, after about one second per 50 MB. Refused if there are 100 backups.
    """
    return backups.create_requested_backup(get_app().settings, current_actor())
