"""What fields with files cost: `python -m benchmarks.file_fields`.

10,000 places have two photos each, 10,000 others have two texts in their place. Lists and single records are read,
filtered and written; the rounds are interleaved, and the shortest times are compared. The plan of each statement that
reads files follows. With `--postgres URL` (of an empty database) it runs there instead of on SQLite.
"""

import argparse
import tempfile
import time
from itertools import count
from pathlib import Path

from backend.config.settings import Settings
from backend.models.database import database
from backend.models.file import File
from backend.models.user import User
from backend.services import documents
from backend.services.access.actors import SYSTEM, Actor
from backend.services.definitions.catalog import Catalogs
from backend.services.operation import migrations
from backend.services.records import records
from backend.services.records.list_query import ListQuery
from backend.services.storage.statements import Statement
from backend.utils.clock import rfc3339, utcnow
from backend.utils.ids import uuid7

ROWS, AT_ONCE = 10_000, 1_000
NAMES = ("photo", "plan")
ACCESS = {action: ["member"] for action in ("list", "read", "create")}
FIELDS = {kind: {"name": {"type": "string"}} | {name: {"type": kind} for name in NAMES} for kind in ("file", "string")}
DOCUMENT = {
    "resources": {
        "places": {"fields": FIELDS["file"], "access": ACCESS},
        "others": {"fields": FIELDS["string"], "access": ACCESS},
    }
}


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postgres", help="URL of an empty database")
    parser.add_argument("--rounds", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = {"database_url": arguments.postgres} if arguments.postgres else {}
        database.open(Settings(data_dir=Path(folder), query_timeout_seconds=600, **url))
        migrations.upgrade()
        with database.connection_context():
            documents.apply_document(SYSTEM, DOCUMENT)
            catalog = Catalogs(["a key that signs nothing that stays"]).newest
            member, ids = _fill(catalog)
            database.execute_sql("ANALYZE")
            staged = _files([{"uploaded_by": member}] * 2 * (arguments.rounds + 1))
            calls = _calls(catalog, Actor(user_id=member, roles=frozenset({"member"})), ids, iter(staged))
            _compare(calls, arguments.rounds)
            _print_plans(calls)
        database.close_all()


def _fill(catalog):
    """Return the id of a member, and one of a record of each resource."""
    now, member = utcnow(), uuid7()
    names = {"id": member, "email": "a@example.com", "name": "a", "password_hash": "", "active": True, "profile": {}}
    User.insert(names | {"created_at": now, "updated_at": now}).execute()
    ids = {}
    for resource in ("places", "others"):
        ids[resource] = [uuid7() for _ in range(ROWS)]
        places = [{"resource": resource, "record_id": each, "field": name} for each in ids[resource] for name in NAMES]
        values = iter(_files(places) if resource == "places" else [uuid7() for _ in range(2 * ROWS)])
        rows = [{"id": each, "name": "a", "photo": next(values), "plan": next(values)} for each in ids[resource]]
        _insert(catalog[resource], rows, rfc3339(now))
    return member, {resource: found[ROWS // 2] for resource, found in ids.items()}


def _files(rows):
    """Insert a file for each of the rows; return their ids."""
    facts = {"name": "photo.png", "type": "image/png", "bytes": 50_000, "sha256": "0" * 64, "created_at": utcnow()}
    full = [facts | {"id": uuid7()} | row for row in rows]
    with database.atomic():
        for start in range(0, len(full), AT_ONCE):
            File.insert_many(full[start : start + AT_ONCE]).execute()
    return [row["id"] for row in full]


def _insert(resource, rows, now):
    system = {"created_at": now, "updated_at": now, "created_by": None, "version": 1}
    columns = {name: resource.column(name) for name in (*rows[0], *system)}
    with database.atomic():
        for start in range(0, len(rows), AT_ONCE):
            some = rows[start : start + AT_ONCE]
            batch = [{columns[name]: value for name, value in (row | system).items()} for row in some]
            resource.model.insert_many(batch).execute()


def _calls(catalog, actor, ids, staged):
    """Return {what: {resource: call}}."""
    numbers = count()

    def listed(resource, **query):
        return lambda: records.list_records(actor, catalog[resource], ListQuery(count=False, **query))

    def created(resource):
        values = staged if resource == "places" else (f"{number}" for number in numbers)
        return lambda: records.create_record(actor, catalog[resource], {name: next(values) for name in NAMES})

    def both(make, **query):
        return {resource: make(resource, **query) for resource in ("others", "places")}

    typed = {"where": {"photo.bytes": {"gt": 1}}, "fields": ("id",)}
    return {
        "one record": both(lambda resource: lambda: records.get_record(actor, catalog[resource], ids[resource])),
        "list 20": both(listed),
        "list 200": both(listed, per_page=200),
        "list 200, without the fields": both(listed, per_page=200, fields=("id", "name")),
        "ids of 20 by the size of a file": {
            "others": listed("others", fields=("id",)),
            "places": listed("places", **typed),
        },
        "create with both": both(created),
    }


def _compare(calls, rounds):
    print(f"{database.name}: {ROWS:,} records each, the shortest of {rounds} rounds")
    for what, by_resource in calls.items():
        times = {resource: [] for resource in by_resource}
        for _ in range(rounds):
            for resource, call in by_resource.items():
                start = time.perf_counter()
                call()
                times[resource].append(time.perf_counter() - start)
        texts, files = (min(times[resource]) * 1000 for resource in ("others", "places"))
        print(f"  {what:32} texts {texts:7.3f} ms, files {files:7.3f} ms, {files / texts:5.2f}")


def _print_plans(calls):
    """Print the plan of each statement that reads files."""
    run = Statement.run

    def explaining(statement, values):
        if "larder_files" in statement.sql and not statement.sql.startswith("INSERT"):
            explain = "EXPLAIN QUERY PLAN " if database.name == "sqlite" else "EXPLAIN "
            rows = database.execute_sql(explain + statement.sql, statement._bound(values)).fetchall()
            print("", statement.sql, *("   " + " ".join(map(str, row)) for row in rows), sep="\n")
        return run(statement, values)

    Statement.run = explaining
    for what in ("one record", "list 20", "ids of 20 by the size of a file", "create with both"):
        print("", what, sep="\n")
        calls[what]["places"]()


if __name__ == "__main__":
    main()
