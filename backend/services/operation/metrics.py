"""Metrics: what the code calls to have something counted."""

from backend.config.settings import Settings
from backend.services.operation.process_counts import Process
from backend.utils.meter import Meter


class Metrics:
    """Counts in a Process, once it is open."""

    def __init__(self) -> None:
        self._process: Process | None = None

    def open(self, settings: Settings) -> None:
        """Count in the data folder of the settings from now on."""
        if self._process is not None:
            self._process.close()
        self._process = Process(settings)

    def close(self) -> None:
        """Write what was counted in the last second."""
        self.process.close()

    @property
    def process(self) -> Process:
        """The Process that counts."""
        assert self._process is not None, "metrics are not open"
        return self._process

    def request_began(self) -> None:
        """Count this thread as handling a request."""
        self.process.tally().is_busy = True

    def request_ended(self) -> None:
        """Count this thread as idle."""
        self.process.tally().is_busy = False

    def count_response(self, method: str, route: str | None, status: int, seconds: float, meter: Meter) -> None:
        """Count an answer, how long it took, and what the Meter of its thread says of the database."""
        if self._process is not None:  # a server in tests may have an app that counts nothing
            self._process.tally().count_request(method, route, status, seconds, meter)

    def count_refusal(self, limit: str) -> None:
        """Count a request that a limit, `sign_in` or `actor`, has refused."""
        self.process.tally().count_event("limit", limit)

    def count_lookup(self, cache: str, found: bool) -> None:
        """Count a lookup in a cache, and whether it found something."""
        self.process.tally().count_event("cache", cache, "hit" if found else "miss")


metrics = Metrics()
