"""`flask jobs`: background jobs in a process of their own."""

from flask.cli import AppGroup

from backend.services.operation.jobs import jobs

commands = AppGroup("jobs", help="Background jobs.")


@commands.command("run")
def run_jobs() -> None:
    """Run background jobs, such as sending mail, until SIGTERM; needed if LARDER_JOBS=off."""
    jobs.run_consumer()
