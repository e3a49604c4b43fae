"""Background jobs: `/api/v1/jobs`."""

from marshmallow import Schema, fields

from backend.middleware.app import get_app
from backend.middleware.authentication import current_actor
from backend.middleware.guards import permission
from backend.middleware.paths import API
from backend.routes.toolkit.blueprint import Blueprint
from backend.services.access.permissions import SYSTEM_READ, SYSTEM_WRITE
from backend.services.field_types.datetime import Moment
from backend.services.operation import job_states
from backend.services.operation.jobs import jobs

blp = Blueprint("jobs", __name__, url_prefix=f"{API}/jobs", description="Background jobs")


class JobRunSchema(Schema):
    """The last run of a job, and how often it has run."""

    ended_at = Moment(required=True)
    seconds = fields.Float(required=True)
    failure = fields.String(required=True, allow_none=True, metadata={"description": "Null if the run did not fail"})
    runs = fields.Integer(required=True)
    failures = fields.Integer(required=True, metadata={"description": "Number of runs that failed"})


class JobSchema(Schema):
    """A background job."""

    name = fields.String(required=True)
    purpose = fields.String(required=True)
    schedule = fields.String(
        required=True, allow_none=True, metadata={"description": "A cron expression in UTC; null without a schedule"}
    )
    next_run_at = Moment(required=True, allow_none=True)
    last_run = fields.Nested(JobRunSchema, required=True, allow_none=True)


@blp.get("")
@blp.guard(permission(SYSTEM_READ))
@blp.response(200, JobSchema(many=True))
@blp.fails(401, 403)
@blp.doc(operationId="list_jobs")
def list_jobs() -> list[job_states.JobState]:
    """List the background jobs, with their schedules and last runs"""
    return job_states.list_jobs(get_app().settings)


@blp.post("/<name>/runs")
@blp.guard(permission(SYSTEM_WRITE))
@blp.response(202)
@blp.fails(401, 403, 404, 409, 503)
@blp.doc(operationId="run_job")
def run_job(name: str) -> None:
    """Run a background job now

    It runs in the background; `last_run` says how it ended. Refused while it runs or waits to be run.
    """
    jobs.run_now(current_actor(), name)
