"""How long the request of a thread may still wait for the database and run statements."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from backend.utils.meter import meter

MIN_WAIT_SECONDS = 0.2  # even for a request that waited long for its thread


class _Allowance(threading.local):
    """The time limits of the request of this thread; outside requests there is no limit.

    `seconds` is how long statements may take in total. All waits for connections and locks share a second budget, so
    that a request with several waits does not take several times as long.
    """

    seconds: float | None = None
    _ends_at_reading = math.inf  # of the meter, which counts the seconds of statements
    _may_wait_seconds: float | None = None

    def begin(self, seconds: float, wait_seconds: float) -> None:
        """Begin a request with these budgets. Its meter must be at zero."""
        self.seconds, self._ends_at_reading, self._may_wait_seconds = seconds, seconds, wait_seconds

    def end(self) -> None:
        """End the request."""
        self.seconds, self._ends_at_reading, self._may_wait_seconds = None, math.inf, None

    @contextmanager
    def limited(self, seconds: float | None) -> Iterator[None]:
        """Limit the statements of a block to `seconds` in total, or not at all; they do not count for the request."""
        before, began_at = (self.seconds, self._ends_at_reading), meter.seconds
        self.seconds = seconds
        self._ends_at_reading = math.inf if seconds is None else meter.seconds + seconds
        try:
            yield
        finally:
            self.seconds, ends_at = before
            self._ends_at_reading = ends_at + meter.seconds - began_at

    def deadline(self) -> float:
        """Return when a statement that begins now must end, on the monotonic clock."""
        if self.seconds is None:
            return math.inf
        return time.monotonic() + max(self._ends_at_reading - meter.seconds, 0)

    def wait_seconds(self, maximum: float) -> float:
        """Return how long to wait for a connection or a lock, at most `maximum`."""
        return maximum if self._may_wait_seconds is None else min(maximum, self._may_wait_seconds)

    def renew_wait(self, seconds: float) -> None:
        """Reset the budget for waits of a request."""
        if self._may_wait_seconds is not None:
            self._may_wait_seconds = seconds

    def waited(self, seconds: float) -> None:
        """Subtract a wait from the budget."""
        if self._may_wait_seconds is not None:
            self._may_wait_seconds = max(self._may_wait_seconds - seconds, 0)


allowance = _Allowance()
