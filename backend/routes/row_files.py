"""Exports and imports of records: `/api/v1/<name>/export` and `/api/v1/<name>/import`."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from flask import Response, request
from marshmallow import Schema, fields, validate
from werkzeug.wsgi import wrap_file

from backend.middleware.answer import Answer
from backend.middleware.app import get_app
from backend.middleware.authentication import current_actor, reload_actor
from backend.middleware.errors import ValueProblemSchema
from backend.middleware.guards import needing
from backend.middleware.limits import limits
from backend.routes.toolkit.envelope import json_answer
from backend.routes.toolkit.lists import list_query
from backend.routes.toolkit.resource_blueprint import ResourceBlueprint
from backend.routes.toolkit.row_uploads import FILES, MIME_TYPES, UPLOADED, FormatQuery, read_layout, uploaded_rows
from backend.services.definitions.catalog import Resource
from backend.services.errors import Invalid, Unavailable
from backend.services.field_types.boolean import BooleanFromText
from backend.services.field_types.marshmallow_fields import StrictText
from backend.services.records import exports
from backend.services.records.export_columns import CsvForm
from backend.services.records.imports import importing
from backend.services.records.list_query import ListQuery
from backend.services.records.row_files.separators import delimiter_of
from backend.utils.problems import Problem
from backend.utils.texts import printable

EXPORT_HELP = "The file has all records that a list with the same filters finds."
IMPORT_HELP = "Each row creates a record, or updates the one with its key. If any row is not valid, nothing is written."
EXPORTED = {"200": {"description": "The file", "content": FILES}}
LINES_OF_A_REQUEST = 100  # so many lines of an imported file count as one request against the rate limits


class ImportQuery(FormatQuery):
    """How to import, and how to read the file."""

    mode = StrictText(
        load_default="create",
        validate=validate.OneOf(["create", "upsert"]),
        metadata={"description": "`upsert` updates the record that has the `key` of a row, if there is one"},
    )
    key = StrictText(
        metadata={"description": "A unique field, a unique set such as `country,code`, or `id`; required with `upsert`"}
    )
    dry_run = BooleanFromText(load_default=False, metadata={"description": "Check everything and write nothing"})
    keep_good = BooleanFromText(
        load_default=False, metadata={"description": "Write the valid rows even if others are invalid"}
    )


class ImportProblemSchema(ValueProblemSchema):
    """The problem of a row."""

    line = fields.Integer(required=True)


class ImportChangeSchema(Schema):
    """The cells of a column that could only be read with an option."""

    column = fields.String(required=True)
    option = fields.String(required=True)
    cells = fields.Integer(required=True)
    example = fields.String(required=True, metadata={"description": "The first of the cells"})


class ImportReportSchema(Schema):
    """What an import did, or in a dry run would do."""

    rows = fields.Integer(required=True)
    created = fields.Integer(required=True)
    updated = fields.Integer(required=True)
    skipped = fields.Integer(required=True, metadata={"description": "Rows without any value"})
    bad = fields.Integer(required=True, metadata={"description": "Invalid rows"})
    changed = fields.List(
        fields.Nested(ImportChangeSchema), required=True, metadata={"description": "What options read"}
    )
    problems = fields.List(
        fields.Nested(ImportProblemSchema), required=True, metadata={"description": "The first 1000"}
    )


def add_views(blp: ResourceBlueprint) -> None:
    """Add the two views to the blueprint of a resource."""
    _add_export(blp)
    _add_import(blp)


def _add_export(blp: ResourceBlueprint) -> None:
    summary = f"Export records of {blp.resource.name} to a file"

    @blp.get("/export")
    @blp.guard(blp.allowed("list"))
    @blp.arguments(blp.schemas.export_query, location="query")
    @blp.fails(401, 403, 503)
    @blp.documented("list", f"export_{blp.names.many}", summary, description=EXPORT_HELP, responses=EXPORTED)
    def export_records(arguments: dict[str, Any]) -> Response:
        own = ("format", *_csv_parameters(blp.resource))
        parameters = {name: value for name, value in arguments.items() if name not in own}
        query = list_query(parameters, blp.definition.search)
        return _exported(blp.resource, query, arguments["format"], _csv_form(blp.resource, arguments))


def _csv_parameters(resource: Resource) -> list[str]:
    """Return the parameters of a CSV file; older resources may have fields of these names, which are filters then."""
    return [name for name in ("columns", "delimiter") if name not in resource.fields]


def _csv_form(resource: Resource, arguments: dict[str, Any]) -> CsvForm:
    given = {name: arguments[name] for name in _csv_parameters(resource) if name in arguments}
    if given.get("columns") and arguments["format"] != "csv":
        problem = Problem("not_allowed", "Only for `format=csv`; name the fields of NDJSON in `fields`.")
        raise Invalid({"columns": [problem]}, location="query")
    return CsvForm(tuple(given.get("columns", ())), delimiter_of(given.get("delimiter", ",")))


def _exported(resource: Resource, query: ListQuery, form: str, csv_form: CsvForm) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{resource.name}.{form}"'}
    if request.method == "HEAD":
        exports.check_export(current_actor(), resource, query, csv_form)
        return Response(
            iter(()), mimetype=MIME_TYPES[form], headers=headers
        )  # without Content-Length, which is not known
    max_bytes = get_app().settings.max_export_bytes
    file = exports.write_export(lambda: reload_actor(resource), resource, query, form, csv_form, max_bytes=max_bytes)
    headers["Content-Length"] = str(file.size)
    # The server sends and closes the file, so no thread waits for a slow client.
    sent = wrap_file(request.environ, file)  # type: ignore[arg-type]  # it has the methods that the server uses
    return Response(sent, mimetype=MIME_TYPES[form], headers=headers, direct_passthrough=True)


def _add_import(blp: ResourceBlueprint) -> None:
    summary = f"Import records of {blp.resource.name} from a file"

    @needing("a grant to create or update")
    def may_import() -> None:
        importing.may_import(current_actor(), blp.resource, request.args.get("key"))

    @blp.post("/import")
    @blp.guard(may_import)
    @blp.arguments(ImportQuery, location="query")
    @blp.documented_response(200, ImportReportSchema)
    @blp.fails(400, 401, 403, 413, 415)
    @blp.documented("create", f"import_{blp.names.many}", summary, description=IMPORT_HELP, **UPLOADED)
    def import_records(arguments: dict[str, Any]) -> Answer:
        options = _options(arguments, blp.resource)
        with ExitStack() as until_done:
            layout = read_layout(arguments)
            rows = uploaded_rows(until_done, lambda file: layout, is_read_twice=layout.lenient)
            report = importing.import_records(current_actor(), blp.resource, rows, options)
        if report.bad and not (options.dry_run or options.keep_good):
            raise _bad_rows(report)
        return json_answer(_to_json(report), "OK")


def _options(arguments: dict[str, Any], resource: Resource) -> importing.Options:
    settings, key = get_app().settings, arguments.get("key")
    if (arguments["mode"] == "upsert") != (key is not None):
        needed = Problem("required", "Required with `mode=upsert`, such as `key=id`.")
        problem = needed if key is None else Problem("not_allowed", "Only allowed with `mode=upsert`.")
        raise Invalid({"key": [problem]}, location="query")
    return importing.Options(
        key=key,
        dry_run=arguments["dry_run"],
        keep_good=arguments["keep_good"],
        bounds=importing.Bounds(rows=settings.max_import_rows, seconds=settings.import_seconds),
        progress=_line_counter(),
        before_write=_role_check(resource),
    )


def _line_counter() -> Callable[[int], None]:
    """Return a function that counts the lines read so far against the rate limits.

    The first LINES_OF_A_REQUEST lines are not counted, because the request itself is.
    """
    counted = 0

    def count(line: int) -> None:
        nonlocal counted
        more = line // LINES_OF_A_REQUEST - counted
        counted += more
        limits.count_more(more)

    return count


def _role_check(resource: Resource) -> Callable[[], None]:
    """Return a function that raises Unavailable if the actor's roles have changed since this request began."""
    actor = current_actor()

    def check() -> None:
        if reload_actor(resource) != actor:
            raise Unavailable("Your roles changed while the file was checked; send it again.")

    return check


def _bad_rows(report: importing.Report) -> Invalid:
    by_line: dict[str, list[Problem]] = {}
    for line, problem in report.problems:
        by_line.setdefault(str(line), []).append(problem)
    message = f"Nothing was written: {report.bad:,} of {report.rows:,} rows are not valid."
    return Invalid(by_line, location="rows", message=message)


def _to_json(report: importing.Report) -> str:
    counts = {part: getattr(report, part) for part in ("rows", "created", "updated", "skipped", "bad")}
    problems = [{"line": line, **problem.to_dict()} for line, problem in report.problems]
    changed = [
        {"column": column, "option": option, "cells": cells, "example": printable(example)}
        for (column, option), (cells, example) in report.changed.items()
    ]
    return json.dumps(counts | {"changed": changed, "problems": problems})
