"""A storage for the `limits` package: counts in an SQLite file that all processes of this machine share."""

import threading
import time
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import cysqlite
from limits.storage import Storage

BUSY_SECONDS = 1  # how long to wait for a lock
PURGE_SECONDS = 60  # between two deletions of expired counts

SCHEMA = """CREATE TABLE IF NOT EXISTS counts (key TEXT PRIMARY KEY, count INTEGER NOT NULL, expires_at REAL NOT NULL)
STRICT, WITHOUT ROWID"""
# A window that has ended starts again. So does one that ends too late because the clock was wrong when it began.
# The 10 seconds allow for two processes that read the clock in one order and write in the other.
COUNT = """INSERT INTO counts VALUES (?1, ?2, ?3 + ?4) ON CONFLICT (key) DO UPDATE SET
count = iif(expires_at BETWEEN ?3 AND excluded.expires_at + 10, count + excluded.count, excluded.count),
expires_at = iif(expires_at BETWEEN ?3 AND excluded.expires_at + 10, expires_at, excluded.expires_at)
RETURNING count"""
READ = "SELECT count, expires_at FROM counts WHERE key = ? AND expires_at >= ?"
PURGE = "DELETE FROM counts WHERE expires_at < ?"


class SqliteStorage(Storage):
    """Counts in the SQLite file of `sqlite://PATH`, or with `sqlite://:memory:` in this process only."""

    STORAGE_SCHEME = ["sqlite"]

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self._path, self._purged_at = uri.removeprefix("sqlite://"), 0.0
        self._connection: cysqlite.Connection | None = None
        self._lock = threading.Lock()  # all threads share one connection: counting takes microseconds

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """The exceptions that a failure of the file raises."""
        return cysqlite.Error, OSError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Add `amount` to the count and return it. The first call begins a window of `expiry` seconds."""
        now = time.time()
        count: int = self._execute(COUNT, key, amount, now, expiry)[0]
        if now - self._purged_at > PURGE_SECONDS:
            self._purged_at = now
            self._execute(PURGE, now)
        return count

    def get(self, key: str) -> int:
        """Return the count."""
        return self._read(key)[0]

    def get_expiry(self, key: str) -> float:
        """Return when the window ends, in seconds since 1970."""
        return self._read(key)[1]

    def check(self) -> bool:
        """Return whether the file can be read."""
        try:
            self._execute("SELECT count(*) FROM counts")
        except self.base_exceptions:
            return False
        return True

    def reset(self) -> None:
        """Delete all counts."""
        self._execute("DELETE FROM counts")

    def clear(self, key: str) -> None:
        """Delete the count."""
        self._execute("DELETE FROM counts WHERE key = ?", key)

    def _read(self, key: str) -> tuple[int, float]:
        now = time.time()
        return self._execute(READ, key, now) or (0, now)

    def _execute(self, sql: str, *values: str | float) -> Any:
        """Return the first row of the statement, or None. After a failure the next call reopens the file."""
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._open()
                return self._connection.execute_one(sql, values)
            except self.base_exceptions:
                self._close()
                raise

    def _open(self) -> cysqlite.Connection:
        Path(self._path).parent.mkdir(parents=True, exist_ok=True)
        connection = cysqlite.connect(str(self._path), timeout=BUSY_SECONDS)
        try:
            _use_wal(connection)
            # In WAL mode, `normal` waits for the disk only at checkpoints. Unlike `off`, it cannot corrupt the file.
            connection.execute("PRAGMA synchronous=normal")
            connection.execute(SCHEMA)
        except cysqlite.Error:
            connection.close()
            raise
        return connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _use_wal(connection: cysqlite.Connection) -> None:
    """Switch the file to WAL mode. If another connection is just doing so, SQLite fails at once, without waiting."""
    deadline = monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=wal")
            return
        except cysqlite.OperationalError:
            if monotonic() > deadline:
                raise
        sleep(0.01)
