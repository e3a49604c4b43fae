"""The connections of a process, kept open between requests."""

import math
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from peewee import Database, OperationalError, Query, __exception_wrapper__  # type: ignore[attr-defined]  # not in its stubs

from backend.models.database.failures import PoolExhausted
from backend.models.database.time_limits import allowance

FileIdentities: TypeAlias = tuple[tuple[int, int] | None, ...]  # (device, inode) of each file of a database


class Held:
    """A connection of the pool, with the moment it was opened and the deadline of its statement."""

    __slots__ = ("connection", "deadline", "files", "lock", "opened_at", "pool_age")

    def __init__(self, connection: Any, pool_age: int) -> None:
        self.connection, self.pool_age, self.opened_at = connection, pool_age, time.monotonic()
        self.deadline, self.lock = math.inf, threading.Lock()
        self.files: FileIdentities = ()


class Pooled(Database):
    """A database that keeps its connections; a connection that broke is closed, never used again.

    Connections are opened outside of any lock: one that takes long to open does not delay the others.
    """

    keep_seconds = math.inf

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

    def __init__(self, *args: Any, pool_size: int = 12, wait_seconds: float = 5, **options: Any) -> None:
        self.pool_size, self.wait_seconds = pool_size, wait_seconds
        self._places = threading.Condition()
        self._free: list[Held] = []
        self._in_use: dict[int, Held] = {}
        self._opening, self._age = 0, 0
        super().__init__(*args, **options)

    def connect(self, reuse_if_open: bool = False) -> bool:
        """Give this thread a connection; raise PoolExhausted if none becomes free in time."""
        if not self._state.closed:
            if reuse_if_open:
                return False
            raise OperationalError("Connection already opened.")
        self._state.reset()
        with __exception_wrapper__:
            held = self._take()
            self._state.held = held
            self._state.set_connection(held.connection)
            if self.server_version is None:
                self._set_server_version(held.connection)
        return True

    def close(self) -> bool:
        """Take the connection back from this thread; within a transaction it is dropped, which rolls back."""
        if self._state.closed:
            return False
        held, is_broken = self._state.held, self.in_transaction()
        self._state.held = None
        self._state.reset()
        self._give_back(held, is_broken)
        return True

    def close_all(self) -> None:
        """Close every connection; those that other threads use are closed when they are given back."""
        self.close()
        with self._places:
            self._age += 1
            free, self._free = self._free, []
            self._places.notify_all()
        for held in free:
            self._close_raw(held)

    def connections_in_use(self) -> int:
        """Return how many connections are in use by threads of this process."""
        return len(self._in_use)

    def drop_connection(self) -> None:
        """Close the connection of this thread as soon as it is given back."""
        if not self._state.closed:
            self._state.held.pool_age = -1

    def _take(self) -> Held:
        began = time.monotonic()
        deadline = began + allowance.wait_seconds(self.wait_seconds)
        while True:
            with self._places:
                while not self._free and len(self._in_use) + self._opening >= self.pool_size:
                    if not self._places.wait(max(deadline - time.monotonic(), 0)):
                        allowance.waited(time.monotonic() - began)
                        raise PoolExhausted(f"all {self.pool_size} connections are in use")
                free = self._free.pop() if self._free else None
                if free is None:
                    self._opening += 1
                else:
                    self._in_use[id(free)] = free
            if free is None:
                allowance.waited(time.monotonic() - began)
                return self._open()
            if self._is_usable(free) and time.monotonic() - free.opened_at < self.keep_seconds:
                return free
            self._give_back(free, is_broken=True)

    def _open(self) -> Held:
        began, ready = time.monotonic(), None
        try:
            ready = self._make_ready()
            return ready
        finally:
            allowance.waited(time.monotonic() - began)
            with self._places:
                self._opening -= 1
                if ready is not None:
                    self._in_use[id(ready)] = ready
                else:
                    self._places.notify()

    def _make_ready(self) -> Held:
        held, is_ready = Held(self._connect(), self._age), False
        try:
            self._prepare(held)
            is_ready = True
            return held
        finally:
            if not is_ready:
                self._close_raw(held)

    def _give_back(self, held: Held, is_broken: bool) -> None:
        with held.lock:
            held.deadline = math.inf
        is_kept = not is_broken and held.pool_age == self._age and self._is_clean(held)
        with self._places:
            self._in_use.pop(id(held), None)
            if is_kept:
                self._free.append(held)
            self._places.notify()
        if not is_kept:
            self._close_raw(held)

    def _close_raw(self, held: Held) -> None:
        with held.lock:  # no connection is interrupted while it is being closed
            self._close(held.connection)

    def _prepare(self, held: Held) -> None:
        """Prepare a new connection for its first use; raise an error if it cannot be used."""

    def _is_usable(self, held: Held) -> bool:
        """Tell whether a connection that was idle can be used."""
        return True

    def _is_clean(self, held: Held) -> bool:
        """Tell whether the next user of the connection finds no transaction and no fault in it."""
        return True
