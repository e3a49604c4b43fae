"""SQLite's write-ahead log: waits until commits are on disk, and copies them to the database file in the background.

SQLite itself runs with `synchronous=NORMAL`: a commit is written to the log without an fsync, and frees the write lock.
Its thread then waits here before anything is acknowledged, so one fsync serves many (docs/decisions/052).
"""

import os
import threading
from contextlib import closing, suppress

import cysqlite
import structlog

from backend.models.database.failures import NotConfirmed

OPEN_EXISTING = 0x02  # SQLITE_OPEN_READWRITE, without SQLITE_OPEN_CREATE
COMMITS_BETWEEN_CHECKPOINTS = 250  # of one process
EMPTYING_WAIT_SECONDS = 0.1  # for readers and writers

log = structlog.get_logger()


class WriteAheadLog:
    """The log of a database file."""

    def __init__(self, database: str) -> None:
        self._database, self._path = database, f"{database}-wal"
        self._changed = threading.Condition()
        self._begun = self._ended = self._failed = 0  # the numbers of syncs
        self._file, self._is_damaged = -1, False
        self._commits, self._copying = 0, threading.Lock()

    def close(self) -> None:
        """Close the file until the next commit."""
        with self._changed:
            self._changed.wait_for(lambda: self._begun == self._ended)
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def sync(self) -> None:
        """Return when all commits until now are on disk. Raises NotConfirmed if the disk does not confirm it.

        A sync serves every thread whose commit was written before it began; the others wait for the next one.
        """
        with self._changed:
            number = self._begun + 1  # a sync that is running may have begun before the commit
            while self._begun > self._ended and self._ended < number:
                self._changed.wait()
            if self._ended < number:
                self._begun = number
        if self._ended < number:
            self._sync_as(number)
        if number <= self._failed:
            raise NotConfirmed(f"{self._path} could not be written to the disk")

    def _sync_as(self, number: int) -> None:
        failed = number
        try:
            # After a failed fsync the kernel takes the pages for written, so another fsync would confirm them.
            if self._is_damaged:
                self._empty()
            else:
                os.fdatasync(self._open())
            self._is_damaged, failed = False, self._failed
        except OSError as error:
            self._is_damaged = True
            log.error("write not confirmed by the disk", path=self._path, reason=error.strerror or str(error))
        finally:
            with self._changed:
                self._ended, self._failed = number, failed
                self._changed.notify_all()

    def _open(self) -> int:
        # The file stays open, because the kernel reports a failure to write its pages once to each open file.
        if self._file < 0 or not os.path.samestat(os.stat(self._path), os.fstat(self._file)):
            if self._file >= 0:
                os.close(self._file)
                self._file = -1
            self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        return self._file

    def count_commit(self) -> None:
        """Start a checkpoint after many commits. SQLite itself would make the request that commits wait for it."""
        self._commits += 1
        if self._commits >= COMMITS_BETWEEN_CHECKPOINTS and self._copying.acquire(blocking=False):
            self._commits = 0
            threading.Thread(target=self._copy, name="checkpoint", daemon=True).start()

    def _copy(self) -> None:
        with suppress(OSError):  # the next checkpoint tries again
            self._checkpoint("PASSIVE")
        self._copying.release()

    def _empty(self) -> None:
        if not self._checkpoint("TRUNCATE"):
            raise OSError("readers still need the log")

    def _checkpoint(self, mode: str) -> bool:
        """Copy the log to the database file; return whether all that the mode asks for was done."""
        try:
            with closing(cysqlite.connect(self._database, flags=OPEN_EXISTING)) as connection:
                connection.set_busy_handler(EMPTYING_WAIT_SECONDS)
                ((is_blocked, _, _),) = connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
        except cysqlite.Error as error:
            raise OSError(str(error)) from error
        return not is_blocked
