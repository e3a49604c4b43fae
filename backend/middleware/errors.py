"""The error table: the code and status of each failure, and the one form of its body."""

import http
from collections.abc import Mapping
from typing import Any, TypeAlias

import structlog
from flask import Flask, Response, json, request
from marshmallow import Schema, fields, validate
from peewee import PeeweeException
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Response as WerkzeugResponse

from backend.middleware.app import get_app
from backend.middleware.request_id import request_id
from backend.models.database import DATABASE_ERRORS, DRIVER_ERRORS, DatabaseUnavailable, database
from backend.models.definition import Generation
from backend.services import errors
from backend.services.operation.error_tracking import error_tracking
from backend.services.operation.migrations import NOT_MIGRATED
from backend.utils.clock import seconds_stamp

log = structlog.get_logger()

Details: TypeAlias = Mapping[str, Any]  # more about single values, ready for JSON

RETRY_AFTER_SECONDS = 1

STATUS = {
    errors.Malformed: 400,
    errors.Unauthenticated: 401,
    errors.Denied: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.PreconditionMissing: 428,
    errors.Invalid: 422,
    errors.TooLarge: 413,
    errors.Unavailable: 503,
}

CODES = {
    400: "MALFORMED_REQUEST",
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "CONFLICT",
    412: "PRECONDITION_FAILED",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    422: "VALIDATION_ERROR",
    428: "PRECONDITION_REQUIRED",
    429: "RATE_LIMITED",
    500: "INTERNAL_ERROR",
    503: "UNAVAILABLE",
}

# Where werkzeug's own words are about something else, such as typing a URL by hand.
MESSAGES = {
    404: "There is nothing at this path.",
    405: "This path does not take this method.",
    422: errors.Invalid.message,
}

HEADERS = {
    401: {"WWW-Authenticate": "Bearer"},
    503: {"Retry-After": str(RETRY_AFTER_SECONDS)},
}


class ErrorDetailSchema(Schema):
    """What went wrong."""

    code = fields.String(required=True, validate=validate.OneOf(sorted(CODES.values())))
    message = fields.String(required=True)
    details = fields.Dict(
        keys=fields.String(),
        required=True,
        metadata={"description": "Of a validation error: messages by location (`json`, `query`) and field"},
    )


class ErrorSchema(Schema):
    """The body of every failure."""

    success = fields.Boolean(required=True, validate=validate.Equal(False))
    error = fields.Nested(ErrorDetailSchema, required=True)
    timestamp = fields.DateTime(required=True)


def init_app(app: Flask) -> None:
    """Answer every exception in the one form."""
    app.register_error_handler(errors.LarderError, _answer_refusal)
    app.register_error_handler(PeeweeException, _answer_database_error)
    for driver in DRIVER_ERRORS:  # peewee names errors of executing a statement, not those of fetching its rows
        app.register_error_handler(driver, _answer_driver_error)
    app.register_error_handler(HTTPException, answer_http_error)


def error_body(status: int, message: str, details: Details | None = None) -> dict[str, Any]:
    """Return the body of a failure, ready for JSON."""
    error = {"code": CODES[status], "message": message, "details": details or {}}
    return {"success": False, "error": error, "timestamp": seconds_stamp()}


def too_large(limit_bytes: int, *, is_import: bool) -> str:
    """Return the message for a body over the limit, which names the setting to change."""
    setting = "LARDER_MAX_IMPORT_BYTES" if is_import else "LARDER_MAX_BODY_BYTES"
    return f"The body is larger than {limit_bytes:,} bytes ({setting})."


def _too_large_here() -> str:
    rule = request.url_rule
    return too_large(request.max_content_length or 0, is_import=rule is not None and rule.rule.endswith("/import"))


def _respond(
    status: int, message: str, details: Details | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    body = json.dumps(error_body(status, message, details), separators=(",", ":"))
    response = Response(f"{body}\n", status, mimetype="application/json")
    response.headers.update(HEADERS.get(status, {}))
    response.headers.update(headers or {})
    return response


def _answer_refusal(error: errors.LarderError) -> Response:
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    return _respond(status, error.message, error.details)


def _answer_driver_error(error: Exception) -> Response:
    return _answer_database_error(database.failure_of(error))


def _answer_database_error(error: Exception) -> Response:
    reason = database.temporary_reason(error)
    if not reason and not (database.is_wrong_shape(error) and _is_overtaken()):
        return _answer_defect(error)
    message, retry_after = _what_is_missing(), None
    reason = reason or message or "The definitions have changed."
    log.warning("database unavailable", request_id=request_id(request.environ), reason=reason)
    if isinstance(error, DatabaseUnavailable):
        message, retry_after = error.message, error.retry_after
    refusal = errors.Unavailable(message)
    return _respond(503, refusal.message, headers={"Retry-After": str(retry_after or RETRY_AFTER_SECONDS)})


def _is_overtaken() -> bool:
    """Tell whether the definitions have changed since this request began, or are not there."""
    known = get_app().catalog.generation
    try:
        return known is None or known != Generation.current()
    except DATABASE_ERRORS:  # such as another, empty file in the place of the database
        return True


def _what_is_missing() -> str | None:
    """Return what an operator has to do before anything can work, or None."""
    return NOT_MIGRATED if get_app().catalog.generation is None else None


def answer_http_error(error: HTTPException) -> WerkzeugResponse:
    """Answer an HTTPException of Flask, werkzeug or webargs; it keeps its own headers, such as Allow."""
    code = error.code or 500
    if code == 500:
        return _answer_defect(getattr(error, "original_exception", None) or error)
    if code < 400:  # a redirect
        return error.get_response()
    if code == 404 and (missing := _what_is_missing()):  # without a migration nobody knows the resources
        return _answer_refusal(errors.Unavailable(missing))
    status = code if code in CODES else 400
    data = getattr(error, "data", {})  # of webargs and flask-smorest: a message, or messages by location and field
    message = data.get("message") or _message(error, status)
    kept = {name: value for name, value in error.get_response().headers.items() if name in ("Allow", "Retry-After")}
    return _respond(status, message, data.get("messages"), kept)


def _message(error: HTTPException, status: int) -> str:
    if isinstance(error, RequestEntityTooLarge) and not getattr(error, "data", {}):
        return _too_large_here()
    return MESSAGES.get(status) or error.description or http.HTTPStatus(status).phrase


def _answer_defect(error: BaseException) -> Response:
    known_as = request_id(request.environ)
    log.error("unexpected error", request_id=known_as, exc_info=error)
    error_tracking.report(error, request_id=known_as)
    return _respond(500, f"{http.HTTPStatus(500).phrase}; the log has it under request id {known_as}.")
