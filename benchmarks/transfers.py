"""What slow uploads and downloads cost others, and the memory of large ones: `python -m benchmarks.transfers`.

One process answers reads and updates of two clients. In each round this is measured twice, first alone and then beside
40 clients that send a file slowly and 40 that read one slowly. Then files of 50 MB are uploaded and downloaded, four at
a time, while the memory of the process is read; and an export of `--rows` records is sent to a client that stops
reading. With `--postgres` on Postgres. The section of `benchmarks/results/scale.md` is written anew.
"""

import argparse
import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from benchmarks.processes import UNLIMITED, database, running
from benchmarks.soak_load import declare, expect
from benchmarks.tables import markdown_table, percentile, replace_section
from tests.parts.server import ROOT, environment

SLOW = 40  # clients of each kind
SLOW_BYTES_AT_ONCE, SLOW_SECONDS = 1_000, 0.2
LARGE_BYTES, LARGE_FILES, AT_ONCE = 50_000_000, 20, 4
PAPERS = {"fields": {"title": {"type": "string"}, "file": {"type": "file"}}}
LINES = {"fields": {"number": {"type": "integer"}}}
HEADER = ["", "p50", "p99", "requests"]


def main():
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--postgres", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, database(folder, postgres=options.postgres) as url:
        settings = {"database_url": url, "log_level": "WARNING", "jobs": "off", "data_dir": folder}
        with running(folder, 1, files_staged_bytes=LARGE_BYTES * LARGE_FILES * 2, **settings) as (server,):
            admin = server.caller()
            declare(admin, "papers", PAPERS)
            declare(admin, "lines", LINES)
            _import_lines(folder, options.rows, settings)
            rows = [*_waits(server, options), *_wait_beside_export(server, options)]
            lines = [*markdown_table(HEADER, rows), "", *_memory(server)]
    kind = "Postgres" if options.postgres else "SQLite"
    replace_section(f"Uploads and downloads, {kind}", lines)


def _import_lines(folder, count, settings):
    path = Path(folder) / "lines.csv"
    with path.open("w") as file:
        file.write("number\n")
        file.writelines(f"{number}\n" for number in range(count))
    command = [Path(sys.executable).with_name("flask"), "--app", ROOT / "wsgi.py", "records", "import", "lines", path]
    subprocess.run(command, env=environment(UNLIMITED | settings), stdout=subprocess.DEVNULL, check=True)


def _waits(server, options):
    """Return the rows of the waits alone and beside slow clients, as medians of the rounds, and their ratio."""
    path = _attach(server.caller(), os.urandom(LARGE_BYTES))
    alone, beside = [], []
    for _ in range(options.rounds):
        alone.append(_measure(server, options.seconds))
        with _slow_clients(server, path):
            beside.append(_measure(server, options.seconds))
    rows = [_row("alone", alone), _row(f"beside {SLOW} slow uploads and {SLOW} slow downloads", beside)]
    return [*rows, _ratio(alone, beside)]


def _wait_beside_export(server, options):
    """Return the row of the waits beside an export to a client that reads a little and then nothing."""
    with ExitStack() as stack:
        began, answered = time.monotonic(), threading.Event()
        thread = threading.Thread(target=_stop_reading, args=(stack, server, answered))
        thread.start()
        answered.wait(600)
        written = time.monotonic() - began
        beside = [_measure(server, options.seconds)]
        thread.join()
    return [_row(f"while {options.rows:,} exported records, written in {written:.0f} s, are not read", beside)]


def _stop_reading(stack, server, answered):
    connection = _slow_connection(stack, server)
    token = server.caller().token
    connection.sendall(_head("GET", "/lines/export?format=csv", token))
    connection.settimeout(600)
    assert connection.recv(1_000).startswith(b"HTTP/1.1 200")
    answered.set()


def _measure(server, seconds):
    """Return the sorted durations of the requests of two clients, half of them reads and half updates, in ms."""
    with ThreadPoolExecutor(2) as clients:
        found = clients.map(lambda _: _ask(server, seconds), range(2))
    return sorted(each for durations in found for each in durations)


