"""How requests grow with a table: `python -m benchmarks.growth`, or `make bench-growth`.

For each size a database is filled, and a member sends each request `--rounds` times, one after the other, in this
process: through the whole app, without a socket. The table in `benchmarks/results/growth.md` has the milliseconds
within which the quickest quarter of them ends, because the others depend on the load of the machine, and the ratio of
the largest size to the smallest; then the plans of the statements that grow. With `--postgres` it runs on a Postgres
server that it starts.
"""

import argparse
import contextlib
import statistics
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

from backend import create_app
from backend.config.settings import Settings
from backend.models.database import database
from backend.services import documents
from backend.services.access.actors import SYSTEM, Actor
from backend.services.accounts import users
from backend.services.accounts.passwords import hashing
from backend.services.definitions.catalog import Catalogs
from backend.services.operation import migrations
from backend.services.records import records
from backend.services.records.list_query import ListQuery
from benchmarks.growth_cases import CASES, SORTS, Case
from benchmarks.growth_data import CATEGORIES, RESOURCES, fill
from tests.parts.postgres import running_postgres

PASSWORD = "correct horse battery"
RESULTS = Path(__file__).parent / "results" / "growth.md"
GROWS = 2.5  # times: from here on the plan is shown
MOST_SECONDS = 4.0  # for all rounds of one request
WRITER_SECONDS = 3.0
CHEAP = {"argon2_time_cost": 1, "argon2_memory_kib": 8, "rate_limit": "off", "log_level": "ERROR"}
CHEAP |= {"query_timeout_seconds": 600.0, "sqlite_synchronous": "off"}


class Person:
    """A user who sends requests to the app."""

    def __init__(self, app, name):
        self._client = app.test_client()
        credentials = {"email": f"{name}@example.com", "password": PASSWORD}
        answer = self._client.post("/api/v1/auth/login", json=credentials)
        self._headers = {"Authorization": f"Bearer {answer.json['data']['access_token']}"}

    def send(self, method, path, body=None):
        """Send a request below the base path; return the data and the meta of the answer."""
        answer = self._client.open(f"/api/v1{path}", method=method, headers=self._headers, json=body)
        if answer.status_code not in (200, 201):
            raise RuntimeError(f"{method} {path} is answered {answer.status_code}: {answer.text[:300]}")
        return answer


def main():
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", type=int, nargs="*", default=[10_000, 100_000, 1_000_000], help="numbers of records")
    parser.add_argument("--postgres", action="store_true", help="measure on Postgres, not on SQLite")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--only", default="", help="only the requests with this in their name")
    parser.add_argument("--keep", type=Path, help="a folder for the databases, which are filled only once")
    arguments = parser.parse_args()
    results, plans = {}, {}
    for size in arguments.sizes:
        with _database(arguments, size) as (settings, is_new):
            if is_new:
                fill_database(settings, size)
            results[size], plans[size] = _measure(settings, size, arguments)
            database.close_all()
    text = _page(results, plans[max(results)])
    print(text)
    if not arguments.only:
        _write(text, "Postgres" if arguments.postgres else "SQLite")


@contextlib.contextmanager
def _database(arguments, size):
    """Yield the settings of the database of a size, and whether it is empty."""
    with contextlib.ExitStack() as stack:
        folder = arguments.keep and arguments.keep / str(size)
        folder = folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        url, is_new = f"sqlite:///{folder}/larder.db", not (folder / "larder.db").exists()
        if arguments.postgres:
            # As a server with 2 GB of memory might be set.
            server = stack.enter_context(running_postgres(["shared_buffers=512MB", "work_mem=16MB"]))
            url, is_new = server.url, True
        yield Settings(data_dir=folder, database_url=url, secret_key="k" * 50, **CHEAP), is_new


def fill_database(settings, size):
    """Create the tables, the people `owner`, `other` and `editor`, and so many items in an empty database."""
    began = time.perf_counter()
    database.open(settings)
    hashing.open(settings)
    migrations.upgrade()
    with database.connection_context():
        people = {}
        for name, roles in (("owner", ["member"]), ("other", ["member"]), ("editor", ["member", "editor"])):
            made = users.create_user(SYSTEM, email=f"{name}@example.com", password=PASSWORD, name=name, roles=roles)
            people[name] = made.id
        documents.apply_document(SYSTEM, {"resources": RESOURCES})
    editor = Person(create_app(settings), "editor")
    made = [editor.send("POST", "/categories", {"name": f"Category {i}"}) for i in range(CATEGORIES)]
    with database.connection_context():
        fill(size, people["owner"], people["other"], [each.json["data"]["id"] for each in made])
    database.close_all()
    print(f"{size:,} records made in {time.perf_counter() - began:.0f} s", flush=True)


def _measure(settings, size, arguments):
    """Return {name: ms} and {name: plans} of all requests."""
    app = create_app(settings)
    people = {name: Person(app, name) for name in ("owner", "editor")}
    quick, plans = {}, {}
    cases = [*CASES, *_cursor_cases(settings, people, size)]
    known = _known(people["editor"])
    for case in cases:
        if arguments.only in case.name:
            path = case.path.format(**known)
            call = partial(_send, people[case.who], case, path)
            quick[case.name], plans[case.name] = _quick_quarter(call, arguments.rounds), _plans(call)
            print(f"{size:>9,} {quick[case.name]:9.2f} ms  {case.name}", flush=True)
    if not arguments.only:
        quick |= _beside_a_writer(people)
    return quick, plans


