"""Files of records: `/api/v1/<name>/export` and `/import`."""

import json
from collections.abc import Callable

from flask import Response, abort, request
from marshmallow import Schema, fields, validate
from werkzeug.wsgi import wrap_file

from backend.middleware.authentication import current_actor, needing, renewed_actor
from backend.middleware.build import current_build
from backend.middleware.limits import limits
from backend.routes.toolkit.arguments import QuerySchema
from backend.routes.toolkit.envelope import json_response
from backend.routes.toolkit.lists import list_query
from backend.services.definitions.catalog import Resource
from backend.services.errors import Invalid, Unavailable
from backend.services.field_types.boolean import BooleanFromText
from backend.services.field_types.wire import StrictText
from backend.services.records import exports
from backend.services.records.imports import importing

MIME_TYPES = {"csv": "text/csv", "ndjson": "application/x-ndjson"}
FILES = {mime_type: {"schema": {"type": "string"}} for mime_type in MIME_TYPES.values()}
EXPORTED = {"200": {"description": "The file", "content": FILES}}
LINES_OF_A_REQUEST = 100  # of an imported file count against the limits as a request does
UPLOADED = {"requestBody": {"required": True, "content": FILES}}


class ImportQuery(QuerySchema):
    """How to import."""

    mode = StrictText(
        load_default="create",
        validate=validate.OneOf(["create", "upsert"]),
        metadata={"description": "`upsert` changes the records that are there already, known by `key`"},
    )
    key = StrictText(metadata={"description": "With `upsert`: a field that is unique by itself, or `id`"})
    dry_run = BooleanFromText(load_default=False, metadata={"description": "Check everything, write nothing"})
    keep_good = BooleanFromText(load_default=False, metadata={"description": "Write the good rows beside bad ones"})


class ProblemSchema(Schema):
    """What is wrong with a row."""

    line = fields.Integer(required=True)
    message = fields.String(required=True)


class ReportSchema(Schema):
    """What an import did, or in a dry run would do."""

    rows = fields.Integer(required=True)
    created = fields.Integer(required=True)
    updated = fields.Integer(required=True)
    skipped = fields.Integer(required=True, metadata={"description": "Rows without any value"})
    bad = fields.Integer(required=True)
    problems = fields.List(fields.Nested(ProblemSchema), required=True, metadata={"description": "The first 1000"})


def add_views(blp):
    """Add the two views to the blueprint of a resource."""
    resource, definition, schemas, name = blp.resource, blp.definition, blp.schemas, blp.resource.name

    @blp.get("/export")
    @blp.guard(blp.allowed("list"))
    @blp.arguments(schemas.export, location="query")
    @blp.fails(401, 403, 503)
    @blp.documented("list", "export", f"Write all {name} that a list would find", responses=EXPORTED)
    def export_records(arguments):
        form = arguments.pop("format")
        query = list_query(arguments, definition.search)
        headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
        if request.method == "HEAD":
            exports.check_export(current_actor(), resource, query)
            return Response(iter(()), mimetype=MIME_TYPES[form], headers=headers)  # how long it is nobody knows yet
        file = exports.write_export(
            lambda: renewed_actor(resource), resource, query, form, max_bytes=current_build().settings.max_export_bytes
        )
        headers["Content-Length"] = file.size
        # The server sends it and closes it; no thread waits for a client that reads slowly.
        sent = wrap_file(request.environ, file)
        return Response(sent, mimetype=MIME_TYPES[form], headers=headers, direct_passthrough=True)

    @blp.post("/import")
    @blp.guard(
        needing("a grant to create or update")(
            lambda: importing.may_import(current_actor(), definition, request.args.get("key"))
        )
    )
    @blp.arguments(ImportQuery, location="query")
    @blp.answers(200, ReportSchema)
    @blp.fails(400, 401, 403, 413, 415)
    @blp.documented("create", "import", f"Create, or with a key change, a record of {name} for each row", **UPLOADED)
    def import_records(arguments):
        options = _import_options(arguments) | {"progress": _line_counter(), "bounds": _bounds()}
        options["watch"] = _watch(resource)
        report = importing.import_records(current_actor(), resource, _uploaded_rows(), **options)
        problems = [{"line": line, "message": message} for line, message in report.problems]
        if report.bad and not (arguments["dry_run"] or arguments["keep_good"]):
            raise _bad_rows(report)
        counts = {part: getattr(report, part) for part in ("rows", "created", "updated", "skipped", "bad")}
        return json_response(json.dumps(counts | {"problems": problems}), "OK")


def _import_options(arguments):
    mode, key = arguments["mode"], arguments.get("key")
    if (mode == "upsert") != (key is not None):
        told = "Say by which unique field: `key=id` or another." if key is None else "Only `mode=upsert` has a key."
        raise Invalid({"key": [told]}, location="query")
    return {"key": key, "dry_run": arguments["dry_run"], "keep_good": arguments["keep_good"]}


def _bad_rows(report: importing.Report) -> Invalid:
    by_line: dict = {}
    for line, message in report.problems:
        by_line.setdefault(str(line), []).append(message)
    refusal = Invalid(by_line, location="rows")
    refusal.message = f"Nothing was written: {report.bad:,} of {report.rows:,} rows are not valid."
    return refusal


def _bounds() -> importing.Bounds:
    settings = current_build().settings
    return importing.Bounds(rows=settings.max_import_rows, seconds=settings.import_seconds)


def _watch(resource: Resource) -> Callable[[], None]:
    """Return a function that raises unless whoever sent the file may still do what they might when it was checked."""
    actor = current_actor()

    def watch() -> None:
        if renewed_actor(resource) != actor:
            raise Unavailable("Your roles have changed while the file was checked; send it again.")

    return watch


def _line_counter() -> Callable[[int], None]:
    """Return a function that counts the lines read so far against the limits; the first ones are the request itself."""
    counted = 0

    def count(line: int) -> None:
        nonlocal counted
        more = line // LINES_OF_A_REQUEST - counted
        counted += more
        limits.count_more(more)

    return count


def _uploaded_rows() -> importing.CsvRows | importing.JsonRows:
    """Return the rows of the body, which is read while they are checked."""
    request.max_content_length = current_build().settings.max_import_bytes
    form = next((form for form, mime_type in MIME_TYPES.items() if request.mimetype == mime_type), None)
    if form is None:
        abort(415, "The body must be text/csv or application/x-ndjson.")
    rows = importing.CsvRows if form == "csv" else importing.JsonRows
    return rows(request.stream, current_build().settings.max_body_bytes)
