"""The metrics that `/metrics` shows, in the text format of Prometheus."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from backend.config.settings import Settings
from backend.models.database import connected
from backend.models.feed import FeedChange
from backend.models.file import STATES, File
from backend.models.job_run import JobRun
from backend.models.mail import OutgoingMail
from backend.services.backups import backups
from backend.services.health.process_memory import memory_of_processes
from backend.services.health.webhook_checks import read_backlogs
from backend.services.operation.counts import BUCKETS, Event, RequestKind, Requests
from backend.services.operation.metrics import metrics
from backend.services.operation.process_counts import ProcessCounts
from backend.utils.clock import utcnow
from backend.utils.version import VERSION

BY_ROUTE = ("method", "route")
BUCKET_LIMITS = (*map(str, BUCKETS), "+Inf")

Route = tuple[str, str]  # a method and a route
Samples = Iterable[tuple[Sequence[str], float]]  # the values of labels, and a value


def render() -> bytes:
    """Return all metrics as text. The counters of other processes may be a second old."""
    process = metrics.process
    process.write()
    registry = CollectorRegistry()
    registry.register(_LarderCollector(process))
    return generate_latest(registry)


class _LarderCollector:
    """Collects all metrics each time that the registry is rendered."""

    def __init__(self, process: ProcessCounts) -> None:
        self._process = process

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families."""
        counts = self._process.sums()
        for other in self._process.others():
            counts.add(other.counts)
        yield from _request_metrics(counts.requests)
        yield from _event_metrics(counts.events)
        yield from _process_metrics(self._process)
        with connected():
            yield from _outbox_metrics()
            yield from _file_metrics()
            yield from _feed_metrics()
            yield from _webhook_metrics()
            yield from _job_metrics()
        yield from _backup_metrics(self._process.settings)


def _request_metrics(requests: dict[RequestKind, Requests]) -> Iterator[Metric]:
    numbers = [((kind.method, kind.route, str(kind.status)), counted.number) for kind, counted in requests.items()]
    yield _counter("larder_requests", "Requests", numbers, (*BY_ROUTE, "status"))
    by_route = _added_by_route(requests)
    yield _durations(by_route)
    seconds = [(route, counted.database_seconds) for route, counted in by_route.items()]
    yield _counter("larder_database_seconds", "Time in the database", seconds, BY_ROUTE)
    statements = [(route, counted.statements) for route, counted in by_route.items()]
    yield _counter("larder_database_statements", "Statements sent to the database", statements, BY_ROUTE)


def _added_by_route(requests: dict[RequestKind, Requests]) -> dict[Route, Requests]:
    """Return the requests of each route, with all statuses added up."""
    by_route: dict[Route, Requests] = {}
    for kind, counted in requests.items():
        by_route.setdefault((kind.method, kind.route), Requests()).add(counted)
    return by_route


def _durations(by_route: dict[Route, Requests]) -> Metric:
    family = HistogramMetricFamily("larder_request_duration_seconds", "Duration of requests", labels=BY_ROUTE)
    for route, requests in by_route.items():
        buckets = list(zip(BUCKET_LIMITS, accumulate(requests.buckets), strict=True))
        family.add_metric(route, buckets, requests.seconds)
    return family


def _event_metrics(events: dict[Event, int]) -> Iterator[Metric]:
    refusals = [(labels, number) for (name, *labels), number in events.items() if name == "limit"]
    yield _counter("larder_limit_refusals", "Requests refused by a limit", refusals, ("limit",))
    lookups = [(labels, number) for (name, *labels), number in events.items() if name == "cache"]
    yield _counter("larder_cache_lookups", "Lookups in caches", lookups, ("cache", "result"))
    attempts = [(labels, number) for (name, *labels), number in events.items() if name == "webhook"]
    ends = [(labels, number) for (name, *labels), number in events.items() if name == "stream"]
    yield _counter("larder_streams_ended", "Streams of changes that have ended", ends, ("reason",))
    yield _counter("larder_webhook_deliveries", "Attempts of deliveries to webhooks", attempts, ("outcome",))


