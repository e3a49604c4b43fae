"""The waits of paced clients, in rounds without and with what may slow them down."""

import argparse
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.soak_load import expect
from benchmarks.tables import markdown_table, percentile

CLIENTS = 2
NOTES = {"fields": {"title": {"type": "string"}}, "access": {"list": ["member"], "read": ["member"]}, "feed": True}


def parse_options(description, seconds):
    """Return the options of the command line: `rounds`, the `seconds` of each, and `postgres`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=seconds)
    parser.add_argument("--postgres", action="store_true")
    return parser.parse_args()


def waits(server, seconds, pause_seconds, groups):
    """Return the sorted durations of the requests of CLIENTS, in ms.

    `groups(caller)` yields lists of (method, path, data, status), without end; each client pauses after a list.
    """
    with ThreadPoolExecutor(CLIENTS) as clients:
        found = clients.map(lambda _: _ask(server.caller(), seconds, pause_seconds, groups), range(CLIENTS))
        return sorted(each for durations in found for each in durations)


def _ask(caller, seconds, pause_seconds, groups):
    requests, durations = groups(caller), []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for method, path, data, status in next(requests):
            began = time.perf_counter()
            expect(caller, method, path, data, status=status)
            durations.append((time.perf_counter() - began) * 1000)
        time.sleep(pause_seconds)
    return durations


def waits_table(measured):
    """Return the lines of a table; `measured` are pairs of a name and what waits() has returned in each round."""
    return markdown_table(["", "p50", "p99", "requests"], [_row(*each) for each in measured])


def _row(name, rounds):
    p50, p99 = (statistics.median(percentile(each, percent) for each in rounds) for percent in (50, 99))
    return [name, f"{p50:.1f} ms", f"{p99:.1f} ms", f"{sum(map(len, rounds)):,}"]
