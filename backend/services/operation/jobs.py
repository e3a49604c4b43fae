"""Jobs: what happens after a request, or by the clock, in a thread of the server or in a process of its own."""

import sqlite3
import time

import structlog
from huey import SqliteHuey, crontab
from huey.consumer import Consumer
from huey.signals import SIGNAL_COMPLETE, SIGNAL_ERROR, SIGNAL_EXECUTING

from backend.models.database import database
from backend.models.job_run import JobRun
from backend.services.operation import error_tracking

log = structlog.get_logger()

# Functions that take the settings, by name; a module that has a job registers it when it is imported.
_functions = {}
_schedules = {}  # what gives, from the settings, when a job runs by the clock
EACH_MINUTE = "* * * * *"
BY_THE_CLOCK = "_by_the_clock"  # ends the names of those that the clock starts

# They outlive every build of the app.
_huey, _tasks, _started = None, {}, {}


def job(function=None, *, schedule=None):
    """Return the decorator that makes a function a job, by its name.

    `schedule(settings)` returns when it runs by the clock, as five fields of cron in UTC, or None for never.
    """

    def decorator(function):
        _functions[function.__name__] = function
        if schedule:
            _schedules[function.__name__] = schedule
        return function

    return decorator(function) if function else decorator


def open_jobs(settings):
    """Queue jobs in the data folder of the settings from now on."""
    global _huey
    _huey = SqliteHuey("larder", filename=str(settings.data_dir / "jobs.db"), results=False)
    _huey.signal(SIGNAL_EXECUTING)(lambda signal, task: _started.update({task.id: time.monotonic()}))
    _huey.signal(SIGNAL_COMPLETE, SIGNAL_ERROR)(_note_end)
    for name, function in _functions.items():
        _tasks[name] = _make_task(name, function, settings)


def _make_task(name, function, settings):
    def run():
        function(settings)

    if (schedule := _schedules.get(name)) and (moments := schedule(settings)):
        _huey.periodic_task(crontab(*moments.split()), name=f"{name}{BY_THE_CLOCK}")(run)
    return _huey.task(name=name)(run)


def _note_end(signal, task, error=None):
    """Keep how a job ended, for metrics and health; huey has logged an error with its traceback."""
    seconds = time.monotonic() - _started.pop(task.id)
    if error is not None:
        error_tracking.report(error, job=task.name)
    with database.connection_context():
        JobRun.note(task.name.removesuffix(BY_THE_CLOCK), seconds, str(error) or repr(error) if error else None)


def start_job(name, *, delay_seconds=0):
    """Have the job run soon, or after a delay.

    What asked for it is done already, so nothing is raised when the queue cannot take it, as on a full disk: what is
    started like this also runs by the clock.
    """
    try:
        _tasks[name].schedule(delay=delay_seconds) if delay_seconds else _tasks[name]()
    except sqlite3.Error as error:
        log.warning("job not queued", job=name, reason=str(error))


class BackgroundConsumer(Consumer):
    """Runs jobs in threads of this process, whose signals are the server's."""

    def _set_signal_handlers(self):
        pass


def start_consumer():
    """Start running jobs in the background; return the consumer, whose `stop(graceful=True)` finishes what runs."""
    consumer = BackgroundConsumer(_huey, workers=1, max_delay=1.0)
    consumer.start()
    return consumer


def run_consumer():
    """Run jobs until SIGTERM or SIGINT, finishing what runs."""
    _huey.create_consumer(workers=1, max_delay=1.0, graceful_signal="TERM").run()
