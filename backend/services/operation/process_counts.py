"""The counts of this process in a file, from which every process that shares the data folder reads them.

A request is counted in numbers of its thread, which costs it a few microseconds. Once a second each process writes its
sums into the file of its number. The process that gets the number next goes on from there: so sums never fall, and
there are no more files than there were processes at once.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import IO, NamedTuple

import structlog

from backend.config.settings import Settings
from backend.models.database import database
from backend.services.operation.counts import Counts, Load, from_json, to_json

SECONDS_BETWEEN_WRITES = 1
MAX_FILE_BYTES = 8 << 20  # of a file of counts: thousands of routes

log = structlog.get_logger()


class Tally(Counts):
    """What a thread has counted, and whether it is handling a request."""

    is_busy = False


class _Own(threading.local):
    tally: Tally | None = None


class Number(NamedTuple):
    """The number of a process, and the open file whose lock says that it is taken."""

    name: str
    file: IO[str]


class Other(NamedTuple):
    """What another process, which may have ended, had counted a second ago at most."""

    number: str
    counts: Counts
    load: Load


class Process:
    """What this process counts, and its file.

    While the file cannot be written the counts stay in memory: no request fails or waits because of them.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._folder = settings.data_dir / "metrics"
        self._own = _Own()
        self._tallies: list[Tally] = []
        self._before = Counts()  # by the process that had the number before
        self._number: Number | None = None
        self._lock = threading.Lock()
        self._writer: threading.Thread | None = None
        self._closed = threading.Event()
        self._fails = False

    @property
    def number(self) -> str | None:
        """The number of this process, once it has written."""
        return self._number.name if self._number else None

    def tally(self) -> Tally:
        """Return the Tally of this thread; the first one starts the writing."""
        tally = self._own.tally
        if tally is None:
            tally = self._own.tally = Tally()
            self._tallies.append(tally)
            self._start_writer()
        return tally

    def sums(self) -> Counts:
        """Return the sums of all threads and of the process that had the number before."""
        sums = Counts()
        for counts in (self._before, *self._tallies.copy()):
            sums.add(counts)
        return sums

    def load(self) -> Load:
        """Return what this process is doing now."""
        return Load(sum(tally.is_busy for tally in self._tallies.copy()), database.connections_in_use())

    def others(self) -> list[Other]:
        """Return every other process there is or was."""
        paths = {path.stem.removeprefix("counts-"): path for path in self._folder.glob("counts-*.json")}
        return [Other(number, *_read(path)) for number, path in paths.items() if number != self.number]

    def alive(self) -> dict[str, int]:
        """Return {number: process id} of the processes that run, once they have written."""
        return dict(_alive(self._folder))

    def close(self) -> None:
        """Write for the last time, and give up the number to another process."""
        self._closed.set()
        with self._lock:
            if self._number is not None:
                with suppress(OSError):
                    self._write()
                self._number.file.close()

    def write(self) -> None:
        """Write the sums, so that what somebody has read of them does not fall should this process be killed."""
        with self._lock:
            try:
                if not self._closed.is_set():
                    self._write()
                self._fails = False
            except OSError as error:  # such as a full disk, which may have room in a second
                if not self._fails:
                    log.warning("metrics cannot be written", folder=str(self._folder), reason=str(error))
                self._fails = True

    def _start_writer(self) -> None:
        with self._lock:
            if self._writer is None:
                self._writer = threading.Thread(target=self._keep_writing, name="metrics", daemon=True)
                self._writer.start()

    def _keep_writing(self) -> None:
        while not self._closed.wait(SECONDS_BETWEEN_WRITES):
            self.write()

    def _write(self) -> None:
        if self._number is None:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            number = _take_number(self._folder)
            self._before, _ = _read(self._counts_path(number))
            self._number = number
        path = self._counts_path(self._number)
        partial = path.with_suffix(".partial")
        partial.write_bytes(to_json(self.sums(), self.load()))
        partial.rename(path)

    def _counts_path(self, number: Number) -> Path:
        return self._folder / f"counts-{number.name}.json"


def _take_number(folder: Path) -> Number:
    """Return the lowest number that no other process has."""
    return next(number for each in count() if (number := _try_number(folder, str(each))))


def _try_number(folder: Path, name: str) -> Number | None:
    file = (folder / f"process-{name}").open("a+")
    if not _is_free(file):
        file.close()
        return None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return Number(name, file)


def _is_free(file: IO[str]) -> bool:
    """Tell whether no other process holds the lock of the file; now this one does."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _alive(folder: Path) -> Iterator[tuple[str, int]]:
    for path in folder.glob("process-*"):
        with suppress(OSError, ValueError), path.open() as file:  # it has ended meanwhile, or is not ours
            if not _is_free(file):
                yield path.name.removeprefix("process-"), int(file.read() or 0)


def _read(path: Path) -> tuple[Counts, Load]:
    """Return what is in a file of counts; nothing if it is damaged or too large."""
    try:
        if path.stat().st_size <= MAX_FILE_BYTES:
            return from_json(path.read_bytes())
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return Counts(), Load()
