"""Notices every commit to an SQLite file, whichever connection or process makes it."""

import threading
from collections.abc import Callable
from itertools import count
from typing import Any

from backend.models.database.pool import PooledConnection
from backend.models.database.sqlite_connections import SqliteConnections


class CommitWatch:
    """A connection that never writes, so that SQLite counts for it the commits of all others.

    SQLite keeps the count in memory that all processes share: reading it takes 3 µs, and no file is read. That memory
    is a file, which goes with the last connection, and cannot be made again on a full disk. So the watch stays open
    while the pool replaces its connections, and reads continue.
    """

    def __init__(
        self,
        open_connection: Callable[[], PooledConnection],
        is_usable: Callable[[PooledConnection], bool],
        close_connection: Callable[[PooledConnection], None],
    ) -> None:
        self._open, self._is_usable, self._close = open_connection, is_usable, close_connection
        self._lock, self._numbers = threading.Lock(), count(1)
        self._pooled: PooledConnection | None = None
        self._number = 0  # of the connection: another one counts anew

    def mark(self) -> str:
        """Return a text that differs from all former ones if there was a commit in between."""
        with self._lock:
            pooled = self._opened()
            # All rows are fetched: an open statement would keep its connection at the state that it has read.
            ((commits,),) = pooled.connection.execute("PRAGMA data_version").fetchall()
            return f"{self._number}.{commits}"

    def open(self) -> None:
        """Open the connection, unless it is open."""
        with self._lock:
            self._opened()

    def close(self) -> None:
        """Close the connection until it is needed again."""
        with self._lock:
            pooled, self._pooled = self._pooled, None
        if pooled is not None:
            self._close(pooled)

    def _opened(self) -> PooledConnection:
        if self._pooled is not None and self._is_usable(self._pooled):
            return self._pooled
        former, self._pooled = self._pooled, None
        if former is not None:
            self._close(former)
        opened, self._number = self._open(), next(self._numbers)
        opened.connection.set_busy_handler(0)
        self._pooled = opened
        return opened


class WatchedSqlite(SqliteConnections):
    """Connections whose commits are watched from the first one on."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._commit_watch = CommitWatch(super()._make_ready, self._is_usable, self._close_raw)

    def _make_ready(self) -> PooledConnection:
        self._commit_watch.open()
        return super()._make_ready()

    def commit_mark(self) -> str:
        """Return the mark of CommitWatch."""
        with self._translated_errors():
            return self._commit_watch.mark()

    def close_all(self) -> None:
        """Close every connection, and the write-ahead log."""
        self._commit_watch.close()
        super().close_all()
        self._log.close()
