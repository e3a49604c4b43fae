"""Turns every exception into an error response: its status, its code and its body."""

import http
from collections.abc import Mapping
from typing import Any, TypeAlias, get_args

import structlog
from flask import Flask, Response, json, request
from marshmallow import Schema, fields, validate
from peewee import PeeweeException
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.wrappers import Response as WerkzeugResponse

from backend.middleware.app import get_app
from backend.middleware.authentication import IDENTITY, Identity
from backend.middleware.body_limits import body_limit
from backend.middleware.near_paths import explain_missing
from backend.middleware.paths import request_path
from backend.middleware.request_id import request_id
from backend.models.database import DATABASE_ERRORS, DRIVER_ERRORS, DatabaseUnavailable, database
from backend.models.definition import Generation
from backend.services import errors
from backend.services.operation.error_tracking import error_tracking
from backend.services.operation.migrations import NOT_MIGRATED
from backend.utils.clock import seconds_stamp
from backend.utils.problems import Code, to_json
from backend.utils.schemas import COMPONENT
from backend.utils.texts import printable

log = structlog.get_logger()

Details: TypeAlias = Mapping[str, Any]  # problems of single values, by place

RETRY_AFTER_SECONDS = 1
SHOWN_CHARACTERS = 20  # of a method in a message

STATUS = {
    errors.Malformed: 400,
    errors.Unauthenticated: 401,
    errors.Denied: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Expired: 410,
    errors.PreconditionFailed: 412,
    errors.PreconditionMissing: 428,
    errors.Invalid: 422,
    errors.TooLarge: 413,
    errors.Unavailable: 503,
    errors.StorageFull: 507,
}

CODES = {
    400: "MALFORMED_REQUEST",
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "CONFLICT",
    410: "CURSOR_EXPIRED",
    412: "PRECONDITION_FAILED",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    416: "RANGE_NOT_SATISFIABLE",
    422: "VALIDATION_ERROR",
    428: "PRECONDITION_REQUIRED",
    429: "RATE_LIMITED",
    500: "INTERNAL_ERROR",
    503: "UNAVAILABLE",
    507: "STORAGE_FULL",
}


LIMIT_HELP = "The limit that the value exceeds or does not reach"

KEPT_HEADERS = ("Allow", "Content-Range", "Retry-After")
HEADERS = {
    401: {"WWW-Authenticate": "Bearer"},
    503: {"Retry-After": str(RETRY_AFTER_SECONDS)},
}


class ValueProblemSchema(Schema):
    """What is wrong with a value; docs/api/errors.md explains the codes."""

    code = fields.String(required=True, validate=validate.OneOf(get_args(Code)))
    message = fields.String(required=True)
    limit = fields.Raw(metadata={"anyOf": [{"type": "number"}, {"type": "string"}], "description": LIMIT_HELP})
    choices = fields.List(fields.String(), metadata={"description": "The values that are allowed"})
    expected = fields.String(metadata={"description": "The JSON type or the format"})
    pattern = fields.String(metadata={"description": "The regular expression that the text must match"})
    names = fields.List(fields.String(), metadata={"description": "What the problem is about, such as roles"})
    suggestion = fields.String(metadata={"description": "The name that was most likely meant"})
    line = fields.Integer(metadata={"description": "The line of a body in YAML"})
    place = fields.String(metadata={"description": "Where the problem is within the value or the row"})


class ErrorDetailSchema(Schema):
    """What went wrong."""

    code = fields.String(required=True, validate=validate.OneOf(sorted(CODES.values())))
    message = fields.String(required=True)
    details = fields.Dict(required=True, metadata={COMPONENT: "ErrorDetails"})


class FailureSchema(Schema):
    """The body of every error response."""

    success = fields.Boolean(required=True, metadata={"description": "Always false"})
    error = fields.Nested(ErrorDetailSchema, required=True)
    timestamp = fields.DateTime(required=True)


def init_app(app: Flask) -> None:
    """Register the error handlers, which give every exception the same form of response."""
    app.register_error_handler(errors.LarderError, _refusal_response)
    app.register_error_handler(PeeweeException, _database_error_response)
    for driver in DRIVER_ERRORS:  # peewee wraps errors of executing a statement, but not of fetching its rows
        app.register_error_handler(driver, _driver_error_response)
    app.register_error_handler(HTTPException, http_error_response)


def error_body(status: int, message: str, details: Details | None = None) -> dict[str, Any]:
    """Return the body of an error response, in JSON types."""
    error = {"code": CODES[status], "message": message, "details": to_json(details or {})}
    return {"success": False, "error": error, "timestamp": seconds_stamp()}


