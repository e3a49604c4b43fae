"""What metrics count, and how the counts of threads and processes are added up and written."""

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import starmap
from operator import add
from typing import Any, NamedTuple, Self

import orjson

from backend.utils.meter import Meter

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

Event = tuple[str, ...]  # a name and the values of its labels


class RequestKind(NamedTuple):
    """Requests that are counted together."""

    method: str
    route: str
    status: int


class Load(NamedTuple):
    """What a process is doing at the moment."""

    in_flight: int = 0
    connections: int = 0  # to the database, in use


@dataclass(slots=True)
class Requests:
    """How many requests of one kind there were, and what they took.

    `buckets` has the number of requests that took longer than the bucket before and at most so many seconds, in the
    order of BUCKETS, and as its last item those that took longer than all of them.
    """

    number: int = 0
    seconds: float = 0.0
    database_seconds: float = 0.0
    statements: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))

    def count(self, seconds: float, meter: Meter) -> None:
        """Count a request that took so long, and what the Meter of its thread says of the database."""
        self.number += 1
        self.seconds += seconds
        self.database_seconds += meter.seconds
        self.statements += meter.statements
        self.buckets[bisect_left(BUCKETS, seconds)] += 1

    def add(self, more: Self) -> None:
        """Add the requests of another thread, process or kind."""
        self.number += more.number
        self.seconds += more.seconds
        self.database_seconds += more.database_seconds
        self.statements += more.statements
        self.buckets = list(starmap(add, zip(self.buckets, more.buckets, strict=True)))

    def to_list(self) -> list[float]:
        """Return the numbers as from_list() takes them."""
        return [self.number, self.seconds, self.database_seconds, self.statements, *self.buckets]

    @classmethod
    def from_list(cls, numbers: list[Any]) -> Self:
        """Return the Requests of to_list(); raise ValueError if there are more or fewer buckets."""
        number, seconds, database_seconds, statements, *buckets = numbers
        if len(buckets) != len(BUCKETS) + 1:
            raise ValueError("These requests were counted in different buckets.")
        return cls(number, seconds, database_seconds, statements, buckets)


@dataclass
class Counts:
    """What a thread or a process has counted: requests by kind, and events."""

    requests: dict[RequestKind, Requests] = field(default_factory=dict)
    events: dict[Event, int] = field(default_factory=dict)

    def count_request(self, method: str, route: str | None, status: int, seconds: float, meter: Meter) -> None:
        """Count a request by its kind; `route` is None for a path that is no route."""
        kind = RequestKind(known_method(method), route or "none", status)
        requests = self.requests.get(kind)
        if requests is None:
            requests = self.requests[kind] = Requests()
        requests.count(seconds, meter)

    def count_event(self, *event: str) -> None:
        """Count an event."""
        self.events[event] = self.events.get(event, 0) + 1

    def add(self, more: "Counts") -> None:
        """Add the counts of another process, or of another thread, which may go on to count meanwhile."""
        for kind, requests in more.requests.copy().items():
            self.requests.setdefault(kind, Requests()).add(requests)
        for event, number in more.events.copy().items():
            self.events[event] = self.events.get(event, 0) + number


def known_method(method: str) -> str:
    """Return the method, or one name for all that nobody knows: a key for each would be a client's to multiply."""
    return method if method in METHODS else "other"


def to_json(counts: Counts, load: Load) -> bytes:
    """Return the content of a file of counts."""
    requests = [[list(kind), each.to_list()] for kind, each in counts.requests.items()]
    return orjson.dumps({"answers": requests, "events": [*counts.events.items()], "now": load._asdict()})


def from_json(content: bytes) -> tuple[Counts, Load]:
    """Return what to_json() was given; raise ValueError, KeyError or TypeError if the content is not of this form."""
    found, counts = orjson.loads(content), Counts()
    for (method, route, status), numbers in found["answers"]:
        kind = RequestKind(known_method(method), route, status)
        counts.requests.setdefault(kind, Requests()).add(Requests.from_list(numbers))
    counts.events = {tuple(event): number for event, number in found["events"]}
    return counts, Load(**{name: found["now"][name] for name in Load._fields if name in found["now"]})
