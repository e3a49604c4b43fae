"""What many resources cost: `python -m benchmarks.many_resources`, with `--postgres` on Postgres.

For 1, 10, 100 and 300 resources of twelve fields, two of three with a reference: how long a server takes from its start
to its first answer, its memory after the start, after a read of every resource, and after the OpenAPI document of all;
the CPU time of the first document, and of the one after a field was added; how soon a second process knows the new
field; and how long reads of other resources take in both processes while fields are added. Each read must succeed. The
section "Resources" of `benchmarks/results/scale.md` is written anew.
"""

import argparse
import statistics
import tempfile
import threading
import time
from contextlib import contextmanager

from benchmarks.processes import database, running
from benchmarks.soak_load import declare, expect
from benchmarks.tables import markdown_table, percentile, replace_section

TYPES = ("string", "string", "string", "integer", "integer", "number", "decimal", "date", "datetime", "boolean", "text")
PUBLIC = {"list": ["public"], "read": ["public"]}
CHANGES = 5
COLUMNS = {
    "resources": "{:d}",
    "start until the first answer": "{:.1f} s",
    "CPU of it": "{:.1f} s",
    "MiB after the start": "{:.0f}",
    "after a read of each": "{:.0f}",
    "CPU of a first read": "{:.0f} ms",
    "after the document": "{:.0f}",
    "document": "{:.1f} MiB",
    "CPU of it, first": "{:.1f} s",
    "after a change": "{:.2f} s",
    "new field known elsewhere after": "{:.0f} ms",
    "reads meanwhile, p50": "{:.0f} ms",
    "p99": "{:.0f} ms",
    "errors": "{:d}",
}


def main():
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resources", type=int, nargs="+", default=[1, 10, 100, 300])
    parser.add_argument("--postgres", action="store_true")
    options = parser.parse_args()
    rows = []
    for count in options.resources:
        rows.append(_measure(count, postgres=options.postgres))
        print(dict(zip(COLUMNS, rows[-1], strict=True)), flush=True)
    cells = [[form.format(value) for form, value in zip(COLUMNS.values(), row, strict=True)] for row in rows]
    kind = "Postgres" if options.postgres else "SQLite"
    replace_section(f"Resources, {kind}", markdown_table(COLUMNS, cells))


def definition(number, more=()):
    """Return the definition of a resource of twelve fields; in threes, each refers to the one before."""
    fields = {f"f{i}": {"type": kind} for i, kind in enumerate(TYPES)} | dict(more)
    last = {"type": "reference", "to": f"r{number - 1}"} if number % 3 else {"type": "string"}
    return {"fields": fields | {"last": last}, "access": PUBLIC}


def _measure(count, *, postgres):
    with tempfile.TemporaryDirectory() as folder, database(folder, postgres=postgres) as url:
        settings = {"database_url": url, "log_level": "WARNING", "jobs": "off"}
        with running(folder, 1, **settings) as (server,), server.caller() as caller:
            for number in range(count):
                declare(caller, f"r{number}", definition(number))
        began = time.monotonic()
        with running(folder, 1, **settings) as (server,):
            start = [time.monotonic() - began, server.cpu_seconds]
        with running(folder, 2, shared=False, **settings) as servers:
            return [count, *start, *_in_use(servers, count)]


def _in_use(servers, count):
    first, second = servers
    idle = first.rss_mb
    with first.caller() as caller, second.caller() as other:
        for reader, server in ((other, second), (caller, first)):
            used = server.cpu_seconds
            for number in range(count):
                expect(reader, "GET", f"/r{number}")
        touch = (first.cpu_seconds - used) / count * 1000
        touched = first.rss_mb
        size, document = _document(caller, first)
        for each in (caller, other):
            each.connection.close()  # the server may have closed it meanwhile, because it was idle
        with _readers(servers, count) as (times, errors):
            known = [_change(caller, other, number) for number in range(CHANGES)]
        _, again = _document(caller, first)
    reads = sorted(times) or [0.0]
    meanwhile = [statistics.median(reads) * 1000, percentile(reads, 99) * 1000, len(errors)]
    memory = [idle, touched, touch, first.rss_mb, size]
    return [*memory, document, again, statistics.median(known) * 1000, *meanwhile]


def _document(caller, server):
    """Return the size of the OpenAPI document in MiB, and the CPU time in which the server makes it."""
    before = server.cpu_seconds
    caller.connection.request("GET", "/openapi.json", headers={"Authorization": f"Bearer {caller.token}"})
    size = len(caller.connection.getresponse().read())
    return size / 2**20, server.cpu_seconds - before


def _change(caller, other, number):
    """Add a field to r0 through one process; return the seconds until the other one knows it."""
    more = {f"more{i}": {"type": "string"} for i in range(number + 1)}
    expect(caller, "PUT", "/resources/r0", {"name": "r0", **definition(0, more)})
    began = time.monotonic()
    while other.call("GET", f"/r0?more{number}=x")[0] != 200:
        time.sleep(0.001)
    return time.monotonic() - began


@contextmanager
def _readers(servers, count):
    """Read other resources in each process during the block; yield the seconds that each read took, and the errors."""
    times, errors, ended = [], [], threading.Event()

    def read(server, offset):
        with server.caller() as caller:
            number = offset
            while not ended.is_set():
                number += 1
                began = time.monotonic()
                status, _ = caller.call("GET", f"/r{number % (count - 1) + 1 if count > 1 else 0}?per_page=5")
                times.append(time.monotonic() - began)
                if status != 200:
                    errors.append(status)

    threads = [threading.Thread(target=read, args=(server, place * 7)) for place, server in enumerate(servers)]
    for thread in threads:
        thread.start()
    try:
        yield times, errors
    finally:
        ended.set()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
