"""Background jobs: after a request or on a schedule, in a thread of the server or in a process of their own."""

import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

import structlog
from huey import SqliteHuey, crontab
from huey.api import Task, TaskWrapper
from huey.consumer import Consumer
from huey.signals import SIGNAL_COMPLETE, SIGNAL_ERROR, SIGNAL_EXECUTING

from backend.config.settings import Settings
from backend.models.database import DATABASE_ERRORS, database
from backend.models.job_run import JobRun
from backend.services.access import audit
from backend.services.access.actors import Actor
from backend.services.errors import Conflict, NotFound, Unavailable
from backend.services.operation.error_tracking import error_tracking
from backend.services.operation.job_locks import JobLocks
from backend.utils.clock import utcnow

log = structlog.get_logger()

Job = Callable[[Settings], object]
Schedule = Callable[[Settings], str | None]

EVERY_MINUTE = "* * * * *"
MAX_UNSTORED = 10_000  # runs that have ended while the database could not be used: some days
SCHEDULED = "_by_the_clock"  # the suffix of the names of scheduled tasks

# Maps of job name to function and to schedule. A module that defines a job registers it when it is imported.
_functions: dict[str, Job] = {}
_schedules: dict[str, Schedule] = {}


def job(*, schedule: Schedule) -> Callable[[Job], Job]:
    """Return a decorator that registers a function of the settings as a job, under the name of the function.

    `schedule(settings)` returns a cron expression of five fields in UTC, or None for a job without a schedule.
    """

    def decorator(function: Job) -> Job:
        _functions[function.__name__], _schedules[function.__name__] = function, schedule
        return function

    return decorator


class RegisteredJob(NamedTuple):
    """The name of a job, what it does, and its cron expression in UTC; None without a schedule."""

    name: str
    purpose: str
    schedule: str | None


def registered_jobs(settings: Settings) -> list[RegisteredJob]:
    """Return all jobs, sorted by name; what one does is the first sentence of its docstring."""
    return [
        RegisteredJob(name, (function.__doc__ or "").partition(".")[0] + ".", _schedules[name](settings))
        for name, function in sorted(_functions.items())
    ]


class EndedRun(NamedTuple):
    """A run of the job `name` that has ended, with the arguments of JobRun.note()."""

    name: str
    seconds: float
    failure: str | None
    ended_at: datetime


class BackgroundConsumer(Consumer):
    """Runs jobs in threads of this process; signals are left to the server."""

    def _set_signal_handlers(self) -> None:
        pass


class Jobs:
    """The queue of jobs. Nothing works before `open`."""

    _huey: SqliteHuey
    _locks: JobLocks

    def __init__(self) -> None:
        self._tasks: dict[str, TaskWrapper] = {}
        self._started: dict[str, float] = {}  # map of task id to when the task began
        self._ended = deque[EndedRun](maxlen=MAX_UNSTORED)

    def open(self, settings: Settings) -> None:
        """Use the queue in the data folder of the settings from now on."""
        self._locks = JobLocks(settings.data_dir / "job_locks")
        self._huey = SqliteHuey("larder", filename=str(settings.data_dir / "jobs.db"), results=False)
        self._huey.signal(SIGNAL_EXECUTING)(self._note_start)
        self._huey.signal(SIGNAL_COMPLETE, SIGNAL_ERROR)(self._note_end)
        self._tasks = {name: self._make_task(name, function, settings) for name, function in _functions.items()}

    def _make_task(self, name: str, function: Job, settings: Settings) -> TaskWrapper:
        def run() -> None:
            with self._locks.running(name):
                function(settings)

        if cron := _schedules[name](settings):
            self._huey.periodic_task(crontab(*cron.split()), name=f"{name}{SCHEDULED}")(run)
        return self._huey.task(name=name)(run)

    def _note_start(self, signal: str, task: Task) -> None:
        self._started[task.id] = time.monotonic()

    def _note_end(self, signal: str, task: Task, error: BaseException | None = None) -> None:
        """Store how a job ended, for metrics and health; huey has logged an error with its traceback."""
        seconds = time.monotonic() - self._started.pop(task.id)
        if error is not None:
            error_tracking.report(error, job=task.name)
        failure = str(error) or repr(error) if error else None
        self._ended.append(EndedRun(task.name.removesuffix(SCHEDULED), seconds, failure, utcnow()))
        self._store_ended()

    def _store_ended(self) -> None:
        """Store the runs that have ended. Those that cannot be stored are stored after the next run, a minute later.

        The failure of the database that ended a job often prevents this, too.
        """
        try:
            with database.connection_context():
                while self._ended:
                    JobRun.note(*self._ended[0])
                    self._ended.popleft()
        except DATABASE_ERRORS as error:
            log.warning("end of a job not stored", job=self._ended[-1].name, reason=type(error).__name__)

    def start(self, name: str, *, delay_seconds: float = 0) -> None:
        """Run the job in the background, now or after a delay.

        Nothing is raised if the job cannot be queued, for example because the disk is full: the caller has done its own
        work already, and a job that is started like this also runs on a schedule.
        """
        task = self._tasks[name]
        try:
            task.schedule(delay=delay_seconds) if delay_seconds else task()
        except sqlite3.Error as error:
            log.warning("job not queued", job=name, reason=str(error))

    def run_now(self, actor: Actor, name: str) -> None:
        """Queue the job for the actor, with an entry in the audit trail.

        Raises NotFound if there is no such job, Conflict if it runs or is queued already, and Unavailable if it cannot
        be queued.
        """
        task = self._tasks.get(name)
        if task is None:
            raise NotFound("There is no such job.")
        with self._locks.idle(name):
            with _usable_queue():
                queued = {each.name.removesuffix(SCHEDULED) for each in self._huey.pending()}
            if name in queued:
                raise Conflict("The job is queued already, and runs as soon as a process for jobs is free.")
            with database.atomic():  # no run without an entry, rather an entry without a run
                audit.record(actor, "job.run", ("job", name))
            with _usable_queue():
                task()

    def start_consumer(self) -> BackgroundConsumer:
        """Run jobs in the background; return the consumer, whose `stop(graceful=True)` lets running jobs finish."""
        consumer = BackgroundConsumer(self._huey, workers=1, max_delay=1.0)
        consumer.start()
        return consumer

    def run_consumer(self) -> None:
        """Run jobs until SIGTERM or SIGINT, then let running jobs finish."""
        self._huey.create_consumer(workers=1, max_delay=1.0, graceful_signal="TERM").run()


@contextmanager
def _usable_queue() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise Unavailable("The job cannot be queued. The disk may be full.") from error


jobs = Jobs()
