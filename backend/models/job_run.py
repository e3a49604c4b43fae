"""How often each job has run, and how it ended the last time."""

from datetime import datetime

from backend.models.base import BaseModel
from backend.models.columns import DateTimeColumn, FloatColumn, IntegerColumn, TextColumn


class JobRun(BaseModel):
    """The last run of the job `name`; `failure` says why it failed, NULL if it did not."""

    name = TextColumn(primary_key=True)
    ended_at = DateTimeColumn()
    seconds = FloatColumn()
    failure = TextColumn(null=True)
    runs = IntegerColumn()
    failures = IntegerColumn()

    class Meta:
        table_name = "larder_job_runs"

    @classmethod
    def note(cls, name: str, seconds: float, failure: str | None, ended_at: datetime) -> None:
        """Keep that the job `name` took so long and ended then with a failure, or None."""
        fresh = {"ended_at": ended_at, "seconds": seconds, "failure": failure}
        counts = {"runs": cls.runs + 1, "failures": cls.failures + int(failure is not None)}
        cls.insert(name=name, runs=1, failures=int(failure is not None), **fresh).on_conflict(
            conflict_target=[cls.name], update=fresh | counts
        ).execute()
