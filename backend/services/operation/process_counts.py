"""The counters of each process in a file, where all processes that share the data folder can read them.

Each thread counts in its own memory, which costs a request a few microseconds. Once a second each process writes its
totals to the file of its number: the lowest number that no running process has. If an earlier process had this number,
its totals are continued. So totals never fall, and there are never more files than processes at the same time.
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
from backend.services.operation.minutes import LastMinutes, MinuteFile, read_minutes
from backend.services.operation.open_streams import open_streams

SECONDS_BETWEEN_WRITES = 1
MAX_FILE_BYTES = 8 << 20  # of a counts file; enough for thousands of routes

log = structlog.get_logger()


class Tally(Counts):
    """The counters of one thread; `is_busy` while the thread handles a request."""

    is_busy = False


class _ThreadTally(threading.local):
    tally: Tally | None = None


class Number(NamedTuple):
    """The number of a process, and the open file whose lock reserves it."""

    name: str
    file: IO[str]


class OtherProcess(NamedTuple):
    """The counters of another process, at most a second old. The process may have ended."""

    number: str
    counts: Counts
    load: Load


class ProcessCounts:
    """The counters of this process, and its file.

    If the file cannot be written, the counters stay in memory. No request fails or waits because of that.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.serves = False  # requests; a command does not, and has no streams
        self._folder = settings.data_dir / "metrics"
        self._own = _ThreadTally()
        self._tallies: list[Tally] = []
        self._inherited = Counts()  # of earlier processes with the same number
        self._number: Number | None = None
        self._minutes: MinuteFile | None = None
        self._lock = threading.Lock()
        self._writer: threading.Thread | None = None
        self._closed = threading.Event()
        self._write_failed = False

    @property
    def number(self) -> str | None:
        """The number of this process; None before its first write."""
        return self._number.name if self._number else None

    def tally(self) -> Tally:
        """Return the Tally of this thread. The first call starts the thread that writes the file."""
        tally = self._own.tally
        if tally is None:
            tally = self._own.tally = Tally()
            self._tallies.append(tally)
            self._start_writer()
        return tally

    def sums(self) -> Counts:
        """Return the totals of all threads, and of earlier processes with the same number."""
        sums = Counts()
        for counts in (self._inherited, *self._tallies.copy()):
            sums.add(counts)
        return sums

    def load(self) -> Load:
        """Return what this process is doing now."""
        in_flight = sum(tally.is_busy for tally in self._tallies.copy())
        places = open_streams.places if self.serves else 0
        return Load(in_flight, database.connections_in_use(), open_streams.number, places)

    def others(self) -> list[OtherProcess]:
        """Return the other processes that have a counts file."""
        paths = {path.stem.removeprefix("counts-"): path for path in self._folder.glob("counts-*.json")}
        return [OtherProcess(number, *_read(path)) for number, path in paths.items() if number != self.number]

    def total_load(self) -> Load:
        """Return what all running processes are doing, added up."""
        alive = self.alive()
        loads = [self.load(), *(other.load for other in self.others() if other.number in alive)]
        return Load(*map(sum, zip(*loads, strict=True)))

    def streams_since(self) -> float | None:
        """Return the time, in seconds since 1970, since when a running process serves streams; None if none does."""
        alive, numbers = self.alive(), [self.number] if self.load().stream_places else []
        numbers += [other.number for other in self.others() if other.load.stream_places and other.number in alive]
        times = []
        for number in numbers:
            with suppress(OSError):  # the process has ended meanwhile
                times.append((self._folder / f"process-{number}").stat().st_mtime)
        return min(times, default=None)

    def alive(self) -> dict[str, int]:
        """Return a map of number to process id, for the running processes that have written their file."""
        return dict(_alive(self._folder))

    def close(self) -> None:
        """Write for the last time, and release the number."""
        self._closed.set()
        with self._lock:
            if self._number is not None:
                with suppress(OSError):
                    self._write(now=True)
                self._number.file.close()

    def write(self, *, minutes: bool = False) -> None:
        """Write the totals now: those that `/metrics` shows must not fall if this process is killed.

        With `minutes`, write the last minutes, too, even if they are not due.
        """
        with self._lock:
            try:
                if not self._closed.is_set():
                    self._write(now=minutes)
                self._write_failed = False
            except OSError as error:  # for example a full disk, which may have space again in a second
                if not self._write_failed:
                    log.warning("metrics cannot be written", folder=str(self._folder), reason=str(error))
                self._write_failed = True

    def _start_writer(self) -> None:
        with self._lock:
            if self._writer is None:
                self._writer = threading.Thread(target=self._keep_writing, name="metrics", daemon=True)
                self._writer.start()

    def _keep_writing(self) -> None:
        while not self._closed.wait(SECONDS_BETWEEN_WRITES):
            self.write()

    def last_minutes(self) -> LastMinutes:
        """Return the last minutes of all processes. Those of other processes may be some seconds old."""
        self.write(minutes=True)
        return read_minutes(self._folder)

    def _write(self, *, now: bool = False) -> None:
        if self._number is None:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            number = _take_number(self._folder)
            self._inherited, _ = _read(self._counts_path(number))
            self._minutes = MinuteFile(self._folder / f"minutes-{number.name}.json", self._inherited)
            self._number = number
        path, sums = self._counts_path(self._number), self.sums()
        partial = path.with_suffix(".partial")
        partial.write_bytes(to_json(sums, self.load()))
        partial.rename(path)
        if self._minutes is not None:
            self._minutes.note(sums, now=now)

    def _counts_path(self, number: Number) -> Path:
        return self._folder / f"counts-{number.name}.json"


def _take_number(folder: Path) -> Number:
    """Reserve and return the lowest number that no other process has."""
    return next(number for candidate in count() if (number := _try_number(folder, str(candidate))))


def _try_number(folder: Path, name: str) -> Number | None:
    file = (folder / f"process-{name}").open("a+")  # written only here, so its time is that of the start
    if not _try_lock(file):
        file.close()
        return None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return Number(name, file)


def _try_lock(file: IO[str]) -> bool:
    """Lock the file; return False if another process holds its lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _alive(folder: Path) -> Iterator[tuple[str, int]]:
    for path in folder.glob("process-*"):
        with (
            suppress(OSError, ValueError),
            path.open() as file,
        ):  # the process has ended meanwhile, or the file is not ours
            if not _try_lock(file):
                yield path.name.removeprefix("process-"), int(file.read() or 0)


def _read(path: Path) -> tuple[Counts, Load]:
    """Return the content of a counts file, or empty counters if it is damaged or too large."""
    try:
        if path.stat().st_size <= MAX_FILE_BYTES:
            return from_json(path.read_bytes())
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return Counts(), Load()
