"""The feed of changes: `/api/v1/changes`."""

import json
from functools import partial
from typing import Any

from flask import Response, request
from marshmallow import Schema, fields, validate

from backend.middleware.answer import Answer
from backend.middleware.app import get_app
from backend.middleware.authentication import current_actor
from backend.middleware.guards import needing
from backend.middleware.paths import API
from backend.routes.toolkit.arguments import CommaList, QuerySchema
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.envelope import json_answer
from backend.routes.toolkit.long_polling import Waited, wait_for_changes
from backend.routes.toolkit.security import OPTIONAL_SIGN_IN
from backend.routes.toolkit.streaming import MAX_BYTES_AT_ONCE, MAX_CHANGES_AT_ONCE, MIMETYPE, stream_response
from backend.services.errors import Invalid
from backend.services.field_types.boolean import BooleanFromText
from backend.services.field_types.datetime import Moment
from backend.services.field_types.integer import IntegerFromText
from backend.services.field_types.marshmallow_fields import StrictText
from backend.services.records import changes
from backend.services.records.change_cursors import MAX_CURSOR_CHARACTERS
from backend.services.records.changes import ACTIONS, MAX_FOLLOWED, ChangePage, ChangeQuery
from backend.utils.problems import REQUIRED

MAX_LIMIT, MAX_WAIT_SECONDS = 1000, 25
RETRY_AFTER_SECONDS = 2  # for requests that could not wait

blp = Blueprint("changes", __name__, url_prefix=f"{API}/changes", description="What was changed, in order")

STREAMED = {"200": {"description": "The stream", "content": {MIMETYPE: {"schema": {"type": "string"}}}}}
LAST_EVENT_ID = {
    "in": "header",
    "name": "Last-Event-ID",
    "schema": {"type": "string"},
    "description": "The last `id` of an earlier stream, where this one continues; it replaces `after`",
}


class ChangesMetaSchema(Schema):
    """Where the next request continues: `next_cursor` is its `after`. `more` says whether there are changes already."""

    next_cursor = fields.String(required=True)
    more = fields.Boolean(required=True)


class RecordChangeSchema(Schema):
    """A change of a record. With `data=true` it has the record as it is now, null if it is deleted or too large."""

    meta_schema = ChangesMetaSchema

    cursor = fields.String(required=True, metadata={"description": "Continues after this change"})
    resource = fields.String(required=True)
    id = fields.UUID(required=True)
    action = fields.String(required=True, validate=validate.OneOf(ACTIONS))
    version = fields.Integer(required=True, metadata={"description": "Version after the change; a deletion has one"})
    fields_ = fields.List(
        fields.String(), required=True, data_key="fields", metadata={"description": "The fields that an update wrote"}
    )
    at = Moment(required=True)
    by = fields.UUID(required=True, allow_none=True, metadata={"description": "Id of the user, if the caller sees it"})
    data = fields.Dict(allow_none=True)


StreamQuery = QuerySchema.from_dict(
    {
        "resource": CommaList(
            StrictText(),
            required=True,
            validate=validate.Length(1, MAX_FOLLOWED),
            metadata={"description": "The resources, separated by commas; each has `feed: true`"},
        ),
        "after": StrictText(
            validate=validate.Length(1, MAX_CURSOR_CHARACTERS),
            metadata={"description": "`next_cursor`, or `changes_cursor` of a list; without it, from now on"},
        ),
        "data": BooleanFromText(load_default=False, metadata={"description": "Whether to include records"}),
    },
    name="stream_query",
)
ChangesQuery = StreamQuery.from_dict(
    {
        "limit": IntegerFromText(
            load_default=100,
            validate=validate.Range(1, MAX_LIMIT),
            metadata={"description": "Maximum number of changes"},
        ),
        "wait": IntegerFromText(
            load_default=0,
            validate=validate.Range(0, MAX_WAIT_SECONDS),
            metadata={"description": "Seconds to wait for a change if there is none after `after`"},
        ),
    },
    name="changes_query",
)


@blp.get("")
@blp.guard(needing("grants to list")(current_actor))
@blp.arguments(ChangesQuery, location="query")
@blp.documented_response(200, RecordChangeSchema(many=True))
@blp.fails(400, 401, 403, 410)
@blp.doc(operationId="list_changes", security=OPTIONAL_SIGN_IN)
def list_changes(arguments: dict[str, Any]) -> Answer:
    """List changes of records, in the order in which they were committed

    Who may list only some records of a resource sees the latest change of each of them, and no deletions. With `wait`,
    a request without changes is answered when there are some; if too many requests wait, at once with `Retry-After`.
    """
    query = _query(arguments, arguments["limit"])
    if query.after is None or not arguments["wait"]:
        return _answer(Waited(_read(query, query.after)))
    return _answer(wait_for_changes(query.resources, partial(_read, query), query.after, arguments["wait"]))


@blp.get("/stream")
@blp.guard(needing("grants to list")(current_actor))
@blp.arguments(StreamQuery, location="query")
@blp.fails(400, 401, 403, 410, 429)
@blp.doc(operationId="stream_changes", security=OPTIONAL_SIGN_IN, responses=STREAMED, parameters=[LAST_EVENT_ID])
def stream_changes(arguments: dict[str, Any]) -> Response:
    """Send changes of records as server-sent events, as soon as they are committed

    Each has the `event` `change`, as `data` what `GET /changes` lists, and as `id` its cursor. The stream ends when the
    session does, and after 30 minutes. Only processes with `LARDER_STREAMS` serve streams.
    """
    query = _query(arguments, MAX_CHANGES_AT_ONCE)._replace(max_bytes=MAX_BYTES_AT_ONCE)
    last_seen = request.headers.get("Last-Event-ID")
    return stream_response(query._replace(after=last_seen) if last_seen else query)


def _query(arguments: dict[str, Any], limit: int) -> ChangeQuery:
    if "resource" not in arguments:
        raise Invalid({"resource": [REQUIRED]}, "query")
    names = tuple(dict.fromkeys(arguments["resource"]))
    return ChangeQuery(names, arguments.get("after"), limit, arguments["data"])


def _read(query: ChangeQuery, after: str | None) -> ChangePage:
    return changes.list_changes(current_actor(), get_app().catalog, query._replace(after=after))


def _answer(waited: Waited) -> Answer:
    page = waited.page
    meta = {"next_cursor": page.cursor, "more": page.more}
    headers = [("Retry-After", str(RETRY_AFTER_SECONDS))] if waited.is_refused else []
    items = ",".join(item.json for item in page.items)
    return json_answer(f"[{items}]", "OK", meta=json.dumps(meta), headers=headers)