def _ask(server, seconds):
    caller, durations = server.caller(), []
    _, answer = expect(caller, "POST", "/papers", {"title": "0"}, status=201)
    path, end = f"/papers/{answer['data']['id']}", time.monotonic() + seconds
    while time.monotonic() < end:
        for method, data in (("GET", None), ("PATCH", {"title": str(len(durations))})):
            began = time.perf_counter()
            expect(caller, method, path, data)
            durations.append((time.perf_counter() - began) * 1000)
    return durations


def _row(name, rounds):
    p50, p99 = (statistics.median(percentile(each, percent) for each in rounds) for percent in (50, 99))
    return [name, f"{p50:.1f} ms", f"{p99:.1f} ms", f"{sum(map(len, rounds)):,}"]


def _ratio(alone, beside):
    ratios = [
        statistics.median(
            percentile(slow, percent) / percentile(quiet, percent) for quiet, slow in zip(alone, beside, strict=True)
        )
        for percent in (50, 99)
    ]
    return ["ratio, median of the rounds", *(f"{ratio:.2f}" for ratio in ratios), ""]


@contextmanager
def _slow_clients(server, path):
    """Have clients send and read files slowly during the block."""
    token, over = server.caller().token, threading.Event()
    upload = _head("POST", "/files", token, f"Content-Length: {LARGE_BYTES}\r\nContent-Type: application/pdf\r\n")
    with ExitStack() as stack:
        senders = [_slow_connection(stack, server, upload) for _ in range(SLOW)]
        readers = [_slow_connection(stack, server, _head("GET", path, token)) for _ in range(SLOW)]

        def go_on():
            while not over.wait(SLOW_SECONDS):
                for sender in senders:
                    sender.sendall(b"x" * SLOW_BYTES_AT_ONCE)
                for reader in readers:
                    assert reader.recv(SLOW_BYTES_AT_ONCE)

        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _slow_connection(stack, server, head=b""):
    connection = stack.enter_context(socket.socket())
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    host, _, port = server.address.partition(":")
    connection.settimeout(60)
    connection.connect((host, int(port)))
    connection.sendall(head)
    return connection


def _head(method, path, token, more=""):
    return f"{method} /api/v1{path} HTTP/1.1\r\nHost: larder\r\nAuthorization: Bearer {token}\r\n{more}\r\n".encode()


def _attach(caller, content):
    """Upload a file and create a record with it; return the path of the file."""
    _, file = expect(caller, "POST", "/files", content, status=201)
    _, paper = expect(caller, "POST", "/papers", {"file": file["data"]["id"]}, status=201)
    return f"/papers/{paper['data']['id']}/file"


def _memory(server):
    """Return the sentence about the memory of the process while large files go in and out."""
    content, peak, over = os.urandom(LARGE_BYTES), [server.rss_mb], threading.Event()
    before = peak[0]

    def watch():
        while not over.wait(0.05):
            peak[0] = max(peak[0], server.rss_mb)

    thread = threading.Thread(target=watch)
    thread.start()
    with ThreadPoolExecutor(AT_ONCE) as clients:
        paths = list(clients.map(lambda _: _attach(server.caller(), content), range(LARGE_FILES)))
        sizes = list(clients.map(lambda path: _download(server, path), paths))
    over.set()
    thread.join()
    assert sizes == [LARGE_BYTES] * LARGE_FILES
    return [
        f"{LARGE_FILES} files of {LARGE_BYTES // 1_000_000} MB in and out, {AT_ONCE} at a time: the process has "
        f"{before:.0f} MiB before, at most {peak[0]:.0f} MiB meanwhile, and {server.rss_mb:.0f} MiB afterwards."
    ]


def _download(server, path):
    """Return the number of bytes of a file, which are read as fast as possible."""
    connection, size = http.client.HTTPConnection(server.address, timeout=60), 0
    connection.request("GET", f"/api/v1{path}", headers={"Authorization": f"Bearer {server.caller().token}"})
    response = connection.getresponse()
    with suppress(http.client.IncompleteRead):
        while data := response.read(1 << 20):
            size += len(data)
    connection.close()
    return size


if __name__ == "__main__":
    main()
