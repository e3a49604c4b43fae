"""The envelope around every successful response, and its schemas."""

import re
from typing import Any

from marshmallow import Schema, fields

from backend.middleware.answer import Answer
from backend.middleware.wsgi import Headers
from backend.utils.clock import seconds_stamp
from backend.utils.plurals import plural
from backend.utils.schemas import make_schema

JSON = ("Content-Type", "application/json")
CHANGES_CURSOR = "changes_cursor"
LOCATION = {"Location": {"schema": {"type": "string"}, "description": "The path of what was created"}}


class ListMetaSchema(Schema):
    """The position of a page in its list. `total` and `pages` are null if not counted, `page` is null with a cursor.

    If there are more records than are counted, `total_is_at_least` is a number that they are not less than; otherwise
    it is null. Lists of resources with a feed have a `changes_cursor`: with that of the first page as `after`,
    `/changes` continues where the list ends.
    """

    page = fields.Integer(required=True, allow_none=True)
    per_page = fields.Integer(required=True)
    total = fields.Integer(required=True, allow_none=True)
    pages = fields.Integer(required=True, allow_none=True)
    total_is_at_least = fields.Integer(required=True, allow_none=True)
    next_cursor = fields.String(required=True, allow_none=True)
    changes_cursor = fields.String()


def list_meta(
    *,
    page: int | None,
    per_page: int,
    total: int | None,
    next_cursor: str | None,
    at_least: int | None = None,
    changes_cursor: str | None = None,
) -> dict[str, Any]:
    """Return the `meta` of a list."""
    follow = {} if changes_cursor is None else {CHANGES_CURSOR: changes_cursor}  # last: see public_responses.py
    return {
        "page": page,
        "per_page": per_page,
        "total": total,
        "pages": None if total is None else -(-total // per_page),
        "total_is_at_least": at_least,
        "next_cursor": next_cursor,
        **follow,
    }


def json_answer(
    data: str, message: str, *, status: int = 200, meta: str | None = None, headers: Headers | None = None
) -> Answer:
    """Return an Answer with the envelope around `data` and `meta`, which must be JSON text."""
    middle = "" if meta is None else f',"meta":{meta}'
    body = f'{{"success":true,"data":{data}{middle},"message":"{message}","timestamp":"{seconds_stamp()}"}}\n'
    return Answer(body.encode(), status, [*(headers or ()), JSON])


def envelope_schema(schema: Schema | None) -> Schema:
    """Return the schema of the envelope around `schema`; None means `"data": null`. Each is built only once."""
    # Cached on the class of the schema, so that both are deleted together.
    owner = type(schema) if schema else ListMetaSchema
    attribute = "_list_envelope" if schema and schema.many else "_envelope"
    if attribute not in vars(owner):
        setattr(owner, attribute, _make_envelope(schema))
    envelope: Schema = vars(owner)[attribute]
    return envelope


def _make_envelope(schema: Schema | None) -> Schema:
    if schema is None:
        # Generators of clients fail if `null` is the only type.
        nothing = fields.Raw(required=True, metadata={"type": ["object", "null"], "description": "Always null"})
        return _envelope("Empty", {"data": nothing})
    name = type(schema).__name__.removesuffix("Schema")
    data = fields.Nested(type(schema), required=True)
    if not schema.many:
        return _envelope(f"{name}Envelope", {"data": data})
    meta = getattr(schema, "meta_schema", ListMetaSchema)
    items = fields.List(fields.Nested(type(schema)), required=True)
    return _envelope(f"{_plural(name)}Envelope", {"data": items, "meta": fields.Nested(meta, required=True)})


def _plural(name: str) -> str:
    """Return the plural of the name of a schema: `AuditEntries` of `AuditEntry`."""
    beginning, last = re.findall(r"(.*?)([A-Z][a-z0-9_]*)$", name)[0]
    return f"{beginning}{plural(last.lower()).capitalize()}"


def _envelope(name: str, content: dict[str, fields.Field[Any]]) -> Schema:
    outer = {
        "success": fields.Boolean(required=True, metadata={"description": "Always true"}),
        **content,
        "message": fields.String(required=True),
        "timestamp": fields.DateTime(required=True),
    }
    return make_schema(name, outer)