def _process_metrics(process: ProcessCounts) -> Iterator[Metric]:
    yield _gauge("larder_info", "The version of Larder", [((VERSION,), 1)], ("version",))
    memory = memory_of_processes(process)
    samples = [((number,), used) for number, used in memory.items()]
    yield _gauge("larder_process_resident_memory_bytes", "Memory of each process", samples, ("process",))
    load = process.total_load()
    yield _gauge("larder_requests_in_flight", "Requests being handled", [((), load.in_flight)])
    yield _gauge("larder_database_connections", "Database connections in use", [((), load.connections)])
    yield _gauge("larder_streams", "Open streams of changes", [((), load.streams)])
    yield _gauge("larder_stream_places", "Streams that can be open at the same time", [((), load.stream_places)])


def _outbox_metrics() -> Iterator[Metric]:
    waiting = OutgoingMail.select(OutgoingMail.created_at).order_by(OutgoingMail.created_at)
    oldest = waiting.limit(1).scalar()
    seconds = (utcnow() - oldest).total_seconds() if oldest else 0
    yield _gauge("larder_outbox_mails", "Mails that wait to be sent", [((), waiting.count())])
    yield _gauge("larder_outbox_oldest_seconds", "Age of the oldest mail that waits to be sent", [((), seconds)])


def _file_metrics() -> Iterator[Metric]:
    counted = {state: (number, size) for state, number, size in File.totals()}
    numbers = [((state,), counted.get(state, (0, 0))[0]) for state in STATES]
    yield _gauge("larder_files", "Uploaded files", numbers, ("state",))
    sizes = [((state,), counted.get(state, (0, 0))[1]) for state in STATES]
    yield _gauge("larder_files_bytes", "Size of the uploaded files", sizes, ("state",))


def _feed_metrics() -> Iterator[Metric]:
    yield _gauge("larder_changes", "Changes in the feeds of changes", [((), FeedChange.about_how_many())])
    lag = "Age of the oldest change that an open transaction holds back"
    yield _gauge("larder_changes_lag_seconds", lag, [((), FeedChange.seconds_behind())])


def _webhook_metrics() -> Iterator[Metric]:
    backlogs = read_backlogs()
    waiting, oldest = sum(each.waiting for each in backlogs), max((each.oldest_seconds for each in backlogs), default=0)
    yield _gauge("larder_webhook_deliveries_waiting", "Deliveries of active webhooks that wait", [((), waiting)])
    yield _gauge("larder_webhook_lag_seconds", "Age of the oldest delivery that waits", [((), oldest)])


def _job_metrics() -> Iterator[Metric]:
    runs, labels = list(JobRun.select()), ("job_name",)
    ended = [((run.name,), run.ended_at.timestamp()) for run in runs]
    yield _gauge("larder_job_last_run_timestamp_seconds", "When the job last ended", ended, labels)
    yield _counter("larder_job_runs", "Runs of the job", [((run.name,), run.runs) for run in runs], labels)
    failures = [((run.name,), run.failures) for run in runs]
    yield _counter("larder_job_failures", "Runs of the job that failed", failures, labels)
    failed = [((run.name,), int(run.failure is not None)) for run in runs]
    yield _gauge("larder_job_last_run_failed", "Whether the last run failed", failed, labels)


def _backup_metrics(settings: Settings) -> Iterator[Metric]:
    if latest := backups.latest_backup(settings):
        seconds = (utcnow() - latest.created_at).total_seconds()
        yield _gauge("larder_backup_age_seconds", "Age of the latest backup", [((), seconds)])
        yield _gauge("larder_backup_bytes", "Size of the latest backup", [((), latest.bytes)])


def _gauge(name: str, help: str, samples: Samples, labels: Sequence[str] = ()) -> Metric:
    return _filled(GaugeMetricFamily(name, help, labels=labels), samples)


def _counter(name: str, help: str, samples: Samples, labels: Sequence[str] = ()) -> Metric:
    return _filled(CounterMetricFamily(name, help, labels=labels), samples)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, samples: Samples) -> Metric:
    for label_values, value in samples:
        family.add_metric(label_values, value)
    return family
