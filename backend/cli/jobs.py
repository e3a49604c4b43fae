"""`flask jobs`: background jobs in a process of their own."""

from flask.cli import AppGroup

from backend.services.operation.jobs import jobs

commands = AppGroup("jobs", help="Background jobs.")


@commands.command("run", epilog="Example: flask jobs run")
def run_jobs() -> None:
    """Run background jobs, such as sending mail.

    Needed if LARDER_JOBS=off. Runs until SIGTERM.
    """
    jobs.run_consumer()
