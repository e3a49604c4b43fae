"""Measure, and write the results: `make bench`, or `python -m benchmarks.comparison --help`.

Each round measures all operations of all servers in turn, so that noise on the machine meets all of them. The medians
of the rounds are compared.
"""

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.comparison import against, results, tables
from benchmarks.comparison.fleet import FLOOR, LARDER, PEERS, SERVERS, start
from benchmarks.comparison.machine import commit, describe
from benchmarks.comparison.operations import BY_NAME
from benchmarks.comparison.wrk import load, require_wrk

DISK = "/var/tmp"  # /tmp may be in memory, where a durable write costs nothing
SUCCESS = (200, 201, 206)  # PostgREST: a page of a list that is counted
IDLE_SECONDS = 10  # at most
SERVERS_HELP = f"some of {', '.join(SERVERS)}; with settings: larder-sqlite:threads=4"
WARM_UP = 20  # requests before the first round


def main():
    """Measure, print and write."""
    arguments = _arguments()
    if arguments.against:
        sys.exit(against.compare(arguments.against))
    require_wrk()
    machine, runs = describe(), {}
    with tempfile.TemporaryDirectory(prefix="larder-bench-", dir=DISK) as folder, ExitStack() as stack:
        folder = Path(folder)
        folder.chmod(0o755)  # Postgres runs as a different user
        servers = {name: stack.enter_context(start(name, folder)) for name in arguments.servers}
        for number in range(arguments.rounds):
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
            _measure_all(servers, arguments, folder, runs)
        measured = results.collect(
            runs, servers, rounds=arguments.rounds, seconds=arguments.seconds, machine=machine, commit=commit()
        )
    print(tables.page(measured))
    if arguments.output:
        results.write(measured, arguments.output)


def _measure_all(servers, arguments, folder, runs):
    """Measure each operation of each server once, and add it to its `runs`."""
    for operation in arguments.only:
        for name, server in servers.items():
            if requests := server.requests(operation):
                known = runs.setdefault((name, operation), [])
                known.append(_measure(server, BY_NAME[operation], requests, arguments, folder, warm=not known))
                print(f"{name:16}{operation:19}{results.line(known[-1])}", file=sys.stderr, flush=True)


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement")
    parser.add_argument("--only", default=",".join(BY_NAME), help="operations, separated by commas: %(default)s")
    parser.add_argument("--servers", default=",".join(FLOOR | LARDER), help=SERVERS_HELP)
    parser.add_argument("--peers", action="store_true", help="add all that are not Larder")
    parser.add_argument("--connections", type=int, help="instead of those of each operation, usually 8")
    parser.add_argument(
        "--against", metavar="COMMIT", help="only compare the CPU time of this checkout with that of a commit"
    )
    parser.add_argument(
        "--output", type=Path, help="folder for results: benchmarks/results if everything is measured, else none"
    )
    arguments = parser.parse_args()
    if (arguments.only, arguments.servers) == (parser.get_default("only"), parser.get_default("servers")):
        arguments.output = arguments.output or results.FOLDER
    arguments.only, arguments.servers = arguments.only.split(","), arguments.servers.split(",")
    arguments.servers += [name for name in PEERS if arguments.peers and name not in arguments.servers]
    kinds = [name.partition(":")[0] for name in arguments.servers]
    for given, known in ((arguments.only, BY_NAME), (kinds, SERVERS)):
        if unknown := [name for name in given if name not in known]:
            parser.error(f"unknown: {', '.join(unknown)}. There are: {', '.join(known)}")
    return arguments


def _measure(server, operation, requests, arguments, folder, *, warm):
    """Load a server for some seconds; return the rates, times, errors and costs as a dict."""
    for request in requests[:WARM_UP] if warm else requests[:1]:
        _prove(server, operation, request)
    before = server.cpu_seconds()
    connections = arguments.connections or operation.connections
    done = load(server.port, requests, connections, arguments.seconds * operation.longer, folder)
    cpu, count = server.cpu_seconds() - before, max(done["requests"], 1)
    _wait_until_idle(server)  # what wrk has left unfinished must not disturb the next one
    return {
        "requests_per_second": done["requests"] / done["seconds"],
        "p50_ms": done["p50_ms"],
        "p99_ms": done["p99_ms"],
        "errors": done["statuses"] + done["failures"],
        "cpu_us": cpu / count * 1e6,
        "rss_mb": server.resident_bytes() / 1e6,
    }


def _wait_until_idle(server):
    deadline, before = time.monotonic() + IDLE_SECONDS, -1
    while before < (before := server.cpu_seconds()) and time.monotonic() < deadline:
        time.sleep(0.1)


def _prove(server, operation, request):
    """Raise RuntimeError if the response is not what was asked for."""
    status, body = request.send(server.port)
    is_whole = operation.proof is None or body.decode().count(operation.proof) == operation.times
    if status not in SUCCESS or not is_whole:
        raise RuntimeError(f"{server.title}: {operation.name}: {status} {body[:1000]}")


if __name__ == "__main__":
    main()
