"""Metrics for Prometheus, added up over all processes that share a data folder.

Each process counts in files of its own, named by a number that the process which comes after it takes over: so counters
never fall, and there are no more files than there were processes at once.
"""

import fcntl
import os
import struct
import time
from functools import cache
from itertools import count
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

from backend.config.settings import set_variable
from backend.models.database import connected, database
from backend.models.job_run import JobRun
from backend.models.mail import OutgoingMail
from backend.services import backups
from backend.utils.clock import utcnow
from backend.utils.version import VERSION

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

_folder, _settings, _lock_file = None, None, None


def open_metrics(settings):
    """Count in the data folder of the settings from the first thing to count on."""
    global _folder, _settings, _lock_file
    values.close_all_multiprocess_files()
    if _lock_file is not None:
        _lock_file.close()
    _folder, _settings, _lock_file = settings.data_dir / "metrics", settings, None
    for part in (_families, _request, _refusals, _cache):
        part.cache_clear()


class Families:
    """What is counted by each process."""

    def __init__(self):
        options = {"registry": None}
        asked = ("method", "route")
        self.requests = Counter("larder_requests", "Requests", (*asked, "status"), **options)
        self.seconds = Histogram("larder_request_duration_seconds", "Time to answer", asked, buckets=BUCKETS, **options)
        self.database_seconds = Counter("larder_database_seconds", "Time in the database", asked, **options)
        self.statements = Counter("larder_database_statements", "Statements sent to the database", asked, **options)
        self.in_flight = Gauge(
            "larder_requests_in_flight", "Requests being worked on", multiprocess_mode="livesum", **options
        )
        self.connections = Gauge(
            "larder_database_connections", "Connections in use", multiprocess_mode="livesum", **options
        )
        self.refusals = Counter("larder_limit_refusals", "Requests refused by a limit", ("limit",), **options)
        self.cache = Counter("larder_cache_lookups", "What was looked up in a cache", ("cache", "result"), **options)


@cache
def _families():
    global _lock_file
    _folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    number, _lock_file = _take_number()
    for path in _folder.glob(f"*_{number}.db"):
        if path.name.startswith("gauge") or not _is_sound(path):
            path.unlink()
    set_variable("PROMETHEUS_MULTIPROC_DIR", str(_folder))
    values.ValueClass = values.MultiProcessValue(lambda: number)
    return Families()


def _take_number():
    """Return (a number that no other process has, the open file whose lock says so)."""
    for number in count():
        file = _number_file(number).open("a+")
        if _is_free(file):
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            return number, file
        file.close()


def _number_file(number):
    return _folder / f"process-{number}"


def _is_free(file):
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_sound(path):
    """Tell whether a file of counts can be read; one may have been cut by a crash of the machine."""
    try:
        list(MmapedDict.read_all_values_from_file(path))
    except (RuntimeError, ValueError, OSError, struct.error):
        return False
    return True


def request_began():
    """Count a request that is being worked on."""
    _families().in_flight.inc()


def request_ended():
    """Count that it is no more, and how many connections the process has in use."""
    families = _families()
    families.in_flight.dec()
    families.connections.set(len(database.obj._in_use))


@cache
def _request(method, route, status):
    """Return what counts such requests; they are as many as there are routes."""
    families, asked = _families(), (method, route)
    return (
        families.requests.labels(*asked, status),
        families.seconds.labels(*asked),
        families.database_seconds.labels(*asked),
        families.statements.labels(*asked),
    )


def count_answer(method, route, status, seconds, meter):
    """Count an answer, how long it took, and what the Meter of its thread says of the database."""
    requests, durations, database_seconds, statements = _request(method, route or "none", str(status))
    requests.inc()
    durations.observe(seconds)
    database_seconds.inc(meter.seconds)
    statements.inc(meter.statements)


@cache
def _refusals(limit):
    return _families().refusals.labels(limit)


def count_refusal(limit):
    """Count a request that a limit, `sign_in` or `actor`, has refused."""
    _refusals(limit).inc()


@cache
def _cache(name, result):
    return _families().cache.labels(name, result)


def count_lookup(name, found):
    """Count what was looked up in a cache, and whether it was there."""
    _cache(name, "hit" if found else "miss").inc()


def render():
    """Return everything in the text format of Prometheus, as bytes."""
    _families()
    registry = CollectorRegistry()
    alive = dict(_alive_processes())
    for path in _folder.glob("gauge_live*.db"):
        if path.stem.rpartition("_")[2] not in alive:
            path.unlink(missing_ok=True)
    MultiProcessCollector(registry, path=str(_folder))
    registry.register(_Now(alive))
    return generate_latest(registry)


def _alive_processes():
    """Yield (number, process id) of each process that counts in the folder."""
    for path in _folder.glob("process-*"):
        with path.open() as file:
            if not _is_free(file):
                yield path.name.removeprefix("process-"), int(file.read() or 0)


class _Now:
    """What is not counted but looked up when asked for."""

    def __init__(self, alive):
        self._alive = alive

    def collect(self):
        """Yield metric families."""
        yield _gauge("larder_info", "The version that answers", [((VERSION,), 1)], ("version",))
        memory = [((number,), _resident_bytes(pid)) for number, pid in self._alive.items()]
        yield _gauge("larder_process_resident_memory_bytes", "Memory of each process", memory, ("process",))
        with connected():
            waiting = OutgoingMail.select(OutgoingMail.created_at).order_by(OutgoingMail.created_at)
            oldest = waiting.limit(1).scalar()
            runs = list(JobRun.select())
            yield _gauge("larder_outbox_mails", "Mails that wait to be sent", [((), waiting.count())])
        age = (utcnow() - oldest).total_seconds() if oldest else 0
        yield _gauge("larder_outbox_oldest_seconds", "How long the first of them has waited", [((), age)])
        ended = [((run.name,), run.ended_at.timestamp()) for run in runs]
        yield _gauge("larder_job_last_run_timestamp_seconds", "When a job ended last", ended, ("job",))
        yield _counter("larder_job_runs", "Jobs that ended", [((run.name,), run.runs) for run in runs], ("job",))
        failures = [((run.name,), run.failures) for run in runs]
        yield _counter("larder_job_failures", "Jobs that failed", failures, ("job",))
        failed = [((run.name,), int(run.failure is not None)) for run in runs]
        yield _gauge("larder_job_last_run_failed", "Whether it failed", failed, ("job",))
        if latest := backups.latest_backup(_settings):
            yield _gauge("larder_backup_age_seconds", "How old the latest backup is", [((), time.time() - latest[1])])
            yield _gauge("larder_backup_bytes", "Its size", [((), latest[2])])


def _gauge(name, help, samples, labels=()):
    return _filled(GaugeMetricFamily(name, help, labels=labels), samples)


def _counter(name, help, samples, labels=()):
    return _filled(CounterMetricFamily(name, help, labels=labels), samples)


def _filled(family, samples):
    for label_values, value in samples:
        family.add_metric(label_values, value)
    return family


def _resident_bytes(pid):
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):
        return 0  # it has ended meanwhile
