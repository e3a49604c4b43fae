"""The time that a thread may still wait for the database, and run statements."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from backend.utils.meter import meter

LEAST_WAIT_SECONDS = 0.2  # also for a request that waited long before its turn came


class _Allowance(threading.local):
    """The time that the request of this thread may still use; outside of requests nothing is limited.

    `seconds` is the time that statements may take together. All waits for connections and locks share one budget, so
    that a request which waits for several of them does not take several times as long.
    """

    seconds: float | None = None
    _ends_at_reading = math.inf  # of the meter
    _may_wait_seconds: float | None = None

    def begin(self, seconds: float, wait_seconds: float) -> None:
        """Begin a request, whose meter starts at zero, with a budget for its waits."""
        self.seconds, self._ends_at_reading, self._may_wait_seconds = seconds, seconds, wait_seconds

    def end(self) -> None:
        """End the request."""
        self.seconds, self._ends_at_reading, self._may_wait_seconds = None, math.inf, None

    @contextmanager
    def limited(self, seconds: float | None) -> Iterator[None]:
        """Limit the statements of a block to `seconds` together; None is no limit. They do not count outside of it."""
        before, began_at = (self.seconds, self._ends_at_reading), meter.seconds
        self.seconds = seconds
        self._ends_at_reading = math.inf if seconds is None else meter.seconds + seconds
        try:
            yield
        finally:
            self.seconds, ends_at = before
            self._ends_at_reading = ends_at + meter.seconds - began_at

    def deadline(self) -> float:
        """Return the moment, on the monotonic clock, at which a statement that begins now must have ended."""
        if self.seconds is None:
            return math.inf
        return time.monotonic() + max(self._ends_at_reading - meter.seconds, 0)

    def wait_seconds(self, longest: float) -> float:
        """Return how long to wait for a connection or a lock, at most `longest`."""
        return longest if self._may_wait_seconds is None else min(longest, self._may_wait_seconds)

    def renew_wait(self, seconds: float) -> None:
        """Renew the budget for waits, where there is one."""
        if self._may_wait_seconds is not None:
            self._may_wait_seconds = seconds

    def waited(self, seconds: float) -> None:
        """Take a wait from the budget."""
        if self._may_wait_seconds is not None:
            self._may_wait_seconds = max(self._may_wait_seconds - seconds, 0)


allowance = _Allowance()
