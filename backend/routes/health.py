"""Whether the service runs and can work: `/health`."""

from marshmallow import Schema, fields, validate

from backend.middleware.authentication import known_actor
from backend.middleware.build import current_build
from backend.middleware.guards import anybody
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.security import NO_SIGN_IN
from backend.services.errors import Unavailable
from backend.services.health.ready import FAILURE, OK, WARNING, check_readiness

blp = Blueprint("health", __name__, url_prefix="/health", description="Whether the service runs and can work")


NOT_READY = "The service cannot work now; its log and its admins know more."


class CheckSchema(Schema):
    """What was found by a check."""

    name = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf([OK, WARNING, FAILURE]))
    told = fields.String(required=True)
    advice = fields.String(required=True)


class HealthSchema(Schema):
    """A word on the state of the service."""

    status = fields.String(required=True, validate=validate.OneOf(["live", "ready"]))
    checks = fields.List(fields.Nested(CheckSchema), metadata={"description": "For admins"})


@blp.get("/live")
@blp.guard(anybody)
@blp.response(200, HealthSchema)
@blp.doc(operationId="health_live", security=NO_SIGN_IN)
def live():
    """Tell that the process runs"""
    return {"status": "live"}


@blp.get("/ready")
@blp.guard(anybody)
@blp.response(200, HealthSchema)
@blp.fails(503)
@blp.doc(operationId="health_ready", security=NO_SIGN_IN)
def ready():
    """Tell whether the database answers and is migrated, and the disk has room

    Admins are told of jobs and backups, too, and what to do about what was found.
    """
    findings = check_readiness(current_build().settings)
    told = [finding._asdict() for finding in findings] if known_actor().is_admin else None
    if failed := [finding for finding in findings if finding.state == FAILURE]:
        message = failed[0].told if failed[0].name in ("database", "migrations") else NOT_READY
        raise Unavailable(message, {"checks": told} if told else None)
    return {"status": "ready"} | ({"checks": told} if told else {})
