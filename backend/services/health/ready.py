"""The readiness probe of `/health/ready`: checks the database, the disk, jobs and backups with a few reads."""

import shutil
from datetime import UTC, timedelta

from backend.config.settings import Settings
from backend.models.database import DATABASE_ERRORS, DatabaseUnavailable, connected
from backend.models.job_run import JobRun
from backend.services.health.check import FAILURE, OK, WARNING, Check
from backend.services.operation import migrations
from backend.utils.clock import utcnow

MIN_FREE_BYTES, MIN_FREE_SHARE = 50 << 20, 0.05
JOBS_LATE_AFTER = timedelta(minutes=5)  # one job runs every minute


def run_checks(settings: Settings) -> list[Check]:
    """Run the checks of the probe. If one of them fails, the service cannot answer requests."""
    try:
        with connected():
            if not migrations.is_up_to_date():
                return [Check("migrations", FAILURE, migrations.NOT_MIGRATED, "flask db upgrade")]
            migrated = Check("migrations", OK, "The database is migrated.")
            return [migrated, _check_disk(settings), _check_jobs(), _check_backup_job()]
    except DATABASE_ERRORS as error:
        return [check_failure(error)]


def check_failure(error: Exception) -> Check:
    """Return the failed check of a database that raised one of DATABASE_ERRORS."""
    unknown = f"The database does not answer: {type(error).__name__}."
    message = error.message if isinstance(error, DatabaseUnavailable) else unknown
    return Check("database", FAILURE, message, "Check that it runs, and whether something holds a lock.")


def _check_disk(settings: Settings) -> Check:
    """Check the free space for data and backups; if they are on two disks, on the fuller one."""
    disks = []
    for folder in (settings.data_dir, settings.backup_dir):
        if folder.exists():
            usage = shutil.disk_usage(folder)
            disks.append((usage.free / usage.total, usage.free, folder))
    share, free, folder = min(disks)
    message = f"{free / 1e9:,.1f} GB ({share:.0%}) are free on the disk of {folder}."
    if share >= MIN_FREE_SHARE and free >= MIN_FREE_BYTES:
        return Check("disk", OK, message)
    state = FAILURE if free < MIN_FREE_BYTES else WARNING
    return Check("disk", state, message, "Free some space, such as by `flask backup prune` and `flask db vacuum`.")


def _check_jobs() -> Check:
    """Check that jobs run: the job that runs every minute must have ended recently."""
    run = JobRun.get_or_none(JobRun.name == "send_due_mail")
    if run is None:
        since = max(applied for _, applied in migrations.migration_status() if applied)
        message = "No job has run yet."
    else:
        since, message = run.ended_at, f"A job ran last at {run.ended_at:%Y-%m-%d %H:%M:%S} UTC."
    if utcnow() - since.astimezone(UTC) <= JOBS_LATE_AFTER:
        return Check("jobs", OK, message)
    advice = "Start `flask jobs run`, or the server with LARDER_JOBS=inline: mail, backups and clean-up wait for it."
    return Check("jobs", WARNING, message, advice)


def _check_backup_job() -> Check:
    """Check that the last scheduled backup did not fail."""
    run = JobRun.get_or_none(JobRun.name == "back_up")
    if run is None:
        return Check("backup job", OK, "No scheduled backup was due yet.")
    if run.failure is None:
        return Check("backup job", OK, "The last scheduled backup did not fail.")
    message = f"The backup of {run.ended_at:%Y-%m-%d %H:%M} UTC failed: {run.failure}"
    return Check("backup job", WARNING, message, "Fix the cause, then run `flask backup create`.")
