"""The connection pool of a process."""

import math
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from peewee import Database, OperationalError, Query, __exception_wrapper__  # type: ignore[attr-defined]  # not in its stubs

from backend.models.database.failures import PoolExhausted
from backend.models.database.time_limits import allowance

FileIdentities: TypeAlias = tuple[tuple[int, int] | None, ...]  # (device, inode) of each file of a database


class PooledConnection:
    """A connection of the pool, with the time when it was opened and the deadline of its current statement."""

    __slots__ = ("connection", "deadline", "files", "has_committed", "lock", "opened_at", "pool_age")

    def __init__(self, connection: Any, pool_age: int) -> None:
        self.connection, self.pool_age, self.opened_at = connection, pool_age, time.monotonic()
        self.deadline, self.lock = math.inf, threading.Lock()
        self.files: FileIdentities = ()
        self.has_committed = False  # since the last time that its commits were confirmed


class Pooled(Database):
    """A database that keeps its connections open for reuse, except broken ones.

    No lock is held while a connection is opened, so a slow one does not delay other threads.
    """

    keep_seconds = math.inf  # how long a connection is reused

    if TYPE_CHECKING:  # what the stubs of peewee leave out, or give no types
        _state: Any

        def _connect(self) -> Any: ...
        def _set_pragmas(self, conn: Any) -> None: ...
        def _close(self, conn: Any) -> None: ...
        def connection(self) -> Any: ...
        def cursor(self, named_cursor: str | None = None) -> Any: ...
        def begin(self, *options: Any) -> None: ...
        def commit(self) -> None: ...
        def rollback(self) -> None: ...
        def execute_sql(self, sql: str, params: Sequence[Any] | None = None) -> Any: ...
        def execute(self, query: Query, **context_options: Any) -> Any: ...
        def _set_server_version(self, conn: Any) -> None: ...
        def _log_query(self, sql: str, params: Sequence[Any] | None) -> None: ...

    def __init__(self, *args: Any, pool_size: int = 12, wait_seconds: float = 5, **options: Any) -> None:
        self.pool_size, self.wait_seconds = pool_size, wait_seconds
        self._changed = threading.Condition()
        self._free: list[PooledConnection] = []
        self._in_use: dict[int, PooledConnection] = {}
        self._opening, self._age = 0, 0
        super().__init__(*args, **options)

    def connect(self, reuse_if_open: bool = False) -> bool:
        """Take a connection for this thread. Raises PoolExhausted if none becomes free in time."""
        state = self._state
        if not state.closed:
            if reuse_if_open:
                return False
            raise OperationalError("Connection already opened.")
        with __exception_wrapper__:
            state.pooled = pooled = self._take()
            state.set_connection(pooled.connection)
            if self.server_version is None:
                self._set_server_version(pooled.connection)
        return True

    def close(self) -> bool:
        """Return the connection of this thread to the pool. Within a transaction it is closed, which rolls back."""
        state = self._state
        if state.closed:
            return False
        pooled, is_broken = state.pooled, bool(state.transactions)
        state.pooled = None
        state.reset()
        self._return(pooled, is_broken)
        return True

    def close_all(self) -> None:
        """Close every connection; those that other threads use are closed when they are returned."""
        self.close()
        self.renew_connections()

    def renew_connections(self) -> None:
        """Close every connection that is free, and each other one when it is returned."""
        with self._changed:
            self._age += 1
            free, self._free = self._free, []
            self._changed.notify_all()
        for pooled in free:
            self._close_raw(pooled)

    def adopt_definitions(self) -> None:
        """Adapt the connections to changed tables and indexes. Overridden where that is needed."""

    def connections_in_use(self) -> int:
        """Return how many connections are in use by threads of this process."""
        return len(self._in_use)

    def drop_connection(self) -> None:
        """Close the connection of this thread when it is returned, instead of reusing it."""
        if not self._state.closed:
            self._state.pooled.pool_age = -1

    def _take(self) -> PooledConnection:
        while (free := self._take_free()) is not None:
            if self._is_usable(free) and time.monotonic() - free.opened_at < self.keep_seconds:
                return free
            self._return(free, is_broken=True)
        return self._open()

    def _take_free(self) -> PooledConnection | None:
        """Return a free connection, or None if a new one must be opened."""
        with self._changed:
            if not self._free:
                self._wait_for_place()
            if not self._free:
                self._opening += 1
                return None
            free = self._free.pop()
            self._in_use[id(free)] = free
            return free

    def _wait_for_place(self) -> None:
        """Wait until a connection is free or may be opened. Raises PoolExhausted if the request cannot wait longer."""
        began = time.monotonic()
        deadline = began + allowance.wait_seconds(self.wait_seconds)
        try:
            while not self._free and len(self._in_use) + self._opening >= self.pool_size:
                if not self._changed.wait(max(deadline - time.monotonic(), 0)):
                    raise PoolExhausted(f"all {self.pool_size} connections are in use")
        finally:
            allowance.waited(time.monotonic() - began)

    def _open(self) -> PooledConnection:
        began, ready = time.monotonic(), None
        try:
            ready = self._make_ready()
            return ready
        finally:
            allowance.waited(time.monotonic() - began)
            with self._changed:
                self._opening -= 1
                if ready is not None:
                    self._in_use[id(ready)] = ready
                else:
                    self._changed.notify()

    def _make_ready(self) -> PooledConnection:
        pooled, is_ready = PooledConnection(self._connect(), self._age), False
        try:
            self._prepare(pooled)
            is_ready = True
            return pooled
        finally:
            if not is_ready:
                self._close_raw(pooled)

    def _return(self, pooled: PooledConnection, is_broken: bool) -> None:
        with pooled.lock:
            pooled.deadline = math.inf
        is_kept = not is_broken and pooled.pool_age == self._age and self._is_clean(pooled)
        with self._changed:
            self._in_use.pop(id(pooled), None)
            if is_kept:
                self._free.append(pooled)
            self._changed.notify()
        if not is_kept:
            self._close_raw(pooled)

    def _close_raw(self, pooled: PooledConnection) -> None:
        with pooled.lock:  # the watchdog must not interrupt a connection while it is being closed
            self._close(pooled.connection)

    def _prepare(self, pooled: PooledConnection) -> None:
        """Prepare a new connection for its first use. Raises an error if it cannot be used."""

    def _is_usable(self, pooled: PooledConnection) -> bool:
        """Return whether an idle connection can be used again."""
        return True

    def _is_clean(self, pooled: PooledConnection) -> bool:
        """Return whether the connection can be reused: it is in no transaction and not broken."""
        return True
