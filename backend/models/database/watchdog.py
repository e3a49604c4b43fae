"""A thread that stops SQLite statements that take too long."""

import threading
import time
from collections.abc import Callable, Collection

from backend.models.database.pool import PooledConnection

SECONDS_BETWEEN_CHECKS = 0.1
CHECKS_BEFORE_END = 50  # without any connection in use


class Watchdog:
    """Interrupts the statement of every connection whose deadline has passed.

    SQLite's progress handler could do it, too. But it takes Python's global lock many times during a statement, and
    each time costs milliseconds while another thread computes. The thread ends when nothing has used the database for
    some seconds, and starts with the next statement.
    """

    def __init__(self, connections: Callable[[], Collection[PooledConnection]]) -> None:
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
        idle_checks = 0
        while idle_checks < CHECKS_BEFORE_END or not self._may_end():
            time.sleep(SECONDS_BETWEEN_CHECKS)
            now, connections = time.monotonic(), self._connections()
            for pooled in connections:
                with pooled.lock:
                    if pooled.deadline < now:
                        pooled.connection.interrupt()
            idle_checks = 0 if connections else idle_checks + 1

    def _may_end(self) -> bool:
        """Return whether the thread may end; then the next statement starts another.

        A connection is in use before it is watched, so one whose statement found the thread running is found here.
        """
        with self._start_lock:
            self._is_started = False
            self._is_started = bool(self._connections())
            return not self._is_started
