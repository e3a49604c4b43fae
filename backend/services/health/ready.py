"""Whether requests can be answered, and what beside them goes well: few reads, for `/health/ready`."""

import shutil
from datetime import UTC, timedelta
from typing import NamedTuple

from backend.models.database import DATABASE_ERRORS, DatabaseUnavailable, connected
from backend.models.job_run import JobRun
from backend.services.operation import migrations
from backend.utils.clock import utcnow

OK, WARNING, FAILURE = "ok", "warning", "failure"

LEAST_FREE_BYTES, SCARCE_SHARE = 50 << 20, 0.05
JOBS_LATE_AFTER = timedelta(minutes=5)  # one of them runs each minute


class Finding(NamedTuple):
    """What was found by the check `name`: its state, in words, and what to do where it is not OK."""

    name: str
    state: str
    told: str
    advice: str = ""


def check_readiness(settings):
    """Return Findings; with a FAILURE among them requests cannot be answered."""
    try:
        with connected():
            if not migrations.is_up_to_date():
                return [Finding("migrations", FAILURE, migrations.NOT_MIGRATED, "flask db upgrade")]
            migrated = Finding("migrations", OK, "The database is migrated.")
            return [migrated, _disk(settings), _jobs(), _backup_job()]
    except DATABASE_ERRORS as error:
        advice = "See that it runs, and whether something holds a lock."
        unknown = f"The database does not answer: {type(error).__name__}."
        message = error.message if isinstance(error, DatabaseUnavailable) else unknown
        return [Finding("database", FAILURE, message, advice)]


def _disk(settings):
    """Look whether the disks of the data folder and of the backups have room."""
    found = []
    for folder in (settings.data_dir, settings.backup_dir):
        if folder.exists():
            usage = shutil.disk_usage(folder)
            state = FAILURE if usage.free < LEAST_FREE_BYTES else WARNING
            found.append((usage.free / usage.total, usage.free, state, folder))
    share, free, state, folder = min(found)
    told = f"{free / 1e9:,.1f} GB ({share:.0%}) are free on the disk of {folder}."
    if share >= SCARCE_SHARE and free >= LEAST_FREE_BYTES:
        return Finding("disk", OK, told)
    return Finding("disk", state, told, "Make room; `flask backup prune` and `flask db vacuum` give some back.")


def _jobs():
    """Look whether jobs run: the one of each minute has ended lately."""
    run = JobRun.get_or_none(JobRun.name == "send_due_mail")
    if run is None:
        since = max(applied for _, applied in migrations.migration_status() if applied)
        told = "No job has run yet."
    else:
        since, told = run.ended_at, f"A job ran last at {run.ended_at:%Y-%m-%d %H:%M:%S} UTC."
    if utcnow() - since.astimezone(UTC) <= JOBS_LATE_AFTER:
        return Finding("jobs", OK, told)
    advice = "Start `flask jobs run`, or the server with LARDER_JOBS=inline: mail, backups and clean-up wait for it."
    return Finding("jobs", WARNING, told, advice)


def _backup_job():
    """Look whether the last backup by the clock failed."""
    run = JobRun.get_or_none(JobRun.name == "back_up")
    if run is not None and run.failure:
        told = f"The backup of {run.ended_at:%Y-%m-%d %H:%M} UTC failed: {run.failure}"
        return Finding("backup job", WARNING, told, "Mend that and call `flask backup create`.")
    return Finding("backup job", OK, "The last backup by the clock did not fail." if run else "None was due yet.")
