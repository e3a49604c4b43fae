"""Metrics: the functions that count requests and events."""

from backend.config.settings import Settings
from backend.services.operation.counts import SLOW_LIST
from backend.services.operation.process_counts import ProcessCounts
from backend.utils.meter import Meter


class Metrics:
    """The counters of this process. Nothing can be counted before `open`."""

    def __init__(self) -> None:
        self._process: ProcessCounts | None = None

    def open(self, settings: Settings) -> None:
        """Store the counters in the data folder of the settings from now on."""
        self.close()
        self._process = ProcessCounts(settings)

    def close(self) -> None:
        """Write the counters for the last time, if they are open."""
        if self._process is not None:
            self._process.close()

    @property
    def process(self) -> ProcessCounts:
        """The ProcessCounts of this process."""
        assert self._process is not None, "metrics are not open"
        return self._process

    def begin_serving(self) -> None:
        """Be known to other processes as one that serves requests, before the first one comes."""
        self.process.serves = True
        self.process.tally()

    def request_began(self) -> None:
        """Count this thread as handling a request."""
        self.process.serves = True
        self.process.tally().is_busy = True

    def request_ended(self) -> None:
        """Count this thread as idle."""
        self.process.tally().is_busy = False

    def count_response(self, method: str, route: str | None, status: int, seconds: float, meter: Meter) -> None:
        """Count a response with its duration, and with what the Meter has counted."""
        if self._process is not None:  # in tests a server may run an app without metrics
            tally = self._process.tally()
            tally.count_request(method, route, status, seconds, meter)
            if meter.slow_list:
                tally.count_event(SLOW_LIST, *meter.slow_list)

    def count_refusal(self, limit: str) -> None:
        """Count a request that a limit, `sign_in` or `actor`, has refused."""
        self.process.tally().count_event("limit", limit)

    def count_stream_end(self, reason: str) -> None:
        """Count a stream of changes that has ended, and why."""
        self.process.tally().count_event("stream", reason)

    def count_lookup(self, cache: str, found: bool) -> None:
        """Count a lookup in a cache, and whether it found something."""
        self.process.tally().count_event("cache", cache, "hit" if found else "miss")


metrics = Metrics()
