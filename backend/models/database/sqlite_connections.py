"""Connections to an SQLite file: a queue of writers, time limits, and checks that the file still exists."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import cysqlite
import structlog
from peewee import DatabaseError, OperationalError, _savepoint
from playhouse.cysqlite_ext import CySqliteDatabase

from backend.models.database.dialect import Dialect
from backend.models.database.failures import (
    DatabaseMissing,
    LongWrite,
    QueryTimeout,
    QueryTooLarge,
)
from backend.models.database.pool import FileIdentities, PooledConnection
from backend.models.database.sqlite_errors import (
    BREAKS_CONNECTION,
    BUSY,
    COMMIT_REFUSED,
    FILE_MOVED,
    INTERRUPTED,
    codes_of,
)
from backend.models.database.sqlite_log import WriteAheadLog
from backend.models.database.time_limits import allowance
from backend.models.database.watchdog import Watchdog

MAX_WAL_BYTES = 64 << 20
SECONDS_BETWEEN_TRUNCATIONS = 10
TRUNCATION_WAIT_SECONDS = 0.1
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.0005, 0.005  # between attempts to get the write lock

log = structlog.get_logger()


class Savepoint(_savepoint):
    """A savepoint; if its transaction has ended, as after a full disk, there is nothing to roll back."""

    def rollback(self, begin: bool = True) -> None:
        """Undo all changes since the savepoint."""
        if self.db.connection().in_transaction:
            super().rollback(begin)


class SqliteConnections(Dialect, CySqliteDatabase):
    """The connections of this process to a database file."""

    driver_errors = (cysqlite.Error, MemoryError)
    syncs_commits = False  # or the disk may write a commit later

    def __init__(self, *args: Any, **options: Any) -> None:
        self._write_turn, self._writer = threading.Lock(), threading.local()
        self._watchdog = Watchdog(lambda: self._in_use.copy().values())
        self._truncated_at = 0.0
        self._long_write_ends_at: float | None = None
        super().__init__(*args, **options)
        self._log = WriteAheadLog(self.database)

    # Connections

    def _connect(self) -> Any:
        try:
            connection = super()._connect()
        except cysqlite.OperationalError as error:
            if not os.path.exists(self.database):
                raise DatabaseMissing(f"the database file {self.database} is missing") from error
            raise
        return connection

    def _set_pragmas(self, conn: Any) -> None:
        conn.set_busy_handler(self.wait_seconds)
        super()._set_pragmas(conn)

    def _prepare(self, pooled: PooledConnection) -> None:
        pooled.files = _files(self.database)
        # SQLite calls the hook before each commit, also of a single statement. So a write to a file that was deleted or
        # replaced fails.
        pooled.connection.commit_hook(lambda: self._check_commit(pooled))

    def _check_commit(self, pooled: PooledConnection) -> int:
        """Return 0 to let a connection commit; any other number makes the commit fail."""
        pooled.has_committed = self._has_its_files(pooled)
        return 0 if pooled.has_committed else 1

    def _has_its_files(self, pooled: PooledConnection) -> bool:
        return all(
            current == opened
            for current, opened in zip(_files(self.database), pooled.files, strict=True)
            if opened is not None
        )

    def _is_usable(self, pooled: PooledConnection) -> bool:
        if _identity(self.database) == pooled.files[0]:
            return True
        log.error("database file missing or replaced", path=self.database, advice="Its connections are opened again.")
        return False

    def _is_clean(self, pooled: PooledConnection) -> bool:
        return not pooled.connection.in_transaction

    def _close(self, conn: Any) -> None:
        with suppress(cysqlite.Error):
            if conn.in_transaction:  # otherwise it would stay open, with its lock
                conn.rollback()
        with suppress(cysqlite.Error):
            conn.close()

    def close(self) -> bool:
        """Return the connection of this thread to the pool, and end its turn to write."""
        try:
            if not self._state.closed and not self.in_transaction():
                self._limit_wal()
                self._confirm_commits()  # of statements without a transaction
        finally:
            try:
                was_open = super().close()
            finally:
                self._end_turn()
        return was_open

    def _confirm_commits(self) -> None:
        """Wait until the commits of this thread's connection are on disk. Raises NotConfirmed if they may not be."""
        pooled = self._state.pooled
        if pooled.has_committed:
            pooled.has_committed = False
            self._log.count_commit()
            if self.syncs_commits:
                self._log.sync()

    def _limit_wal(self) -> None:
        """Truncate the write-ahead log if it has grown too large: while readers overlap, SQLite cannot reuse it."""
        now = time.monotonic()
        if now - self._truncated_at < SECONDS_BETWEEN_TRUNCATIONS:
            return
        self._truncated_at = now
        with suppress(OSError, cysqlite.Error):
            if os.stat(f"{self.database}-wal").st_size > MAX_WAL_BYTES:
                self.truncate_log(TRUNCATION_WAIT_SECONDS)

    def truncate_log(self, wait_seconds: float) -> None:
        """Copy the write-ahead log into the database file and truncate it, unless readers still need it."""
        connection = self.connection()
        connection.set_busy_handler(wait_seconds)
        self._watchdog.watch(self._state.pooled, float("inf"))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def limit_memory(self, number_of_bytes: int) -> None:
        """Limit the memory of SQLite in this process, until it ends: this build of SQLite sorts only in memory."""
        self.connection().execute(f"PRAGMA hard_heap_limit = {number_of_bytes}").fetchall()

    # Statements

    def _begin_statement(self) -> None:
        pooled = self._state.pooled
        pooled.connection.set_busy_handler(self._wait_limit())
        self._watchdog.watch(pooled, allowance.deadline())

    def _wait_limit(self) -> float:
        return allowance.wait_seconds(getattr(self._writer, "wait_limit", self.wait_seconds))

    def named_failure(self, error: Exception) -> Exception:
        """Return the known failure for an error of SQLite, or the error itself; drop a broken connection."""
        if isinstance(error, MemoryError):
            return QueryTooLarge()
        codes = codes_of(error)
        if codes.primary in BREAKS_CONNECTION or codes.extended == COMMIT_REFUSED:
            self.drop_connection()
        if codes.primary == INTERRUPTED:
            return QueryTimeout(allowance.seconds or self.query_seconds)
        if codes.extended in (COMMIT_REFUSED, FILE_MOVED):
            return DatabaseMissing(f"the database file {self.database} is missing or was replaced")
        return error

    # Transactions

    def begin(self, lock_type: str | None = None) -> None:
        """Begin a transaction when it is the turn of this thread to write.

        Writers that wait for SQLite's lock poll with pauses, and one of them can fail to get it for seconds. So the
        threads of this process first queue for a lock of the process. Both waits share one limit.
        """
        connection, began = self.connection(), time.monotonic()
        wait_limit = self._wait_limit()
        if not self._write_turn.acquire(timeout=wait_limit):
            allowance.waited(wait_limit)
            if self._long_write_ends_at is not None:
                raise LongWrite(self._long_write_ends_at - time.monotonic())
            raise OperationalError("database is locked by another thread (code=5, ext=5)")
        self._writer.has_turn, has_begun = True, False
        try:
            self._watchdog.watch(self._state.pooled, float("inf"))
            connection.set_busy_handler(0)
            self._begin_before(began + wait_limit, lock_type)
            has_begun = True
        finally:
            allowance.waited(time.monotonic() - began)
            if not has_begun:
                self._end_turn()

    def _begin_before(self, deadline: float, lock_type: str | None) -> None:
        """Begin as soon as no other process writes. The pauses of SQLite's own attempts are 16 ms and longer."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                with self._translated_errors():
                    super().begin(lock_type)
                return
            except OperationalError as error:
                if codes_of(error).primary != BUSY or time.monotonic() >= deadline:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def announce_write(self, seconds: float | None) -> None:
        """Announce for how many seconds this thread will still write, for errors of other writers; None ends this."""
        self._long_write_ends_at = None if seconds is None else time.monotonic() + seconds

    def commit(self) -> None:
        """Commit. If that fails, the rollback that follows ends the turn to write."""
        self._watchdog.watch(self._state.pooled, float("inf"))
        with self._translated_errors():
            super().commit()
        self._end_turn()
        self._confirm_commits()

    def rollback(self) -> None:
        """Roll back, unless SQLite has done so itself, for example because the disk is full."""
        try:
            if not self.is_closed():
                self._watchdog.watch(self._state.pooled, float("inf"))
                if self.connection().in_transaction:
                    self._roll_back()
        finally:
            self._end_turn()

    def _roll_back(self) -> None:
        # An error here would hide the reason of the rollback. Closing the connection rolls back, too.
        try:
            super().rollback()
        except DatabaseError as error:
            log.warning("rollback failed", reason=codes_of(error).text)
            self.drop_connection()

    def savepoint(self) -> Savepoint:
        """Return the context manager of a savepoint."""
        return Savepoint(self)

    def _end_turn(self) -> None:
        if getattr(self._writer, "has_turn", False):
            self._writer.has_turn = False
            self._write_turn.release()

    @contextmanager
    def no_wait(self) -> Iterator[None]:
        """Let a write in this block fail at once if another connection holds the write lock."""
        self._writer.wait_limit = 0
        try:
            yield
        finally:
            del self._writer.wait_limit


def _files(path: str) -> FileIdentities:
    return tuple(_identity(f"{path}{suffix}") for suffix in ("", "-wal", "-shm"))


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def make_private(path: Path) -> None:
    """Create the file, if it is missing, readable only for its owner. SQLite's other files get the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
