"""Measure, and write the results: `make bench`, or `python -m benchmarks.comparison --help`.

Each round measures all operations of all servers in turn, so that noise on the machine meets all of them. The medians
of the rounds are compared.
"""

import argparse
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.comparison import results
from benchmarks.comparison.fleet import SERVERS, start
from benchmarks.comparison.operations import BY_NAME
from benchmarks.comparison.wrk import load, require_wrk

DISK = "/var/tmp"  # /tmp may be in memory, where a durable write costs nothing
WARM_UP = 20  # requests before the first round


def main():
    """Measure, print and write."""
    arguments = _arguments()
    require_wrk()
    measured = {}
    with tempfile.TemporaryDirectory(prefix="larder-bench-", dir=DISK) as folder, ExitStack() as stack:
        folder = Path(folder)
        folder.chmod(0o755)  # Postgres runs as a different user
        servers = {name: stack.enter_context(start(name, folder)) for name in arguments.servers}
        for _ in range(arguments.rounds):
            for operation in arguments.only:
                for name, server in servers.items():
                    requests = server.requests(operation)
                    if not requests:
                        continue
                    runs = measured.setdefault((name, operation), [])
                    runs.append(_measure(server, BY_NAME[operation], requests, arguments, folder, warm=not runs))
                    print(f"{name:18}{operation:20}{results.line(runs[-1])}", file=sys.stderr, flush=True)
        medians = {key: _medians(runs) for key, runs in measured.items()}
        results.write(medians, servers, arguments)


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement")
    parser.add_argument("--only", default=",".join(BY_NAME), help="operations, separated by commas: %(default)s")
    parser.add_argument("--servers", default="wsgi,flask,larder-sqlite", help=f"some of {','.join(SERVERS)}")
    parser.add_argument("--connections", type=int, help="instead of 8, or 32 of the mixed load")
    parser.add_argument("--output", type=Path, help="folder for results; without it, they are only printed")
    arguments = parser.parse_args()
    arguments.only, arguments.servers = arguments.only.split(","), arguments.servers.split(",")
    for given, known in ((arguments.only, BY_NAME), (arguments.servers, SERVERS)):
        if unknown := [name for name in given if name not in known]:
            parser.error(f"unknown: {', '.join(unknown)}. There are: {', '.join(known)}")
    return arguments


def _measure(server, operation, requests, arguments, folder, *, warm):
    """Load a server for some seconds; return the rates, times, errors and costs as a dict."""
    for request in requests[:WARM_UP] if warm else requests[:1]:
        _prove(server, operation, request)
    before = server.cpu_seconds()
    connections = arguments.connections or operation.connections
    done = load(server.port, requests, connections, arguments.seconds, folder)
    cpu, count = server.cpu_seconds() - before, max(done["requests"], 1)
    return {
        "requests_per_second": done["requests"] / done["seconds"],
        "p50_ms": done["p50_ms"],
        "p99_ms": done["p99_ms"],
        "errors": done["statuses"] + done["failures"],
        "cpu_us": cpu / count * 1e6,
        "rss_mb": server.resident_bytes() / 1e6,
    }


def _prove(server, operation, request):
    """Raise RuntimeError if the response is not what was asked for."""
    status, body = request.send(server.port)
    is_whole = operation.proof is None or body.decode().count(operation.proof) == operation.times
    if status not in (200, 201) or not is_whole:
        raise RuntimeError(f"{server.title}: {operation.name}: {status} {body[:1000]}")


def _medians(runs):
    medians = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    return medians | {"errors": sum(run["errors"] for run in runs), "rounds": len(runs)}


if __name__ == "__main__":
    main()
