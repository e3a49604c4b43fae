"""The counters behind the metrics: added up over threads and processes, and stored as JSON."""

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import starmap
from operator import add, sub
from typing import Any, NamedTuple, Self

import orjson

from backend.utils.meter import Meter

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds
SLOW_LIST = "slow_list"  # the name of an event; its labels are the texts of a SlowList
MAX_SLOW_LISTS = 100  # of different ones: clients choose filters and orders
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

Event = tuple[str, ...]  # a name and the values of its labels


class RequestKind(NamedTuple):
    """The method, route and status under which a request is counted."""

    method: str
    route: str
    status: int


class Load(NamedTuple):
    """What a process is doing now: requests `in_flight`, database `connections` in use, open `streams`.

    It can serve `stream_places` of them at the same time.
    """

    in_flight: int = 0
    connections: int = 0
    streams: int = 0
    stream_places: int = 0


@dataclass(slots=True)
class Requests:
    """The number of requests of one RequestKind, and the time and statements they took.

    `buckets[i]` is the number of requests that took at most BUCKETS[i] seconds, but longer than the bucket before it.
    The last item is the number of requests that took longer than all BUCKETS.
    """

    number: int = 0
    seconds: float = 0.0
    database_seconds: float = 0.0
    statements: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))

    def count(self, seconds: float, meter: Meter) -> None:
        """Count a request with its duration, and with the database time and statements in its Meter."""
        self.number += 1
        self.seconds += seconds
        self.database_seconds += meter.seconds
        self.statements += meter.statements
        self.buckets[bisect_left(BUCKETS, seconds)] += 1

    def add(self, other: Self) -> None:
        """Add the requests of another thread, process or kind."""
        self.number += other.number
        self.seconds += other.seconds
        self.database_seconds += other.database_seconds
        self.statements += other.statements
        self.buckets = list(starmap(add, zip(self.buckets, other.buckets, strict=True)))

    def without(self, other: Self) -> Self:
        """Return the requests that are not among the other ones, which are a part of these."""
        return type(self).from_list(list(starmap(sub, zip(self.to_list(), other.to_list(), strict=True))))

    def to_list(self) -> list[float]:
        """Return the numbers in the order that from_list() reads."""
        return [self.number, self.seconds, self.database_seconds, self.statements, *self.buckets]

    @classmethod
    def from_list(cls, numbers: list[Any]) -> Self:
        """Return the Requests that to_list() wrote. Raises ValueError if it had a different number of buckets."""
        number, seconds, database_seconds, statements, *buckets = numbers
        if len(buckets) != len(BUCKETS) + 1:
            raise ValueError("These requests were counted in different buckets.")
        return cls(number, seconds, database_seconds, statements, buckets)


@dataclass
class Counts:
    """The counters of a thread or process: maps of RequestKind to Requests, and of Event to its number."""

    requests: dict[RequestKind, Requests] = field(default_factory=dict)
    events: dict[Event, int] = field(default_factory=dict)

    def count_request(self, method: str, route: str | None, status: int, seconds: float, meter: Meter) -> None:
        """Count a request under its RequestKind; `route` is None if the path is unknown."""
        kind = RequestKind(known_method(method), route or "none", status)
        requests = self.requests.get(kind)
        if requests is None:
            requests = self.requests[kind] = Requests()
        requests.count(seconds, meter)

    def count_event(self, *event: str, number: int = 1) -> None:
        """Count an event, unless it is one more slow list than MAX_SLOW_LISTS."""
        if event in self.events:
            self.events[event] += number
        elif event[0] != SLOW_LIST or sum(name == SLOW_LIST for name, *_ in self.events) < MAX_SLOW_LISTS:
            self.events[event] = number

    def add(self, other: "Counts") -> None:
        """Add the counters of a process or thread. It may continue to count meanwhile."""
        for kind, requests in other.requests.copy().items():
            self.requests.setdefault(kind, Requests()).add(requests)
        for event, number in other.events.copy().items():
            self.count_event(*event, number=number)


def known_method(method: str) -> str:
    """Return the method, or `other` if it is not standard: clients must not be able to create any number of keys."""
    return method if method in METHODS else "other"


def answers_of(requests: dict[RequestKind, Requests]) -> list[Any]:
    """Return requests in the form in which read_answers() reads them."""
    return [[list(kind), numbers.to_list()] for kind, numbers in requests.items()]


def read_answers(stored: list[Any]) -> dict[RequestKind, Requests]:
    """Return what answers_of() returned. Raises ValueError or TypeError for other content."""
    read: dict[RequestKind, Requests] = {}
    for (method, route, status), numbers in stored:
        kind = RequestKind(known_method(method), route, status)
        read.setdefault(kind, Requests()).add(Requests.from_list(numbers))
    return read


def to_json(counts: Counts, load: Load) -> bytes:
    """Return the content of a counts file."""
    return orjson.dumps(
        {"answers": answers_of(counts.requests), "events": [*counts.events.items()], "now": load._asdict()}
    )


def from_json(content: bytes) -> tuple[Counts, Load]:
    """Return what to_json() wrote. Raises ValueError, KeyError or TypeError for other content."""
    stored = orjson.loads(content)
    counts = Counts(read_answers(stored["answers"]))
    counts.events = {tuple(event): number for event, number in stored["events"]}
    return counts, Load(**{name: stored["now"][name] for name in Load._fields if name in stored["now"]})
