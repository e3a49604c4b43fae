"""The history of a record: `/api/v1/<name>/<id>/history`."""

import json

from marshmallow import Schema, fields, validate

from backend.middleware.authentication import current_actor
from backend.routes.toolkit.arguments import QuerySchema
from backend.routes.toolkit.envelope import json_response, list_meta
from backend.routes.toolkit.lists import page_parameters
from backend.services.field_types.datetime import Moment
from backend.services.records.record_history import list_history

PageQuery = QuerySchema.from_dict(page_parameters(), name="page")


class ValuesSchema(Schema):
    """What a field was and is."""

    was = fields.Raw(data_key="from", required=True, allow_none=True)
    now = fields.Raw(data_key="to", required=True, allow_none=True)


class HistoryEntrySchema(Schema):
    """A change of a record."""

    version = fields.Integer(required=True, metadata={"description": "That of the record after the change"})
    action = fields.String(required=True, validate=validate.OneOf(["create", "update", "delete"]))
    changes = fields.Dict(fields.String(), fields.Nested(ValuesSchema), required=True)
    changed_at = Moment(required=True)
    changed_by = fields.UUID(required=True, allow_none=True, metadata={"description": "Id of the user"})


def add_views(blp):
    """Add the view to the blueprint of a resource whose definition has `history`."""
    resource, name = blp.resource, blp.resource.name
    if not blp.definition.history:
        return

    @blp.get("/<uuid:record_id>/history")
    @blp.guard(blp.allowed("read"))
    @blp.arguments(PageQuery, location="query")
    @blp.answers(200, HistoryEntrySchema(many=True))
    @blp.fails(401, 403, 404)
    @blp.documented("read", "history", f"List the changes of a record of {name}, the latest first")
    def list_entries(page, record_id):
        entries, total = list_history(current_actor(), resource, str(record_id), **page)
        told = SCHEMA.dumps([_told(entry) for entry in entries])
        return json_response(told, "OK", meta=json.dumps(list_meta(**page, total=total, next_cursor=None)))


SCHEMA = HistoryEntrySchema(many=True)


def _told(entry):
    changes = {name: {"was": was, "now": now} for name, (was, now) in entry.changes.items()}
    return entry._asdict() | {"changes": changes}
