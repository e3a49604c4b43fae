"""The history of a record: `/api/v1/<name>/<id>/history`."""

import json
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, validate

from backend.middleware.answer import Answer
from backend.middleware.authentication import current_actor
from backend.routes.toolkit.arguments import QuerySchema
from backend.routes.toolkit.envelope import json_answer, list_meta
from backend.routes.toolkit.list_parameters import page_parameters
from backend.routes.toolkit.resource_blueprint import ResourceBlueprint
from backend.services.field_types.datetime import Moment
from backend.services.records.changes import ACTIONS
from backend.services.records.record_history import ReadableEntry, list_history

PageQuery = QuerySchema.from_dict(page_parameters(), name="page")


class ChangedValueSchema(Schema):
    """The value of a field before and after a change."""

    old_value = fields.Raw(data_key="from", required=True, allow_none=True)
    new_value = fields.Raw(data_key="to", required=True, allow_none=True)


class HistoryEntrySchema(Schema):
    """A history entry: what one change of a record changed."""

    version = fields.Integer(required=True, metadata={"description": "Version of the record after the change"})
    action = fields.String(required=True, validate=validate.OneOf(ACTIONS))
    changes = fields.Dict(fields.String(), fields.Nested(ChangedValueSchema), required=True)
    changed_at = Moment(required=True)
    changed_by = fields.UUID(required=True, allow_none=True, metadata={"description": "Id of the user"})


ENTRIES = HistoryEntrySchema(many=True)


def add_views(blp: ResourceBlueprint) -> None:
    """Add the view to the blueprint of a resource whose definition has `history`."""
    if not blp.definition.history:
        return
    summary = f"List the changes of a record of {blp.resource.name}, the latest first"

    @blp.get("/<uuid:record_id>/history")
    @blp.guard(blp.allowed("read"))
    @blp.arguments(PageQuery, location="query")
    @blp.documented_response(200, HistoryEntrySchema(many=True))
    @blp.fails(401, 403, 404)
    @blp.documented("read", f"list_{blp.names.one}_history", summary)
    def list_entries(page: dict[str, int], record_id: UUID) -> Answer:
        entries, total = list_history(current_actor(), blp.resource, str(record_id), **page)
        meta = list_meta(page=page["page"], per_page=page["per_page"], total=total, next_cursor=None)
        return json_answer(ENTRIES.dumps(map(_to_dict, entries)), "OK", meta=json.dumps(meta))


def _to_dict(entry: ReadableEntry) -> dict[str, Any]:
    changes = {name: {"old_value": old, "new_value": new} for name, (old, new) in entry.changes.items()}
    return entry._asdict() | {"changes": changes}
