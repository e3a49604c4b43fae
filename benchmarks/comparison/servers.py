"""The servers that are compared: what each has in common."""

import socket
import time
from contextlib import contextmanager

from benchmarks.comparison import notes
from benchmarks.comparison.operations import MIX
from benchmarks.comparison.processes import cpu_seconds, resident_bytes

HOST = "127.0.0.1"
PROCESSES = 2
EMAIL, PASSWORD = "member@example.com", "correct horse battery"
START_SECONDS = 60
DRAFTS = 200


class Server:
    """A server that runs: `title`, `port`, the id of a `category`, the ids of its `processes`, and of its `database`.

    A method of the name of an operation returns its requests, which are sent in turn. Without one the server cannot do
    it, and the operation is left out. `remarks` are what a reader must know to compare it.
    """

    title, port, category = "", 0, ""
    versions, remarks = "", ""
    processes, database = (), ()

    def requests(self, operation):
        """Return the requests of an operation; an empty list if the server has none."""
        method = getattr(self, f"do_{operation}", None)
        return method() if method else []

    def _draft(self, number):
        """Return one of DRAFTS new notes, in `category`."""
        return notes.notes(DRAFTS, seed=2)[number] | {"category": self.category}

    def do_mixed(self):
        """Return the requests of MIX, in an order that spreads each operation evenly."""
        if not all(map(self.requests, MIX)):
            return []
        places = [
            ((number + 0.5) / share, request)
            for name, share in MIX.items()
            for number, request in enumerate(_first(self.requests(name), share))
        ]
        return [request for _, request in sorted(places, key=lambda place: place[0])]

    def cpu_seconds(self):
        """Return the CPU time of the server so far, with its database."""
        return cpu_seconds([*self.processes, *self.database])

    def resident_bytes(self):
        """Return the memory of its processes, without that of a Postgres, whose processes share most of it."""
        return resident_bytes(self.processes)


def _first(requests, count):
    return [requests[number % len(requests)] for number in range(count)]


def free_port():
    """Return a port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def wait_until(is_ready, what, log):
    """Wait until the function returns a true value. Raises RuntimeError with the log after START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while not _try(is_ready):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} does not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.1)


def _try(is_ready):
    try:
        return is_ready()
    except OSError:
        return False


@contextmanager
def ended(processes):
    """Stop the processes after the block."""
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(60)
