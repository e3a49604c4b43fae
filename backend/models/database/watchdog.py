"""A thread that stops SQLite statements that take too long."""

import threading
import time
from collections.abc import Callable, Iterable

from backend.models.database.pool import Held

SECONDS_BETWEEN_LOOKS = 0.1


class Watchdog:
    """Interrupts the statement of every connection whose deadline has passed.

    SQLite's progress handler would do it, too, but it takes Python's lock again and again during a statement, and while
    another thread computes each time costs milliseconds.
    """

    def __init__(self, connections: Callable[[], Iterable[Held]]) -> None:
        self._connections = connections
        self._start_lock, self._is_started = threading.Lock(), False

    def watch(self, held: Held, deadline: float) -> None:
        """Let the next statement of a connection run until `deadline`."""
        if not self._is_started:
            self._start()
        # The lock keeps the watchdog from reading the deadline of the last statement and then interrupting this one.
        with held.lock:
            held.deadline = deadline

    def _start(self) -> None:
        with self._start_lock:
            if not self._is_started:
                threading.Thread(target=self._run, name="query watchdog", daemon=True).start()
                self._is_started = True

    def _run(self) -> None:
        while True:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            now = time.monotonic()
            for held in self._connections():
                with held.lock:
                    if held.deadline < now:
                        held.connection.interrupt()
