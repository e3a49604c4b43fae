"""A thread that stops SQLite statements that take too long."""

import threading
import time
from collections.abc import Callable, Iterable

from backend.models.database.pool import PooledConnection

SECONDS_BETWEEN_CHECKS = 0.1


class Watchdog:
    """Interrupts the statement of every connection whose deadline has passed.

    SQLite's progress handler could do it, too. But it takes Python's global lock many times during a statement, and
    each time costs milliseconds while another thread computes.
    """

    def __init__(self, connections: Callable[[], Iterable[PooledConnection]]) -> None:
        self._connections = connections
        self._start_lock, self._is_started = threading.Lock(), False

    def watch(self, pooled: PooledConnection, deadline: float) -> None:
        """Set the deadline of the next statement of a connection."""
        if not self._is_started:
            self._start()
        # Without the lock, the watchdog could read the deadline of the last statement and interrupt this one.
        with pooled.lock:
            pooled.deadline = deadline

    def _start(self) -> None:
        with self._start_lock:
            if not self._is_started:
                threading.Thread(target=self._run, name="query watchdog", daemon=True).start()
                self._is_started = True

    def _run(self) -> None:
        while True:
            time.sleep(SECONDS_BETWEEN_CHECKS)
            now = time.monotonic()
            for pooled in self._connections():
                with pooled.lock:
                    if pooled.deadline < now:
                        pooled.connection.interrupt()
