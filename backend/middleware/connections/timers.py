"""How long a client may take: to begin a request, to send it, and to read the response."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Times:
    """Limits for clients, in seconds and in bytes per second."""

    idle: float = 15  # without a request
    head: float = 15  # from the first to the last byte of a request's head, however slowly it comes
    least_pace: float = 1024  # bytes per second of a body, and of a response that waits
    pace: float = 20  # seconds over which that is measured
    linger: float = 2  # while a refused client may still be sending
    spared: float = 5  # a client that is slow for less than this is not closed in favour of others
    # A stop of the server does not wait for a client that reads or sends less than this.
    least_pace_at_stop: float = 16 << 10
    pace_at_stop: float = 3
    sweep: float = 0.5  # between two checks of all connections
    without_descriptors: float = 0.1  # until connections are accepted again after descriptors ran out


class Pace:
    """Measures whether bytes move fast enough; called repeatedly with the total number of moved bytes."""

    _since: float | None
    _before: int
    _is_slow: bool

    def __init__(self, seconds: float, least_per_second: float) -> None:
        self._seconds, self._least = seconds, least_per_second
        self.rest()

    def rest(self) -> None:
        """Start to measure again with the next call."""
        self._since, self._before, self._is_slow = None, 0, False

    def is_too_slow(self, moved: int, now: float) -> bool:
        """Return whether too few bytes moved in the last measured period."""
        if self._since is None:
            self._since, self._before = now, moved
        elif now - self._since >= self._seconds:
            self._is_slow = moved - self._before < self._least * (now - self._since)
            self._since, self._before = now, moved
        return self._is_slow
