"""What the feed of changes and the history cost on writes: `make bench-feed` or `python -m benchmarks.feed`.

Sends requests, in process, to sides that take turns batch by batch: to the code of the commit before the feed of
changes existed, and to this code, to a resource with neither, one with a feed and one with a history. First on SQLite,
with the time of the processor; then on a Postgres that it starts, which works, too, so with that of the clock. The
first two sides show whether resources without a feed have become slower. Writes `benchmarks/results/feed.md`.
"""

import argparse
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

import psycopg

from benchmarks.comparison.against import check_out, find_commit, worker
from tests.conftest import with_database
from tests.parts.postgres import running_postgres
from tests.parts.server import ROOT

BEFORE = "1fd029e~1"  # the commit that added the feed of changes, and the one before
RESULTS = Path(__file__).with_name("results") / "feed.md"
POSTGRES = ["synchronous_commit=off"]  # as with `synchronous=normal` on SQLite, no write waits for the disk
OPERATIONS = ("create", "update")
WARM_UP, REQUESTS = 100, 25
SIDES = ("before the feed existed", "with neither", "with a feed", "with a history")
TITLE = """# What the feed of changes and the history cost

Microseconds of a request, without HTTP, with the median of the ratios to a resource with neither: of processor time
on SQLite, of time on Postgres. Writes do not wait for the disk.

| | | {} |
|---|---|---|---|---|---|
"""


def main():
    """Measure both databases, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", default=BEFORE, help=f"the commit to compare with, {BEFORE} by default")
    parser.add_argument("--batches", type=int, default=60, help=f"of {REQUESTS} requests, for each side")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        older = Path(folder) / "older"
        if commit := find_commit(options.before):
            check_out(commit, older)
        checkouts = [older, ROOT] if commit else [ROOT]
        sqlite = [{"sqlite_synchronous": "normal"} for _ in checkouts]
        server = stack.enter_context(running_postgres(POSTGRES))
        postgres = [{"database_url": url} for url in _databases(server, len(checkouts))]
        kinds = (("SQLite", "process_time", sqlite), ("Postgres", "perf_counter", postgres))
        rows = []
        for title, clock, settings in kinds:
            (Path(folder) / title).mkdir()
            with ExitStack() as workers:
                sides = [
                    workers.enter_context(worker(checkout, Path(folder) / title / str(number), clock, **own))
                    for number, (checkout, own) in enumerate(zip(checkouts, settings, strict=True))
                ]
                rows += [[title, operation, *_measure(sides, operation, options.batches)] for operation in OPERATIONS]
    text = TITLE.format(" | ".join(SIDES)) + "".join(f"| {' | '.join(row)} |\n" for row in rows)
    RESULTS.write_text(text)
    print(text)


def _databases(server, count):
    """Return the URLs of so many new databases."""
    names = [f"side{number}" for number in range(count)]
    with psycopg.connect(server.url, autocommit=True) as connection:
        for name in names:
            connection.execute(f"CREATE DATABASE {name}")
    return [with_database(server.url, name) for name in names]


def _measure(workers, operation, batches):
    """Return the cells of an operation; the code before the feed existed is the first of two workers."""
    *older, now = workers
    options = ("", "-feed", "-history")
    sides = [*((each, operation) for each in older), *((now, f"{operation}{option}") for option in options)]
    for one, name in sides:
        one.microseconds(name, WARM_UP)
    times = [[] for _ in sides]
    for number in range(batches):
        for offset in range(len(sides)):
            index = (number + offset) % len(sides)  # each begins in turn
            one, name = sides[index]
            times[index].append(one.microseconds(name, REQUESTS))
    cells = [f"{statistics.median(each):,.0f} ({_ratio(each, times[-len(options)]):.2f})" for each in times]
    return ["", *cells][-len(SIDES) :]


def _ratio(times, others):
    return statistics.median(time / other for time, other in zip(times, others, strict=True))


if __name__ == "__main__":
    main()
