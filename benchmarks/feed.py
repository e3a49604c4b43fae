"""What the feed of changes and the history cost on writes: `python -m benchmarks.feed`.

Creates, updates and deletes records of resources that differ only in `feed` and `history`, and lists 20 of them. The
rounds are interleaved; the medians are compared with those of the first resource. With `--postgres URL` (of an empty
database) it runs there instead of on SQLite. `plain again` is a second resource without either: how far it is from 1 is
what the measurement cannot tell apart. The times are those of the processor on SQLite; on Postgres, where the server
works, too, those of the clock.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from backend.config.settings import Settings
from backend.models.database import database
from backend.services import documents
from backend.services.access.actors import SYSTEM
from backend.services.accounts.passwords import hashing
from backend.services.definitions.catalog import Catalogs
from backend.services.operation import migrations
from backend.services.records import lists, records
from backend.services.records.change_cursors import changes_cursor
from backend.services.records.list_query import ListQuery

AT_ONCE = 100  # writes of a round
KINDS = {"plain": {}, "plain again": {}, "feed": {"feed": True}, "history": {"history": True}}
FIELDS = {"title": {"type": "string", "required": True}, "number": {"type": "integer", "index": True}}
FIELDS |= {f"text{i}": {"type": "text"} for i in range(6)}
VALUES = {"title": "A title", "number": 5} | {f"text{i}": "Some words of a text. " * 5 for i in range(6)}


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postgres", help="URL of an empty database")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        target = {"database_url": arguments.postgres} if arguments.postgres else {}
        settings = Settings(data_dir=Path(folder), sqlite_synchronous="normal", **target)
        database.open(settings)
        hashing.open(settings)
        migrations.upgrade()
        with database.connection_context():
            resources = {_name(kind): {"fields": FIELDS, **options} for kind, options in KINDS.items()}
            documents.apply_document(SYSTEM, {"resources": resources})
            _compare(Catalogs(["a key that signs nothing that stays"]).newest, arguments.rounds)
        database.close_all()


def _name(kind):
    return kind.replace(" ", "_")


def _compare(catalog, rounds):
    clock = time.process_time if database.name == "sqlite" else time.perf_counter
    calls, times = {"create": _create, "update": _update, "list 20": _list, "delete": _delete}, {}
    for number in range(rounds + 1):
        for kind in [*KINDS][number % len(KINDS) :] + [*KINDS][: number % len(KINDS)]:
            resource, ids = catalog[_name(kind)], []
            for name, call in calls.items():
                begin = clock()
                call(resource, ids)
                if number:  # the first round builds the SQL
                    times.setdefault((name, kind), []).append((clock() - begin) / AT_ONCE * 1e6)
    print(f"{database.name}: µs of a call, and as a multiple of plain")
    for name in calls:
        medians = {kind: statistics.median(times[name, kind]) for kind in KINDS}
        cells = [f"{kind} {median:7.0f} ({median / medians['plain']:.2f})" for kind, median in medians.items()]
        print(f"  {name:8} " + "   ".join(cells))


def _create(resource, ids):
    ids += [records.create_record(SYSTEM, resource, VALUES)[0] for _ in range(AT_ONCE)]


def _update(resource, ids):
    for record_id in ids:
        records.update_record(SYSTEM, resource, record_id, {"number": 6})


def _list(resource, ids):
    for _ in ids:
        if resource.has_feed:
            changes_cursor(resource)
        lists.list_rows(resource, records.policies.EVERYTHING, ListQuery(count=False))


def _delete(resource, ids):
    for record_id in ids:
        records.delete_record(SYSTEM, resource, record_id)


if __name__ == "__main__":
    main()
