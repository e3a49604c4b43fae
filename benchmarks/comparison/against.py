"""Compare this checkout with another commit by the CPU time of its requests, in process and on SQLite.

Both take turns, batch by batch, so that noise on the machine meets both. Wall-clock times are not used. An operation
fails only if it costs more than LIMIT times as much, and again when it is measured once more.
"""

import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.comparison.larder import SETTINGS
from tests.parts.server import ROOT, environment

LIMIT = 1.25
BATCHES, REQUESTS = 30, 25
WARM_UP = 100
WORKER = Path(__file__).with_name("in_process.py")


def compare(name):
    """Print the ratios of this checkout to the commit of this name. Return 1 if one is too large, else 0."""
    if not (commit := find_commit(name)):
        print(f"There is no commit {name} here, for example because the clone is shallow: nothing is compared.")
        return 0
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        older = Path(folder) / "older"
        check_out(commit, older)
        try:
            then = stack.enter_context(worker(older, Path(folder) / "then"))
            for operation in then.operations:
                then.microseconds(operation, 1)
        except RuntimeError as error:
            print(f"The code of {commit} cannot run with what is installed now: nothing is compared.\n{error}")
            return 0
        now = stack.enter_context(worker(ROOT, Path(folder) / "now"))
        slower = _measure(now, then, [name for name in now.operations if name in then.operations], BATCHES)
        if slower:
            print("measured again:")
            slower = _measure(now, then, slower, 2 * BATCHES)
    if slower:
        print(f"More than {LIMIT} times the CPU time of {commit}: {', '.join(slower)}")
    return 1 if slower else 0


def find_commit(name):
    """Return the short hash of the commit of a name; an empty text if there is none."""
    done = subprocess.run(
        ["git", "-C", ROOT, "rev-parse", "--verify", "--quiet", "--short", f"{name}^{{commit}}"],
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def check_out(commit, folder):
    """Write the files of a commit into a new folder."""
    folder.mkdir()
    archive = subprocess.run(["git", "-C", ROOT, "archive", commit], check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", folder], check=True, input=archive)


class Worker:
    """A process that sends requests to the code of one checkout."""

    def __init__(self, process, log):
        self._process, self._log = process, log
        self.operations = self._read().split()

    def microseconds(self, operation, requests):
        """Return the time of one request, of as many. Raises RuntimeError if a request fails."""
        self._process.stdin.write(f"{operation} {requests}\n")
        self._process.stdin.flush()
        return float(self._read())

    def _read(self):
        if line := self._process.stdout.readline():
            return line
        raise RuntimeError(self._log.read_text()[-2000:])


@contextmanager
def worker(checkout, folder, clock="process_time", **settings):
    """Yield the Worker of a checkout, with its data in a new folder, whose times are those of a clock of `time`."""
    folder.mkdir()
    log = folder / "log"
    variables = environment(SETTINGS | {"data_dir": folder} | settings)
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", WORKER, checkout, clock],
            cwd=folder,  # without a `.env`
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        yield Worker(process, log)


def _measure(now, then, operations, batches):
    """Print a line for each operation; return those that cost too much."""
    slower = []
    for operation in operations:
        for one in (now, then):
            one.microseconds(operation, WARM_UP)
        pairs = [
            # Who comes first changes, too.
            (now.microseconds(operation, REQUESTS), then.microseconds(operation, REQUESTS))
            if number % 2
            else (then.microseconds(operation, REQUESTS), now.microseconds(operation, REQUESTS))[::-1]
            for number in range(batches)
        ]
        ratio = statistics.median(new / old for new, old in pairs)
        new, old = (statistics.median(times) for times in zip(*pairs, strict=True))
        print(f"{operation:10} {old:7.0f} us -> {new:7.0f} us of CPU: {ratio:.2f}", flush=True)
        slower += [operation] if ratio > LIMIT else []
    return slower
