"""`flask jobs`: background jobs in a process of their own."""

from flask.cli import AppGroup

from backend.middleware.app import get_app
from backend.services.operation.jobs import jobs
from backend.services.webhooks.dispatcher import Dispatcher

commands = AppGroup("jobs", help="Background jobs.")


@commands.command("run", epilog="Example: flask jobs run")
def run_jobs() -> None:
    """Run background jobs, and send mail and webhooks.

    Needed if LARDER_JOBS=off. Runs until SIGTERM.
    """
    app = get_app()
    dispatcher = Dispatcher(app.settings, app.catalogs)
    dispatcher.start()
    try:
        jobs.run_consumer()
    finally:
        dispatcher.stop()
