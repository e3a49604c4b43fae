"""How fast files are imported, and what an export of many records costs in memory: `python -m benchmarks.files`.

A server on SQLite takes CSV of six fields in one request after the other, until it holds `--rows` records. The
reference, run beside it, is `executemany` of the same parsed lines into a table of the same columns. Then a client has
all records exported, and throws them away, while the server's resident memory is watched.
"""

import argparse
import csv
import io
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import cysqlite

from tests.parts.server import WITHOUT_LIMITS, Caller, doomed_server

EMAIL, PASSWORD = "admin@example.com", "correct horse battery"
ROWS_AT_ONCE = 100_000
FIELDS = {
    "name": {"type": "string", "required": True},
    "population": {"type": "integer", "min": 0},
    "latitude": {"type": "number"},
    "price": {"type": "decimal"},
    "active": {"type": "boolean"},
    "seen": {"type": "date"},
}


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        settings = WITHOUT_LIMITS | {"admin_email": EMAIL, "admin_password": PASSWORD, "log_level": "WARNING"}
        with doomed_server(Path(folder), **settings) as (address, process), Caller(address) as admin:
            admin.sign_in(EMAIL, PASSWORD)
            admin.call("POST", "/resources", {"name": "places", "fields": FIELDS})
            for start in range(0, rows, ROWS_AT_ONCE):
                text = _lines(start, min(start + ROWS_AT_ONCE, rows))
                seconds = _timed(lambda text=text: _import(address, admin.token, text))
                plain = _timed(lambda text=text: _insert(Path(folder) / "plain.db", text))
                count = min(ROWS_AT_ONCE, rows - start)
                print(f"import: {count / seconds:8,.0f} rows/s; executemany: {count / plain:10,.0f} rows/s", flush=True)
            for form in ("ndjson", "csv"):
                _export(address, admin.token, process.pid, form)


def _lines(start, stop):
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(FIELDS)
    for number in range(start, stop):
        writer.writerow([f"Place {number}", number, number / 7, f"{number % 1000}.50", "true", "2026-01-31"])
    return out.getvalue()


def _timed(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _request(address, token, path, body=None):
    headers = {"Authorization": f"Bearer {token}"} | ({"Content-Type": "text/csv"} if body else {})
    return urllib.request.urlopen(urllib.request.Request(f"http://{address}/api/v1{path}", body, headers))


def _import(address, token, text):
    with _request(address, token, "/places/import", text.encode()) as answer:
        answer.read()


def _insert(path, text):
    connection = cysqlite.connect(str(path))
    connection.execute("CREATE TABLE IF NOT EXISTS places (a TEXT, b INTEGER, c REAL, d INTEGER, e INTEGER, f TEXT)")
    connection.begin()
    lines = csv.reader(io.StringIO(text, newline=""))
    next(lines)
    connection.executemany("INSERT INTO places VALUES (?, ?, ?, ?, ?, ?)", list(lines))
    connection.commit()
    connection.close()


def _export(address, token, pid, form):
    before, most, done = _resident(pid), [0], threading.Event()

    def watch():
        while not done.wait(0.05):
            most[0] = max(most[0], _resident(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    began, size = time.perf_counter(), 0
    with _request(address, token, f"/places/export?format={form}") as answer:
        while chunk := answer.read(1 << 16):
            size += len(chunk)
    seconds = time.perf_counter() - began
    done.set()
    watcher.join()
    grown = (most[0] - before) / 1024
    print(f"export as {form}: {size / 1e6:,.0f} MB in {seconds:.1f} s; the server's memory grew by {grown:.1f} MB")


def _resident(pid):
    """Return the kilobytes of memory that a process has."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


if __name__ == "__main__":
    main()