def _send(person, case, path):
    person.send(case.method, path, case.body())


def _known(person):
    category = person.send("GET", "/categories?per_page=1").json["data"][0]["id"]
    item = person.send("GET", "/items?per_page=1&page=5000&count=false").json["data"][0]
    return {"category": category, "item": item["id"], "code": item["code"].replace(" ", "%20")}


def _cursor_cases(settings, people, size):
    """Return the Cases of pages by cursor behind nine tenths of the rows that each list has."""
    category = people["editor"].send("GET", "/categories?per_page=1").json["data"][0]["id"]
    ids = {name: person.send("GET", "/auth/me").json["data"]["id"] for name, person in people.items()}
    items, cases = Catalogs([settings.secret_key]).newest["items"], []
    with database.connection_context():
        for who, filters, sort, share in SORTS:
            filters = {name: category if value == "{category}" else value for name, value in filters.items()}
            roles = frozenset({"member", "editor"} if who == "editor" else {"member"})
            order = tuple((term.removeprefix("-"), term.startswith("-")) for term in sort.split(",")) if sort else ()
            asked = tuple((name, "eq", value) for name, value in filters.items())
            query = ListQuery(filters=asked, sort=order, page=int(size * share * 0.9), per_page=1, count=False)
            cursor = records.list_records(Actor(ids[who], roles=roles), items, query).next_cursor
            parts = [f"{name}={value}" for name, value in filters.items()] + ([f"sort={sort}"] if sort else [])
            named = "&".join(list(filters) + ([f"sort={sort}"] if sort else []))
            whose = "owner's rows, " if who == "owner" else ""
            path = f"/items?count=false&{'&'.join(parts)}&cursor={cursor}"
            cases.append(Case(f"{whose}cursor: {named or 'by id'}", path, who))
    return cases


def _quick_quarter(call, rounds):
    """Return the milliseconds that a quarter of up to `rounds` calls are within; the first is not counted.

    On SQLite the work is that of this process, so its CPU time is measured: that depends less on the machine's load.
    """
    clock = time.process_time if database.name == "sqlite" else time.perf_counter
    call()
    times, began = [], time.perf_counter()
    while len(times) < rounds and (len(times) < 3 or time.perf_counter() - began < MOST_SECONDS):
        start = clock()
        call()
        times.append((clock() - start) * 1000)
    return statistics.quantiles(times, n=4)[0]


def _plans(call):
    """Return the statements on records that a call runs, each with its plan."""
    kept, kind = [], type(database.obj)
    fetch_all = kind.fetch_all

    def keep_and_fetch(self, sql, params, *options):
        kept.append((sql, params))
        return fetch_all(self, sql, params, *options)

    kind.fetch_all = keep_and_fetch
    try:
        call()
    finally:
        kind.fetch_all = fetch_all
    with database.connection_context():
        return [(sql, _explain(sql, params)) for sql, params in kept if 'FROM "items"' in sql]


def _explain(sql, params):
    if database.name == "postgres":
        return [line for (line,) in database.execute_sql(f"EXPLAIN {sql}", params).fetchall()]
    return [row[3] for row in database.execute_sql(f"EXPLAIN QUERY PLAN {sql}", params).fetchall()]


def _beside_a_writer(people):
    """Return the median and the 99th percentile of a page, and the rate of a thread that writes meanwhile."""
    stop, written, times = threading.Event(), [], []

    def write():
        while not stop.is_set():
            people["owner"].send("POST", "/items", CASES[1].body())
            written.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    began = time.perf_counter()
    while time.perf_counter() - began < WRITER_SECONDS:
        start = time.perf_counter()
        people["editor"].send("GET", "/items?sort=-created&count=false")
        times.append((time.perf_counter() - start) * 1000)
    stop.set()
    writer.join()
    name = "beside a writer: sort=-created"
    return {name: statistics.median(times), f"{name}, p99": statistics.quantiles(times, n=100)[98]}


def _page(results, plans):
    """Return the Markdown of the table and of the plans of what grows."""
    sizes = list(results)
    lines = [
        f"| ms | {' | '.join(f'{size:,}' for size in sizes)} | ratio |",
        f"|---{'|---:' * len(sizes)}|---:|",
    ]
    growing = []
    for name in results[sizes[0]]:
        values = [results[size][name] for size in sizes]
        ratio = values[-1] / values[0]
        lines.append(f"| {name} | {' | '.join(f'{value:.2f}' for value in values)} | {ratio:.2f} |")
        growing += [name] * (ratio > GROWS)
    lines += ["", "Plans of the requests that grow:", ""]
    for name in growing:
        for _, plan in plans.get(name, ()):
            lines += [f"- {name}", "  ```", *(f"  {line}" for line in plan), "  ```"]
    return "\n".join(lines) + "\n"


def _write(text, title):
    """Replace the section of this database in the results."""
    RESULTS.parent.mkdir(exist_ok=True)
    sections = RESULTS.read_text().split("\n## ")[1:] if RESULTS.exists() else []
    kept = {section.split("\n", 1)[0]: section.split("\n", 1)[1] for section in sections} | {title: f"\n{text}"}
    body = "".join(f"\n## {name}\n{kept[name].rstrip()}\n" for name in sorted(kept, reverse=True))
    RESULTS.write_text(f"# How requests grow\n\nMade by `make bench-growth`.\n{body}")


if __name__ == "__main__":
    main()
