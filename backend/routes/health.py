"""Whether the service runs and can work: `/health`."""

import marshmallow as ma

from backend.middleware.authentication import anybody
from backend.middleware.envelope import Blueprint
from backend.middleware.openapi import NO_SIGN_IN
from backend.services.errors import Unavailable
from backend.services.migrations import NOT_MIGRATED, is_up_to_date

blp = Blueprint("health", __name__, url_prefix="/health", description="Whether the service runs and can work")


class HealthSchema(ma.Schema):
    """A word on the state of the service."""

    status = ma.fields.String(required=True, validate=ma.validate.OneOf(["live", "ready"]))


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
    """Tell whether the database answers and is migrated"""
    if not is_up_to_date():
        raise Unavailable(NOT_MIGRATED)
    return {"status": "ready"}
