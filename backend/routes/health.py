"""Whether the service runs and can answer requests: `/health`."""

from typing import Any

from marshmallow import Schema, fields, validate

from backend.middleware.app import get_app
from backend.middleware.authentication import known_actor
from backend.middleware.guards import anybody
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.security import NO_SIGN_IN
from backend.services.errors import Unavailable
from backend.services.health import ready as probe
from backend.services.health.check import FAILURE, OK, WARNING

NOT_READY = "The service cannot answer requests now; its log and its admins know why."
PUBLIC_CHECKS = ("database", "migrations")  # whose failure everybody may read

blp = Blueprint("health", __name__, url_prefix="/health", description="Whether the service can answer requests")


class CheckSchema(Schema):
    """One check of the service."""

    name = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf([OK, WARNING, FAILURE]))
    message = fields.String(required=True)
    advice = fields.String(required=True)


class HealthSchema(Schema):
    """The state of the service."""

    status = fields.String(required=True, validate=validate.OneOf(["live", "ready"]))
    checks = fields.List(fields.Nested(CheckSchema), metadata={"description": "For admins"})


@blp.get("/live")
@blp.guard(anybody)
@blp.response(200, HealthSchema)
@blp.doc(operationId="health_live", security=NO_SIGN_IN)
def live() -> dict[str, str]:
    """Tell that the process runs"""
    return {"status": "live"}


@blp.get("/ready")
@blp.guard(anybody)
@blp.response(200, HealthSchema)
@blp.fails(503)
@blp.doc(operationId="health_ready", security=NO_SIGN_IN)
def ready() -> dict[str, Any]:
    """Tell whether the database answers and is migrated, and the disk has free space

    Admins also see the checks, with those of jobs and backups, and how to fix what is wrong.
    """
    checks = probe.run_checks(get_app().settings)
    details = {"checks": [check._asdict() for check in checks]} if known_actor().is_admin else {}
    if failed := next((check for check in checks if check.state == FAILURE), None):
        raise Unavailable(failed.message if failed.name in PUBLIC_CHECKS else NOT_READY, details)
    return {"status": "ready"} | details
