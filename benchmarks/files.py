"""How fast files are imported and exported: `python -m benchmarks.files`, or `make bench-files`.

A server takes CSV in one request after the other, until it holds `--rows` records: of `places`, which have six fields,
and of `tasks`, which have a unique code, a reference, two searched texts and three indexes. The reference for SQLite,
run beside it, is the driver alone: it inserts the same rows into tables with the same indexes and the same full-text
index. Then a client has all records exported, and throws them away, while the server's resident memory is watched.

Speeds are by CPU time, so that other work on the machine changes them little; those by the clock follow in brackets.
With `--postgres URL` (of an empty database) it runs there, without the reference and without the server's CPU time.
"""

import argparse
import csv
import io
import os
import random
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import cysqlite

from tests.parts.server import WITHOUT_LIMITS, Caller, doomed_server

EMAIL, PASSWORD = "admin@example.com", "correct horse battery"
ROWS_AT_ONCE = 50_000
CATEGORIES = 100
WORDS = ["lorem", "ipsum", "dolor", "amet", "consectetur", "adipiscing", "elit", "sed", "eiusmod", "tempor", "magna"]
PLACES = {
    "name": {"type": "string", "required": True},
    "population": {"type": "integer", "min": 0},
    "latitude": {"type": "number"},
    "price": {"type": "decimal"},
    "active": {"type": "boolean"},
    "seen": {"type": "date"},
}
TASKS = {
    "code": {"type": "string", "required": True, "unique": True},
    "title": {"type": "string", "required": True},
    "body": {"type": "text"},
    "rank": {"type": "integer", "min": 0},
    "price": {"type": "decimal"},
    "due": {"type": "datetime"},
    "done": {"type": "boolean"},
    "state": {"type": "enum", "choices": ["open", "doing", "done"]},
    "category": {"type": "reference", "to": "categories"},
}
RESOURCES = (
    {"name": "categories", "fields": {"code": {"type": "string", "unique": True}}},
    {"name": "places", "fields": PLACES},
    {
        "name": "tasks",
        "fields": TASKS,
        "search": ["title", "body"],
        "indexes": [["rank"], ["due"], ["state", "rank"]],
    },
)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--postgres", metavar="URL")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = WITHOUT_LIMITS | {"admin_email": EMAIL, "admin_password": PASSWORD, "log_level": "WARNING"}
        settings |= {"database_url": options.postgres} if options.postgres else {}
        with doomed_server(Path(folder), **settings) as (address, process), Caller(address) as admin:
            admin.sign_in(EMAIL, PASSWORD)
            for resource in RESOURCES:
                admin.call("POST", "/resources", resource)
            _import(address, admin.token, "categories", _file(["code"], ([f"c{i}"] for i in range(CATEGORIES))))
            database = None if options.postgres else Path(folder) / "larder.db"
            for name, file in (("places", _places), ("tasks", _tasks)):
                _measure_imports(address, admin.token, process.pid, name, file, options.rows, database)
                for form in ("ndjson", "csv"):
                    _export(address, admin.token, process.pid, name, form)


def _measure_imports(address, token, pid, name, file, rows, database):
    for start in range(0, rows, ROWS_AT_ONCE):
        numbers = range(start, min(start + ROWS_AT_ONCE, rows))
        text, cpu, began = file(numbers), _cpu_seconds(pid), time.perf_counter()
        _import(address, token, name, text)
        clock, cpu = time.perf_counter() - began, _cpu_seconds(pid) - cpu
        line = f"import of {name}: {len(numbers) / cpu:8,.0f} rows per CPU second ({len(numbers) / clock:,.0f})"
        if database:
            least = _insert(database, name, len(numbers))
            line += f"; the driver alone: {len(numbers) / least:8,.0f}, so {cpu / least:.2f} times its time"
        print(line, flush=True)


def _places(numbers):
    return _file(PLACES, ([f"Place {i}", i, i / 7, f"{i % 1000}.50", "true", "2026-01-31"] for i in numbers))


def _tasks(numbers):
    chosen = random.Random(numbers.start)
    return _file(
        [*TASKS][:-1] + ["category_code"],
        (
            [
                f"C{i:08}",
                f"Task {i} {chosen.choice(WORDS)}",
                " ".join(chosen.choices(WORDS, k=20)),
                i % 1000,
                f"{i % 1000}.50",
                f"2026-{1 + i % 12:02}-{1 + i % 28:02}T12:00:{i % 60:02}Z",
                "true" if i % 2 else "false",
                TASKS["state"]["choices"][i % 3],
                f"c{i % CATEGORIES}",
            ]
            for i in numbers
        ),
    )


def _file(names, rows):
    out = io.StringIO(newline="")
    csv.writer(out).writerows([names, *rows])
    return out.getvalue().encode()


def _request(address, token, path, body=None):
    headers = {"Authorization": f"Bearer {token}"} | ({"Content-Type": "text/csv"} if body else {})
    return urllib.request.urlopen(urllib.request.Request(f"http://{address}/api/v1{path}", body, headers))


def _import(address, token, name, text):
    with _request(address, token, f"/{name}/import", text) as answer:
        answer.read()


def _insert(database, name, count):
    """Return the CPU seconds in which the driver inserts the latest `count` rows of a table again, in one transaction.

    They go into tables with the same indexes and triggers, which have the rows before them.
    """
    with tempfile.TemporaryDirectory() as folder, cysqlite.connect(str(database)) as source:
        copy = str(Path(folder) / "copy.db")
        source.execute("VACUUM INTO ?", (copy,))
        with cysqlite.connect(copy) as connection:
            words = [
                table
                for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
                if table.startswith(f"larder_words_{name}_")
            ]
            latest = f"(SELECT id FROM {name} ORDER BY id DESC LIMIT {count})"
            rows = connection.execute(f"SELECT * FROM {name} WHERE id IN {latest} ORDER BY id").fetchall()
            texts = {w: connection.execute(f"SELECT * FROM {w} WHERE id IN {latest}").fetchall() for w in words}
            for table in (*words, name):
                connection.execute(f"DELETE FROM {table} WHERE id IN {latest}")
            began = time.process_time()
            connection.begin()
            for table, values in ((name, rows), *texts.items()):
                _insert_together(connection, table, values)
            connection.commit()
            return time.process_time() - began


def _insert_together(connection, table, rows):
    for start in range(0, len(rows), 200):
        some = rows[start : start + 200]
        places = f"({', '.join('?' * len(some[0]))})"
        values = [value for row in some for value in row]
        connection.execute(f"INSERT INTO {table} VALUES {', '.join([places] * len(some))}", values)


def _export(address, token, pid, name, form):
    before, most, done = _resident(pid), [0], threading.Event()

    def watch():
        while not done.wait(0.05):
            most[0] = max(most[0], _resident(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    cpu, began, size = _cpu_seconds(pid), time.perf_counter(), 0
    with _request(address, token, f"/{name}/export?format={form}") as answer:
        while chunk := answer.read(1 << 16):
            size += len(chunk)
    clock, cpu = time.perf_counter() - began, _cpu_seconds(pid) - cpu
    done.set()
    watcher.join()
    speed, grown = size / 1e6 / cpu, (most[0] - before) / 1024
    print(
        f"export of {name} as {form}: {size / 1e6:,.0f} MB, {speed:.0f} MB per CPU second ({size / 1e6 / clock:.0f});"
    )
    print(f"  the server's memory grew by {grown:.1f} MB", flush=True)


def _cpu_seconds(pid):
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(pid):
    """Return the kilobytes of memory that a process has."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


if __name__ == "__main__":
    main()
