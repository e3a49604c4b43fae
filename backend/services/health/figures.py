"""Figures of the last hour of requests: how many, how many failed, how long they took, and which SQL was slow."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from backend.services.health.process_memory import memory_of_processes
from backend.services.operation.counts import BUCKETS, RequestKind, Requests
from backend.services.operation.metrics import metrics
from backend.services.operation.minutes import KEPT_MINUTES, LastMinutes
from backend.utils.clock import utcnow
from backend.utils.slow_statements import SlowStatement

MAX_ROUTES, MAX_STATEMENTS = 100, 50  # shown
MAX_SECONDS = BUCKETS[-1]  # what took longer is shown as this

Route = tuple[str, str]  # a method and a route


class Numbers(NamedTuple):
    """Requests, and those of them with a status of 4xx and 5xx; quantiles of their duration, None without requests."""

    requests: int
    refusals: int
    failures: int
    p50_ms: float | None
    p99_ms: float | None
    database_ms: float | None


class Minute(NamedTuple):
    """The Numbers of a minute."""

    began_at: datetime
    numbers: Numbers


class RouteFigures(NamedTuple):
    """The Numbers of a method of a route in the last hour."""

    method: str
    route: str
    numbers: Numbers


class StatementFigures(NamedTuple):
    """A statement that was slow in the last hour, without values: how often, how long at most, and when last."""

    sql: str
    number: int
    slowest_ms: float
    last_at: datetime


class ProcessFigures(NamedTuple):
    """A process that shares the data folder."""

    number: str
    memory_bytes: int


class Figures(NamedTuple):
    """The figures of the last hour, of all processes that share the data folder."""

    minutes: list[Minute]
    routes: list[RouteFigures]
    statements: list[StatementFigures]
    processes: list[ProcessFigures]


def read_figures(method: str | None = None, route: str | None = None) -> Figures:
    """Return the Figures; `minutes` are those of a method and a route only, if they are given."""
    process = metrics.process
    last = process.last_minutes()

    def is_asked(kind: RequestKind) -> bool:
        return method in (None, kind.method) and route in (None, kind.route)

    memory = [ProcessFigures(*pair) for pair in memory_of_processes(process).items()]
    return Figures(_minutes(last, is_asked), _routes(last), _statements(last.slow), memory)


def _minutes(last: LastMinutes, is_asked: Callable[[RequestKind], bool]) -> list[Minute]:
    """Return all minutes of the last hour, the oldest first, also those without requests."""
    present = int(utcnow().timestamp() // 60)
    minutes = range(present - KEPT_MINUTES + 1, present + 1)
    return [
        Minute(
            datetime.fromtimestamp(minute * 60, UTC),
            _numbers(pair for pair in last.requests.get(minute, {}).items() if is_asked(pair[0])),
        )
        for minute in minutes
    ]


def _routes(last: LastMinutes) -> list[RouteFigures]:
    """Return the routes with the most requests."""
    by_route: dict[Route, list[tuple[RequestKind, Requests]]] = {}
    for kinds in last.requests.values():
        for kind, requests in kinds.items():
            by_route.setdefault((kind.method, kind.route), []).append((kind, requests))
    figures = [RouteFigures(*route, _numbers(pairs)) for route, pairs in by_route.items()]
    return sorted(figures, key=lambda each: -each.numbers.requests)[:MAX_ROUTES]


def _numbers(pairs: Iterable[tuple[RequestKind, Requests]]) -> Numbers:
    added, by_class = Requests(), {4: 0, 5: 0}
    for kind, requests in pairs:
        added.add(requests)
        if kind.status // 100 in by_class:
            by_class[kind.status // 100] += requests.number
    p50, p99 = (_quantile_ms(added.buckets, share) for share in (0.5, 0.99))
    database_ms = round(added.database_seconds / added.number * 1000, 2) if added.number else None
    return Numbers(added.number, by_class[4], by_class[5], p50, p99, database_ms)


def _quantile_ms(buckets: list[int], share: float) -> float | None:
    """Return the duration that this share of the requests did not exceed, estimated within its bucket."""
    rank, before, shortest = sum(buckets) * share, 0, 0.0
    if not rank:
        return None
    for number, longest in zip(buckets, (*BUCKETS, MAX_SECONDS), strict=True):
        if before + number >= rank:
            return round((shortest + (longest - shortest) * (rank - before) / number) * 1000, 2)
        before, shortest = before + number, longest
    return MAX_SECONDS * 1000


def _statements(slow: list[SlowStatement]) -> list[StatementFigures]:
    """Return the slow statements, those that took longest first."""
    by_sql: dict[str, list[SlowStatement]] = {}
    for each in slow:
        by_sql.setdefault(each.sql, []).append(each)
    figures = [
        StatementFigures(
            sql,
            len(found),
            max(each.milliseconds for each in found),
            datetime.fromtimestamp(max(each.ended_at for each in found), UTC),
        )
        for sql, found in by_sql.items()
    ]
    return sorted(figures, key=lambda each: -each.slowest_ms)[:MAX_STATEMENTS]
