"""How long a connection may take: to begin a request, to send it, to take the answer."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Times:
    """Limits for clients, in seconds and in bytes per second."""

    idle: float = 15  # without a request
    head: float = 15  # from the first to the last byte of a request's head, however slowly it comes
    least_pace: float = 1024  # of a request's body, and of an answer that waits
    pace: float = 20  # over which that is measured
    linger: float = 2  # for what a refused client still sends
    spared: float = 5  # in the middle of something, before a client has to make way for others
    # While the server stops, nobody waits for a client that takes or sends less than this.
    least_pace_at_stop: float = 16 << 10
    pace_at_stop: float = 3
    sweep: float = 0.5  # from one look at all connections to the next
    without_descriptors: float = 0.1  # until connections are accepted again


class Pace:
    """Whether bytes move fast enough; asked again and again with how many have moved in all."""

    _since: float | None
    _before: int
    _is_slow: bool

    def __init__(self, seconds: float, least_per_second: float) -> None:
        self._seconds, self._least = seconds, least_per_second
        self.rest()

    def rest(self) -> None:
        """Start to measure again with the next question."""
        self._since, self._before, self._is_slow = None, 0, False

    def is_too_slow(self, moved: int, now: float) -> bool:
        """Tell whether too few bytes moved in the last measured period."""
        if self._since is None:
            self._since, self._before = now, moved
        elif now - self._since >= self._seconds:
            self._is_slow = moved - self._before < self._least * (now - self._since)
            self._since, self._before = now, moved
        return self._is_slow
