"""The metrics as Prometheus reads them."""

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from backend.models.database import connected
from backend.models.job_run import JobRun
from backend.models.mail import OutgoingMail
from backend.services.backups import backups
from backend.services.operation.metrics import BUCKETS, Process, added, alive_processes, metrics
from backend.utils.clock import utcnow
from backend.utils.version import VERSION

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def render():
    """Return everything in the text format of Prometheus, as bytes; other processes as of a second ago."""
    process = metrics.process
    process.write()
    registry = CollectorRegistry()
    registry.register(_Counted(process))
    registry.register(_Now(process))
    return generate_latest(registry)


class _Counted:
    """What all processes have counted."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def collect(self):
        """Yield metric families."""
        answers, events, _ = self._process.sums()
        for _, (more_answers, more_events, _) in self._process.other_counts():
            for asked, numbers in more_answers.items():
                answers[asked] = added(answers.get(asked), numbers)
            for event, number in more_events.items():
                events[event] = events.get(event, 0) + number
        asked = ("method", "route")
        requests = [((*each[:2], str(each[2])), numbers[0]) for each, numbers in answers.items()]
        yield _counter("larder_requests", "Requests", requests, (*asked, "status"))
        by_route = {}
        for (method, route, _), numbers in answers.items():
            by_route[method, route] = added(by_route.get((method, route)), numbers)
        yield _histogram(by_route, asked)
        in_database = [(each, numbers[2]) for each, numbers in by_route.items()]
        yield _counter("larder_database_seconds", "Time in the database", in_database, asked)
        statements = [(each, numbers[3]) for each, numbers in by_route.items()]
        yield _counter("larder_database_statements", "Statements sent to the database", statements, asked)
        refused = [(labels, number) for (name, *labels), number in events.items() if name == "limit"]
        yield _counter("larder_limit_refusals", "Requests refused by a limit", refused, ("limit",))
        found = [(labels, number) for (name, *labels), number in events.items() if name == "cache"]
        yield _counter("larder_cache_lookups", "What was looked up in a cache", found, ("cache", "result"))


def _histogram(by_route, labels):
    family = HistogramMetricFamily("larder_request_duration_seconds", "Time to answer", labels=labels)
    for asked, numbers in by_route.items():
        buckets, so_far = [], 0
        for limit, number in zip([*map(str, BUCKETS), "+Inf"], numbers[4:], strict=True):
            so_far += number
            buckets.append((limit, so_far))
        family.add_metric(asked, buckets, numbers[1])
    return family


class _Now:
    """What is not counted but looked up when asked for."""

    def __init__(self, process: Process) -> None:
        self._process, self._settings = process, process.settings

    def collect(self):
        """Yield metric families."""
        yield _gauge("larder_info", "The version that answers", [((VERSION,), 1)], ("version",))
        own = self._process.number or "none"
        alive = {own: os.getpid(), **dict(alive_processes(self._process.folder))}
        memory = [((number,), _resident_bytes(pid)) for number, pid in alive.items()]
        yield _gauge("larder_process_resident_memory_bytes", "Memory of each process", memory, ("process",))
        now = [self._process.sums()[2]] + [
            each for number, (*_, each) in self._process.other_counts() if number in alive
        ]
        in_flight, connections = (sum(each.get(name, 0) for each in now) for name in ("in_flight", "connections"))
        yield _gauge("larder_requests_in_flight", "Requests being worked on", [((), in_flight)])
        yield _gauge("larder_database_connections", "Connections in use", [((), connections)])
        with connected():
            waiting = OutgoingMail.select(OutgoingMail.created_at).order_by(OutgoingMail.created_at)
            oldest = waiting.limit(1).scalar()
            runs = list(JobRun.select())
            yield _gauge("larder_outbox_mails", "Mails that wait to be sent", [((), waiting.count())])
        age = (utcnow() - oldest).total_seconds() if oldest else 0
        yield _gauge("larder_outbox_oldest_seconds", "How long the first of them has waited", [((), age)])
        ended = [((run.name,), run.ended_at.timestamp()) for run in runs]
        yield _gauge("larder_job_last_run_timestamp_seconds", "When a job ended last", ended, ("job_name",))
        yield _counter("larder_job_runs", "Jobs that ended", [((run.name,), run.runs) for run in runs], ("job_name",))
        failures = [((run.name,), run.failures) for run in runs]
        yield _counter("larder_job_failures", "Jobs that failed", failures, ("job_name",))
        failed = [((run.name,), int(run.failure is not None)) for run in runs]
        yield _gauge("larder_job_last_run_failed", "Whether it failed", failed, ("job_name",))
        if latest := backups.latest_backup(self._settings):
            age = (utcnow() - latest.created_at).total_seconds()
            yield _gauge("larder_backup_age_seconds", "How old the latest backup is", [((), age)])
            yield _gauge("larder_backup_bytes", "Its size", [((), latest.bytes)])


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
