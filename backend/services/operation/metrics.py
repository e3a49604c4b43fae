"""Metrics for Prometheus, added up over all processes that share a data folder.

A request is counted in plain numbers of its thread, which costs it two microseconds. Once a second each process writes
its sums into a file, whose number the process which comes after it takes over: so they never fall, and there are no
more files than there were processes at once.
"""

import fcntl
import os
import threading
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import IO

import orjson
import structlog

from backend.config.settings import Settings
from backend.models.database import database
from backend.utils.meter import Meter

log = structlog.get_logger()

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds
SECONDS_BETWEEN_WRITES = 1
# What is kept of the answers to one kind of request: how many, seconds, seconds in the database, statements, and how
# many took up to each of BUCKETS, or longer than all of them.
NOTHING = [0, 0.0, 0.0, 0, *[0] * (len(BUCKETS) + 1)]
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
MAX_FILE_BYTES = 8 << 20  # of a file of counts: thousands of routes
# Answers as in a Tally, events, and what was so at the time.
Counts = tuple[dict[tuple, list], dict[tuple, int], dict[str, int]]


class Tally:
    """What a thread has counted; `answers` is {(method, route, status): as NOTHING}, `events` {(name, *labels): n}."""

    def __init__(self):
        self.answers, self.events, self.is_busy = {}, {}, False


class Process:
    """What this process counts, and its file.

    While the file cannot be written the counts stay in memory: no request fails or waits because of them.
    """

    def __init__(self, settings: Settings):
        self.settings, self.folder, self.number = settings, settings.data_dir / "metrics", None
        self._local, self._tallies, self._closed = threading.local(), [], threading.Event()
        self._before, self._file, self._lock, self._writer = ({}, {}, {}), None, threading.Lock(), None
        self._fails = False

    def tally(self) -> Tally:
        """Return the Tally of this thread; with the first one the writing begins."""
        try:
            return self._local.tally
        except AttributeError:
            tally = self._local.tally = Tally()
            self._tallies.append(tally)
            with self._lock:
                if self._writer is None:
                    self._writer = threading.Thread(target=self._keep_writing, name="metrics", daemon=True)
                    self._writer.start()
            return tally

    def close(self) -> None:
        """Write no more, and let another process have the number."""
        self._closed.set()
        with self._lock:
            if self._file is not None:
                with suppress(OSError):
                    self._write()
                self._file.close()

    def sums(self) -> Counts:
        """Return the sums of all threads and of the process that had the number before."""
        answers, events = dict(self._before[0]), dict(self._before[1])
        for tally in self._tallies.copy():
            for asked, numbers in tally.answers.copy().items():
                answers[asked] = added(answers.get(asked), numbers)
            for event, number in tally.events.copy().items():
                events[event] = events.get(event, 0) + number
        now = {
            "in_flight": sum(tally.is_busy for tally in self._tallies),
            "connections": database.connections_in_use(),
        }
        return answers, events, now

    def write(self) -> None:
        """Write the sums, so that what somebody has read of them does not fall should this process be killed."""
        with self._lock:
            try:
                if not self._closed.is_set():
                    self._write()
                self._fails = False
            except OSError as error:  # such as a full disk, which may have room in a second
                if not self._fails:
                    log.warning("metrics cannot be written", folder=str(self.folder), reason=str(error))
                self._fails = True

    def _keep_writing(self) -> None:
        while not self._closed.wait(SECONDS_BETWEEN_WRITES):
            self.write()

    def _write(self) -> None:
        if self._file is None:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            number, self._file = _take_number(self.folder)
            self._before, self.number = read_counts(self.counts_path(number)), number
        answers, events, now = self.sums()
        content = {"answers": [*answers.items()], "events": [*events.items()], "now": now}
        path = self.counts_path(self.number)
        partial = path.with_suffix(".partial")
        partial.write_bytes(orjson.dumps(content))
        partial.rename(path)

    def counts_path(self, number: str) -> Path:
        """Return the path of the counts of the process with this number."""
        return self.folder / f"counts-{number}.json"

    def other_counts(self) -> Iterator[tuple[str, Counts]]:
        """Yield (number, counts as of a second ago) of every other process there is or was."""
        for path in self.folder.glob("counts-*.json"):
            number = path.stem.removeprefix("counts-")
            if number != self.number:
                yield number, read_counts(path)


def _take_number(folder: Path) -> tuple[str, IO[str]]:
    """Return (a number that no other process has, the open file whose lock says so)."""
    for number in count():
        file = (folder / f"process-{number}").open("a+")
        if _is_free(file):
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            return str(number), file
        file.close()
    return None


def _is_free(file):
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read_counts(path: Path) -> Counts:
    """Return (answers, events, what was so at the time) of a file of counts; nothing if it is cut or too large."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return {}, {}, {}
        content = orjson.loads(path.read_bytes())
        answers = {}
        for (method, route, status), numbers in content["answers"]:
            asked = (_known(method), route, status)
            answers[asked] = added(answers.get(asked), numbers)
        return answers, {tuple(event): number for event, number in content["events"]}, content["now"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}, {}, {}


def _known(method: str) -> str:
    """Return the method, or one name for all that nobody knows: a key for each would be a client's to multiply."""
    return method if method in METHODS else "other"


def added(numbers, more):
    """Return the sums of two lists as NOTHING, of which the first may be None."""
    return [x + y for x, y in zip(numbers or NOTHING, more, strict=True)]


def alive_processes(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield (number, process id) of each process that counts in the folder."""
    for path in folder.glob("process-*"):
        with suppress(OSError, ValueError), path.open() as file:  # it has ended meanwhile, or is not ours
            if not _is_free(file):
                yield path.name.removeprefix("process-"), int(file.read() or 0)


class Metrics:
    """Counts in a Process, once it is open."""

    def __init__(self) -> None:
        self._process: Process | None = None

    def open(self, settings: Settings) -> None:
        """Count in the data folder of the settings from the first thing to count on."""
        if self._process is not None:
            self._process.close()
        self._process = Process(settings)

    def close(self) -> None:
        """Write what was counted in the last second."""
        self.process.close()

    @property
    def process(self) -> Process:
        """The Process that counts."""
        assert self._process is not None, "metrics are not open"
        return self._process

    def request_began(self) -> None:
        """Count a request that is being worked on."""
        self.process.tally().is_busy = True

    def request_ended(self) -> None:
        """Count that it is no longer."""
        self.process.tally().is_busy = False

    def count_answer(self, method: str, route: str | None, status: int, seconds: float, meter: Meter) -> None:
        """Count an answer, how long it took, and what the Meter of its thread says of the database."""
        if self._process is None:  # a server whose app counts nothing
            return
        answers, asked = self._process.tally().answers, (_known(method), route or "none", status)
        numbers = answers.get(asked)
        if numbers is None:
            numbers = answers[asked] = NOTHING.copy()
        numbers[0] += 1
        numbers[1] += seconds
        numbers[2] += meter.seconds
        numbers[3] += meter.statements
        numbers[4 + bisect_left(BUCKETS, seconds)] += 1

    def count_refusal(self, limit: str) -> None:
        """Count a request that a limit, `sign_in` or `actor`, has refused."""
        self._count("limit", limit)

    def count_lookup(self, cache: str, found: bool) -> None:
        """Count what was looked up in a cache, and whether it was there."""
        self._count("cache", cache, "hit" if found else "miss")

    def _count(self, *event: str) -> None:
        events = self.process.tally().events
        events[event] = events.get(event, 0) + 1


metrics = Metrics()
