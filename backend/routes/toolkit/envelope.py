"""The envelope around every success, and the blueprint that documents it."""

from flask import Response
from marshmallow import Schema, fields, validate

from backend.utils.clock import seconds_stamp
from backend.utils.schemas import BuiltSchema

LOCATION = {"Location": {"schema": {"type": "string"}, "description": "The path of what was made"}}


class MetaSchema(Schema):
    """Where in the list this page is; `total` and `pages` are null when nobody counted, `page` after a cursor."""

    page = fields.Integer(required=True, allow_none=True)
    per_page = fields.Integer(required=True)
    total = fields.Integer(required=True, allow_none=True)
    pages = fields.Integer(required=True, allow_none=True)
    next_cursor = fields.String(required=True, allow_none=True)


def list_meta(*, page, per_page, total, next_cursor):
    """Return the `meta` of a list."""
    pages = None if total is None else -(-total // per_page)
    return {"page": page, "per_page": per_page, "total": total, "pages": pages, "next_cursor": next_cursor}


def json_response(data, message, *, status=200, meta=None, headers=None):
    """Return the Response around `data` and `meta`, which are JSON text already."""
    middle = "" if meta is None else f',"meta":{meta}'
    body = f'{{"success":true,"data":{data}{middle},"message":"{message}","timestamp":"{seconds_stamp()}"}}\n'
    return Response(body, status, headers, mimetype="application/json")


def envelope_schema(schema):
    """Return the schema instance of the envelope around `schema`, which may be None or `many`; one class for each."""
    # Kept on the schema's own class: it lives exactly as long, and a second one of the same name would clash.
    owner = type(schema) if schema else MetaSchema
    attribute = "_list_envelope" if getattr(schema, "many", False) else "_envelope"
    if attribute not in vars(owner):
        setattr(owner, attribute, _make_envelope(schema)())
    return vars(owner)[attribute]


def _make_envelope(schema):
    if schema is None:
        name, data, meta = "Empty", fields.Raw(required=True, validate=validate.Equal(None)), {}
    elif schema.many:
        items = fields.Nested(type(schema))
        name, data = _component_name(schema) + "_list", fields.List(items, required=True)
        meta = {"meta": fields.Nested(MetaSchema, required=True)}
    else:
        name, data, meta = _component_name(schema) + "_answer", fields.Nested(type(schema), required=True), {}
    outer = {
        "success": fields.Boolean(required=True, validate=validate.Equal(True)),
        "data": data,
        **meta,
        "message": fields.String(required=True),
        "timestamp": fields.DateTime(required=True),
    }
    return type(name, (BuiltSchema,), outer)


def _component_name(schema):
    return type(schema).__name__.removesuffix("Schema")
