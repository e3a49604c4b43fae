"""Warnings about connections. Clients could cause any number of them, so repeated ones are counted."""

import threading
import time

import structlog

SECONDS_BETWEEN = 10

log = structlog.get_logger()


class Notices:
    """Logs the first warning of each event at once; then the number of repeated ones, once in SECONDS_BETWEEN."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Map of event to the number of repeated ones, and the time until which they are only counted.
        self._counts: dict[str, tuple[int, float]] = {}

    def warn(self, event: str, **details: object) -> None:
        """Log a warning, or count it."""
        now = time.monotonic()
        with self._lock:
            count, until = self._counts.get(event, (0, 0.0))
            is_first = now >= until
            self._counts[event] = (0, now + SECONDS_BETWEEN) if is_first else (count + 1, until)
        if is_first:
            log.warning(event, **({"repeated": count} if count else {}), **details)

    def flush(self, now: float) -> None:
        """Log the numbers of repeated events whose time is over."""
        with self._lock:
            due = {event: count for event, (count, until) in self._counts.items() if count and now >= until}
            self._counts |= dict.fromkeys(due, (0, now + SECONDS_BETWEEN))
        for event, count in due.items():
            log.warning(event, repeated=count)
