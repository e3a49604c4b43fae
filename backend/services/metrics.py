"""Metrics for Prometheus, added up over all processes that share a data folder.

A request is counted in plain numbers of its thread, which costs it two microseconds. Once a second each process writes
its sums into a file, whose number the process which comes after it takes over: so they never fall, and there are no
more files than there were processes at once.
"""

import fcntl
import os
import threading
from bisect import bisect_left
from contextlib import suppress
from itertools import count

import orjson

from backend.models.database import database

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds
SECONDS_BETWEEN_WRITES = 1
# What is kept of the answers to one kind of request: how many, seconds, seconds in the database, statements, and how
# many took up to each of BUCKETS, or longer than all of them.
NOTHING = [0, 0.0, 0.0, 0, *[0] * (len(BUCKETS) + 1)]

_process = None


def open_metrics(settings):
    """Count in the data folder of the settings from the first thing to count on."""
    global _process
    if _process is not None:
        _process.close()
    _process = Process(settings)


def close_metrics():
    """Write what was counted in the last second."""
    _process.close()


def current_process():
    """Return the Process, with a number."""
    _process.open()
    return _process


class Tally:
    """What a thread has counted; `answers` is {(method, route, status): as NOTHING}, `events` {(name, *labels): n}."""

    def __init__(self):
        self.answers, self.events, self.is_busy = {}, {}, False


class Process:
    """What this process counts, and its file."""

    def __init__(self, settings):
        self.settings, self.folder = settings, settings.data_dir / "metrics"
        self._local, self._tallies, self._closed = threading.local(), [], threading.Event()
        self._before, self._file, self._lock = None, None, threading.Lock()

    def tally(self):
        """Return the Tally of this thread."""
        try:
            return self._local.tally
        except AttributeError:
            tally = self._local.tally = Tally()
            self._tallies.append(tally)
            return tally

    def open(self):
        """Take a number, with what its last process had counted, and write from now on."""
        with self._lock:
            if self._file is None:
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._number, self._file = _take_number(self.folder)
                self._before = read_counts(self._path())
                threading.Thread(target=self._keep_writing, name="metrics", daemon=True).start()

    def close(self):
        """Write no more, and let another process have the number."""
        self._closed.set()
        with self._lock:
            if self._file is not None:
                self._write()
                self._file.close()

    def write(self):
        """Write the sums of all threads."""
        with self._lock:
            if not self._closed.is_set():
                self._write()

    def _write(self):
        answers, events = dict(self._before[0]), dict(self._before[1])
        for tally in self._tallies.copy():
            for asked, numbers in tally.answers.copy().items():
                answers[asked] = added(answers.get(asked), numbers)
            for event, number in tally.events.copy().items():
                events[event] = events.get(event, 0) + number
        now = {
            "in_flight": sum(tally.is_busy for tally in self._tallies),
            "connections": len(database.obj._in_use),
        }
        content = {"answers": [*answers.items()], "events": [*events.items()], "now": now}
        partial = self._path().with_suffix(".partial")
        partial.write_bytes(orjson.dumps(content))
        partial.rename(self._path())

    def _path(self):
        return self.folder / f"counts-{self._number}.json"

    def _keep_writing(self):
        while not self._closed.wait(SECONDS_BETWEEN_WRITES):
            with suppress(OSError):  # such as a full disk, which may have room in a second
                self.write()


def _take_number(folder):
    """Return (a number that no other process has, the open file whose lock says so)."""
    for number in count():
        file = (folder / f"process-{number}").open("a+")
        if _is_free(file):
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            return number, file
        file.close()


def _is_free(file):
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read_counts(path):
    """Return (answers, events, what was so at the time) of a file of counts; a crash of the machine may have cut it."""
    try:
        content = orjson.loads(path.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return {}, {}, {}
    answers = {tuple(asked): numbers for asked, numbers in content["answers"]}
    return answers, {tuple(event): number for event, number in content["events"]}, content["now"]


def request_began():
    """Count a request that is being worked on."""
    _process.tally().is_busy = True


def request_ended():
    """Count that it is no more."""
    _process.tally().is_busy = False


def count_answer(method, route, status, seconds, meter):
    """Count an answer, how long it took, and what the Meter of its thread says of the database."""
    answers, asked = _process.tally().answers, (method, route or "none", status)
    numbers = answers.get(asked)
    if numbers is None:
        _process.open()
        numbers = answers[asked] = NOTHING.copy()
    numbers[0] += 1
    numbers[1] += seconds
    numbers[2] += meter.seconds
    numbers[3] += meter.statements
    numbers[4 + bisect_left(BUCKETS, seconds)] += 1


def count_refusal(limit):
    """Count a request that a limit, `sign_in` or `actor`, has refused."""
    _count("limit", limit)


def count_lookup(cache, found):
    """Count what was looked up in a cache, and whether it was there."""
    _count("cache", cache, "hit" if found else "miss")


def _count(*event):
    events = _process.tally().events
    events[event] = events.get(event, 0) + 1


def added(numbers, more):
    """Return the sums of two lists as NOTHING, of which the first may be None."""
    return [x + y for x, y in zip(numbers or NOTHING, more, strict=True)]


def alive_processes(folder):
    """Yield (number, process id) of each process that counts in the folder."""
    for path in folder.glob("process-*"):
        with path.open() as file:
            if not _is_free(file):
                yield path.name.removeprefix("process-"), int(file.read() or 0)
