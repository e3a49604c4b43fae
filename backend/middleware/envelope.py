"""The envelope around every success, and the blueprint that documents it."""

import http
from functools import wraps

import marshmallow as ma
from flask import Response
from flask_smorest import Blueprint as SmorestBlueprint

from backend.middleware import repeats
from backend.middleware.arguments import Parser, takes_no_query
from backend.middleware.schemas import BuiltSchema
from backend.utils.clock import seconds_stamp

API = "/api/v1"
LOCATION = {"Location": {"schema": {"type": "string"}, "description": "The path of what was made"}}


class MetaSchema(ma.Schema):
    """Where in the list this page is; `total` and `pages` are null when nobody counted, `page` after a cursor."""

    page = ma.fields.Integer(required=True, allow_none=True)
    per_page = ma.fields.Integer(required=True)
    total = ma.fields.Integer(required=True, allow_none=True)
    pages = ma.fields.Integer(required=True, allow_none=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


def list_meta(*, page, per_page, total, next_cursor):
    """Return the `meta` of a list."""
    pages = None if total is None else -(-total // per_page)
    return {"page": page, "per_page": per_page, "total": total, "pages": pages, "next_cursor": next_cursor}


def json_response(data, message, *, status=200, meta=None, headers=None):
    """Return the Response around `data` and `meta`, which are JSON text already."""
    middle = "" if meta is None else f',"meta":{meta}'
    body = f'{{"success":true,"data":{data}{middle},"message":"{message}","timestamp":"{seconds_stamp()}"}}\n'
    return Response(body, status, headers, mimetype="application/json")


class Blueprint(SmorestBlueprint):
    """A smorest blueprint whose answers have the envelope, and whose views refuse parameters they do not know."""

    ARGUMENTS_PARSER = Parser()

    def add_url_rule(self, rule, endpoint=None, view_func=None, **options):
        """Register a view behind its guard; one that declares no query takes none. Raises TypeError without a guard."""
        if not hasattr(view_func, "_guard"):
            raise TypeError(f"{view_func.__name__} says nothing of who may call it: use @blp.guard")
        declared = _notes(view_func).get("arguments", {}).get("parameters", [])
        if not any(parameter["in"] == "query" for parameter in declared):
            view_func = takes_no_query(view_func)
        super().add_url_rule(rule, endpoint, _guarded(view_func), **options)

    def guard(self, check):
        """Return a decorator: `check()` raises unless the actor may call the view, and runs before anything is read.

        The document tells `check.needs` as `x-needs`.
        """

        def decorator(view):
            view._guard = check
            return self.doc(**{"x-needs": check.needs})(view)

        return decorator

    def once(self, view):
        """Return the view answering a request that is sent again, known by its Idempotency-Key, as the first time."""
        return self.doc(parameters=[repeats.PARAMETER])(repeats.answered_once(view))

    def arguments(self, schema, **options):
        """Return the decorator that loads arguments; of a class, one instance serves all requests."""
        return super().arguments(schema() if isinstance(schema, type) else schema, **options)

    # What follows writes where smorest keeps its notes on a view. Its own decorators wrap the view each time, which
    # every request pays for, and copy all notes with the schemas in them, which every build pays for.

    def answers(self, status, schema=None, **options):
        """Return a decorator that documents the answer of a view which makes its Response itself."""

        def decorator(view):
            view._apidoc = self.response(status, schema, **options)(view)._apidoc
            return view

        return decorator

    def fails(self, *statuses):
        """Return a decorator that documents the failures a view may answer with."""

        def decorator(view):
            responses = _notes(view).setdefault("response", {}).setdefault("responses", {})
            for status in statuses:
                responses.setdefault(status, []).append(http.HTTPStatus(status).name)
            return view

        return decorator

    def doc(self, **options):
        """Return a decorator that adds to the document of a view."""

        def decorator(view):
            _notes(view).setdefault("manual_doc", {}).update(options)
            return view

        return decorator

    @staticmethod
    def _prepare_response_content(data):
        body = {"success": True, "data": data, "message": "OK", "timestamp": seconds_stamp()}
        if isinstance(data, list):  # the lists of the system are short and come whole
            body["meta"] = list_meta(page=1, per_page=max(len(data), 1), total=len(data), next_cursor=None)
        return body

    @staticmethod
    def _make_doc_response_schema(schema):
        return _envelope_schema(schema)


def _guarded(view):
    check = view._guard

    @wraps(view)
    def guarded(**arguments):
        check()
        return view(**arguments)

    return guarded


def _notes(view):
    """Return the dict in which smorest keeps what it documents of a view."""
    return vars(view).setdefault("_apidoc", {})


def _envelope_schema(schema):
    """Return the schema instance of the envelope around `schema`, which may be None or `many`; one class for each."""
    kind = type(schema)
    attribute = "_list_envelope" if getattr(schema, "many", False) else "_envelope"
    # Kept on the schema's own class: it lives exactly as long, and a second one of the same name would clash.
    if attribute not in vars(kind if schema else Blueprint):
        setattr(kind if schema else Blueprint, attribute, _make_envelope(schema)())
    return vars(kind if schema else Blueprint)[attribute]


def _make_envelope(schema):
    if schema is None:
        name, data, meta = "Empty", ma.fields.Raw(required=True, validate=ma.validate.Equal(None)), {}
    elif schema.many:
        items = ma.fields.Nested(type(schema))
        name, data = _component_name(schema) + "_list", ma.fields.List(items, required=True)
        meta = {"meta": ma.fields.Nested(MetaSchema, required=True)}
    else:
        name, data, meta = _component_name(schema) + "_answer", ma.fields.Nested(type(schema), required=True), {}
    outer = {
        "success": ma.fields.Boolean(required=True, validate=ma.validate.Equal(True)),
        "data": data,
        **meta,
        "message": ma.fields.String(required=True),
        "timestamp": ma.fields.DateTime(required=True),
    }
    return type(name, (BuiltSchema,), outer)


def _component_name(schema):
    return type(schema).__name__.removesuffix("Schema")
