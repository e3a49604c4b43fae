"""What many connections cost, and reads beside a writer: `python -m benchmarks.connections`; needs wrk.

Two processes on one socket answer reads of one record over 1, 8, 32 and 128 connections: requests a second, p50, p99,
errors, memory and open descriptors. Then lists of 20 over 8 connections, without and with a client that writes all the
time. With `--postgres` on Postgres. The section of `benchmarks/results/scale.md` is written anew.
"""

import argparse
import re
import subprocess
import tempfile
import threading
from contextlib import contextmanager

from benchmarks.processes import PASSWORD, database, running
from benchmarks.soak_load import MEMBER, WORDS, expect, prepare
from benchmarks.tables import markdown_table, replace_section
from tests.parts.server import Caller

HEADER = ["", "connections", "requests/s", "p50", "p99", "errors", "MiB of each process", "descriptors"]


def main():
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 32, 128])
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--postgres", action="store_true")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        database(folder, postgres=options.postgres) as url,
        running(folder, database_url=url, log_level="WARNING", jobs="off") as servers,
    ):
        rows = _rows(servers, options)
    kind = "Postgres" if options.postgres else "SQLite"
    replace_section(f"Connections, {kind}", markdown_table(HEADER, rows))


def _rows(servers, options):
    prepare(servers[0], 0)
    with Caller(servers[0].address).sign_in(MEMBER, PASSWORD) as member:
        _, answer = expect(member, "GET", "/notes?per_page=1")
        note = answer["data"][0]["id"]

        def load(title, path, connections):
            return [title, str(connections), *_wrk(servers, path, member.token, connections, options.seconds)]

        rows = [load("one record", f"/notes/{note}", count) for count in options.connections]
        rows.append(load("list of 20", "/notes", 8))
        with _writing(servers[0]) as written:
            rows.append(load("list of 20 beside a writer", "/notes", 8))
        rows[-1][0] += f" of {written[0] / options.seconds:.0f} updates/s"
    return rows


def _wrk(servers, path, token, connections, seconds):
    """Return requests a second, p50, p99, errors, memory and descriptors as texts."""
    command = ["wrk", "--latency", "-t1", f"-c{connections}", f"-d{seconds}s", "-H", f"Authorization: Bearer {token}"]
    process = subprocess.Popen(
        [*command, f"http://{servers[0].address}/api/v1{path}"], stdout=subprocess.PIPE, text=True
    )
    try:
        process.wait(seconds / 2)
    except subprocess.TimeoutExpired:
        descriptors = " + ".join(str(server.descriptors) for server in servers)
    output = process.communicate()[0]
    found = [re.search(rf"{name}\s+(\S+)", output)[1] for name in ("Requests/sec:", "50%", "99%")]
    errors = sum(map(int, re.findall(r"(?:connect|read|write|timeout|responses:) (\d+)", output)))
    return [*found, str(errors), " + ".join(f"{server.rss_mb:.0f}" for server in servers), descriptors]


@contextmanager
def _writing(server):
    """Update notes all the time during the block; yield a list with the number of updates."""
    written, ended = [0], threading.Event()

    def write():
        with Caller(server.address).sign_in(MEMBER, PASSWORD) as caller:
            _, answer = expect(caller, "GET", "/notes?per_page=100")
            ids = [row["id"] for row in answer["data"]]
            while not ended.is_set():
                data = {"title": WORDS[written[0] % len(WORDS)]}
                expect(caller, "PATCH", f"/notes/{ids[written[0] % len(ids)]}", data)
                written[0] += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield written
    finally:
        ended.set()
        thread.join()


if __name__ == "__main__":
    main()
