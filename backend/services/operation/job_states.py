"""What each background job does, when it runs next, and how its last run ended."""

from datetime import datetime, timedelta
from typing import NamedTuple

from huey import crontab

from backend.config.settings import Settings
from backend.models.job_run import JobRun
from backend.services.operation.jobs import registered_jobs
from backend.utils.clock import utcnow

DAYS_AHEAD = 366  # a job that runs on no day of them, such as on 29 February, has no next run


class JobState(NamedTuple):
    """A job: what it does, its cron expression in UTC, its next run, and its last one; the last three may be None."""

    name: str
    purpose: str
    schedule: str | None
    next_run_at: datetime | None
    last_run: JobRun | None


def list_jobs(settings: Settings) -> list[JobState]:
    """Return the JobState of each job, sorted by name."""
    runs, now = {run.name: run for run in JobRun.select()}, utcnow()
    return [
        JobState(job.name, job.purpose, job.schedule, next_run(job.schedule, now), runs.get(job.name))
        for job in registered_jobs(settings)
    ]


def next_run(schedule: str | None, now: datetime) -> datetime | None:
    """Return the first minute after `now` that a cron expression of five fields names; None if there is none."""
    if schedule is None:
        return None
    # Days first: looking at each minute of a year takes too long.
    is_due, is_day = crontab(*schedule.split()), crontab("*", "*", *schedule.split()[2:])
    first = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    midnight = first.replace(hour=0, minute=0)
    for day in (midnight + timedelta(days=days) for days in range(DAYS_AHEAD + 1)):
        if is_day(day):
            minutes = (day + timedelta(minutes=minute) for minute in range(24 * 60))
            if found := next((minute for minute in minutes if minute >= first and is_due(minute)), None):
                return found
    return None
