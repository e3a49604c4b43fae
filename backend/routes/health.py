"""Whether the process runs and can serve requests: `/health`."""

from typing import Any

from marshmallow import Schema, fields, validate

from backend.middleware.app import get_app
from backend.middleware.authentication import is_asked_by_admin
from backend.middleware.guards import anybody, permission
from backend.routes.toolkit.arguments import QuerySchema
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.security import NO_SIGN_IN
from backend.services.access.permissions import SYSTEM_READ
from backend.services.errors import Unavailable
from backend.services.field_types.datetime import Moment
from backend.services.field_types.marshmallow_fields import StrictText
from backend.services.health import doctor, figures
from backend.services.health import ready as probe
from backend.services.health.check import FAILURE, OK, WARNING, Check

NOT_READY = "The service cannot serve requests now. Admins see the reason here; it is also in the log."
PUBLIC_CHECKS = ("database", "migrations")  # everyone may read the messages of these checks

blp = Blueprint("health", __name__, url_prefix="/health", description="Whether the service can serve requests")


class HealthCheckSchema(Schema):
    """One check of the service."""

    name = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf([OK, WARNING, FAILURE]))
    message = fields.String(required=True)
    advice = fields.String(required=True)


class HealthSchema(Schema):
    """The state of the service."""

    status = fields.String(required=True, validate=validate.OneOf(["live", "ready"]))
    checks = fields.List(fields.Nested(HealthCheckSchema), metadata={"description": "For admins"})


class RequestFiguresSchema(Schema):
    """How many requests there were, and how long they took; durations are null without requests."""

    requests = fields.Integer(required=True)
    refusals = fields.Integer(required=True, metadata={"description": "Responses with a status of 4xx"})
    failures = fields.Integer(required=True, metadata={"description": "Responses with a status of 5xx"})
    p50_ms, p99_ms = (
        fields.Float(
            required=True,
            allow_none=True,
            metadata={"description": f"Milliseconds that {share} of the requests did not exceed, estimated"},
        )
        for share in ("half", "99 %")
    )
    database_ms = fields.Float(
        required=True, allow_none=True, metadata={"description": "Milliseconds in the database, on average"}
    )


class MinuteFiguresSchema(Schema):
    """The requests of a minute."""

    began_at = Moment(required=True)
    numbers = fields.Nested(RequestFiguresSchema, required=True)


class RouteFiguresSchema(Schema):
    """The requests to a method of a route in the last hour."""

    method = fields.String(required=True)
    route = fields.String(required=True)
    numbers = fields.Nested(RequestFiguresSchema, required=True)


class StatementFiguresSchema(Schema):
    """A statement that was slow in the last hour."""

    sql = fields.String(required=True, metadata={"description": "Its beginning, without values"})
    number = fields.Integer(required=True, metadata={"description": "How often it was slow"})
    slowest_ms = fields.Float(required=True)
    last_at = Moment(required=True)


class ProcessFiguresSchema(Schema):
    """A process that shares the data folder."""

    number = fields.String(required=True)
    memory_bytes = fields.Integer(required=True)


class FiguresSchema(Schema):
    """The last hour, of all processes that share the data folder."""

    minutes = fields.List(fields.Nested(MinuteFiguresSchema), required=True)
    routes = fields.List(fields.Nested(RouteFiguresSchema), required=True)
    statements = fields.List(fields.Nested(StatementFiguresSchema), required=True)
    processes = fields.List(fields.Nested(ProcessFiguresSchema), required=True)


class FiguresQuery(QuerySchema):
    """Which requests the minutes count."""

    method = StrictText(metadata={"description": "Minutes with requests of this method only"})
    route = StrictText(metadata={"description": "Minutes with requests to this route only, as `routes` has it"})


@blp.get("/live")
@blp.guard(anybody)
@blp.response(200, HealthSchema)
@blp.fails(422)
@blp.doc(operationId="check_liveness", security=NO_SIGN_IN)
def live() -> dict[str, str]:
    """Tell that the process is running"""
    return {"status": "live"}


@blp.get("/ready")
@blp.guard(anybody)
@blp.response(200, HealthSchema)
@blp.fails(422, 503)
@blp.doc(operationId="check_readiness", security=NO_SIGN_IN)
def ready() -> dict[str, Any]:
    """Return whether requests can be served: the database responds and is migrated, and the disk has free space

    Admins also see all checks, including those of jobs and backups, with advice.
    """
    checks = probe.run_checks(get_app().settings)
    details = {"checks": [check._asdict() for check in checks]} if is_asked_by_admin() else {}
    if failed := next((check for check in checks if check.state == FAILURE), None):
        raise Unavailable(failed.message if failed.name in PUBLIC_CHECKS else NOT_READY, details)
    return {"status": "ready"} | details


@blp.get("/checks")
@blp.guard(permission(SYSTEM_READ))
@blp.response(200, HealthCheckSchema(many=True))
@blp.fails(401, 403)
@blp.doc(operationId="list_health_checks")
def list_checks() -> list[Check]:
    """Check the installation as `flask doctor` does, and suggest fixes

    This connects to the mail server and to Redis if they are set, so it may take seconds.
    """
    settings = get_app().settings
    return doctor.run_checks(settings, damage_seconds=settings.query_timeout_seconds)


@blp.get("/figures")
@blp.guard(permission(SYSTEM_READ))
@blp.arguments(FiguresQuery, location="query")
@blp.response(200, FiguresSchema)
@blp.fails(401, 403)
@blp.doc(operationId="show_figures")
def show_figures(arguments: dict[str, Any]) -> figures.Figures:
    """Show how many requests there were in each minute of the last hour, and how long they took

    Also the routes with the most requests, the slowest statements, and the memory of each process. The figures of other
    processes may be ten seconds old.
    """
    return figures.read_figures(**arguments)