def _respond(
    status: int, message: str, details: Details | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    body = json.dumps(error_body(status, message, details), separators=(",", ":"))
    response = Response(f"{body}\n", status, mimetype="application/json")
    response.headers.update(HEADERS.get(status, {}))
    response.headers.update(headers or {})
    return response


def end_of_stream(error: Exception, reference: str) -> dict[str, Any]:
    """Return what a stream that an error ends sends: what is `error` in the body of other responses.

    An unexpected error is logged and reported, with the request id `reference`.
    """
    if isinstance(error, DATABASE_ERRORS) and database.temporary_reason(database.failure_of(error)):
        error = errors.Unavailable()
    if isinstance(error, errors.LarderError):
        body = error_body(_status_of(error), error.message, error.details)
    else:
        body = error_body(500, _report_defect(error, reference))
    content: dict[str, Any] = body["error"]
    return content


def _status_of(error: errors.LarderError) -> int:
    return next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)


def _refusal_response(error: errors.LarderError) -> Response:
    status = _status_of(error)
    if status == 404 and (failure := _failure_at_start()):
        return _driver_error_response(failure)
    return _respond(status, error.message, error.details)


def _driver_error_response(error: Exception) -> Response:
    return _database_error_response(database.failure_of(error))


def _database_error_response(error: Exception) -> Response:
    reason = database.temporary_reason(error)
    if not reason and not (database.is_wrong_shape(error) and _has_stale_catalog()):
        return _defect_response(error)
    message, retry_after = _missing_migration(), None
    reason = reason or message or "The definitions have changed."
    log.warning("database unavailable", request_id=request_id(request.environ), reason=reason)
    if isinstance(error, DatabaseUnavailable):
        message, retry_after = error.message, error.retry_after
    refusal = errors.Unavailable(message)
    return _respond(503, refusal.message, headers={"Retry-After": str(retry_after or RETRY_AFTER_SECONDS)})


def _has_stale_catalog() -> bool:
    """Return whether the definitions have changed since this request began, or do not exist."""
    generation = get_app().catalog.generation
    try:
        return generation is None or generation != Generation.current()
    except DATABASE_ERRORS:  # for example if an empty file has replaced the database
        return True


def _missing_migration() -> str | None:
    """Return a message if the database has never been migrated, else None."""
    return NOT_MIGRATED if get_app().catalog.generation is None else None


def http_error_response(error: HTTPException) -> WerkzeugResponse:
    """Return the response for an HTTPException of Flask, werkzeug or webargs. Its KEPT_HEADERS are kept."""
    code = error.code or 500
    if code == 500:
        return _defect_response(getattr(error, "original_exception", None) or error)
    if code < 400:  # a redirect
        return error.get_response()
    if code in (404, 405) and (failure := _failure_at_start()):
        return _driver_error_response(failure)
    if code == 404 and (missing := _missing_migration()):  # before the first migration, no resource is known
        return _refusal_response(errors.Unavailable(missing))
    status = code if code in CODES else 400
    data = getattr(error, "data", {})  # set by webargs and flask-smorest: a message, or messages by location and field
    message = data.get("message") or _message(error, status)
    kept = {name: value for name, value in error.get_response().headers.items() if name in KEPT_HEADERS}
    return _respond(status, message, data.get("messages"), kept)


def _failure_at_start() -> Exception | None:
    """Return the error if the database failed when the request began; else None.

    Then the resources in force are not known: what seems to be missing may have just been created.
    """
    identity: Identity | None = request.environ.get(IDENTITY)
    failure = identity.failure if identity else None
    return failure if isinstance(failure, DATABASE_ERRORS) else None


def _message(error: HTTPException, status: int) -> str:
    if isinstance(error, RequestEntityTooLarge) and not getattr(error, "data", {}):
        return body_limit(get_app().settings, request_path(request.environ)).message
    # Instead of werkzeug's messages, which are written for people who type URLs.
    if status == 404:
        return explain_missing(request_path(request.environ))
    if isinstance(error, MethodNotAllowed):
        methods = sorted({*(error.valid_methods or ())} - {"HEAD", "OPTIONS"})
        return f"This path takes {', '.join(methods)}, not {printable(request.method, SHOWN_CHARACTERS)}."
    if status == 422:
        return errors.Invalid.message
    return error.description or http.HTTPStatus(status).phrase


def _defect_response(error: BaseException) -> Response:
    return _respond(500, _report_defect(error, request_id(request.environ)))


def _report_defect(error: BaseException, reference: str) -> str:
    """Log and report an unexpected error; return the message for the client."""
    log.error("unexpected error", request_id=reference, exc_info=error)
    error_tracking.report(error, request_id=reference)
    return f"{http.HTTPStatus(500).phrase}. Details are in the log, under request id {reference}."
