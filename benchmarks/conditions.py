"""What a rule by membership costs: `python -m benchmarks.conditions`.

100,000 tasks belong to 1,000 teams with 10,000 memberships. A member of ten teams lists 20 tasks, reads one and counts
them all, under the rule `team.memberships: {some: {user: $user.id}}` and without a rule; so does a member of one team,
and a caller who asks the same as a `where`, or one with a relation to many in another, or one that all tasks meet.
The rounds are interleaved; the medians are compared as ratios. The plan of
each statement follows. With `--postgres URL` (of an empty database) it runs there instead of on SQLite.
"""

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

from backend.config.settings import Settings
from backend.models.database import database
from backend.models.user import User
from backend.services import documents
from backend.services.access.actors import SYSTEM, Actor
from backend.services.accounts.passwords import hashing
from backend.services.definitions.catalog import Catalogs
from backend.services.operation import migrations
from backend.services.records import records
from backend.services.records.list_query import ListQuery
from backend.services.storage.statements import Statement
from backend.utils.clock import rfc3339, utcnow
from backend.utils.ids import uuid7

PASSWORD = "correct horse battery"
TASKS, TEAMS, MEMBERSHIPS, PEOPLE = 100_000, 1_000, 10_000, 1_000
ROWS_AT_ONCE = 2_000
MINE = {"team.memberships": {"some": {"user": "$user.id"}}}
# What PocketBase's users found slow: a relation to many within another, with a count.
NESTED = {"team.memberships": {"some": {"team.memberships": {"some": {"user": "$user.id"}}}}}
ALL = {"team.name": {"gte": ""}}  # true for every task
FIELDS = {
    "title": {"type": "string", "required": True},
    "team": {"type": "reference", "to": "teams", "required": True},
}
RULED = [{"role": "member", "where": MINE}]
DOCUMENT = {
    "resources": {
        "teams": {"fields": {"name": {"type": "string"}}, "access": {"list": ["member"]}},
        "memberships": {
            "fields": {
                "team": {"type": "reference", "to": "teams", "required": True},
                "user": {"type": "reference", "to": "users", "required": True},
            },
            "unique": [["user", "team"]],
            "access": {"list": ["member"]},
        },
        "tasks": {"fields": FIELDS, "access": {"list": RULED, "read": RULED}},
        "open_tasks": {"fields": FIELDS, "access": {"list": ["member"], "read": ["member"]}},
    }
}


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postgres", help="URL of an empty database")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            data_dir=Path(folder), **({"database_url": arguments.postgres} if arguments.postgres else {})
        )
        database.open(settings)
        hashing.open(settings)
        migrations.upgrade()
        with database.connection_context():
            documents.apply_document(SYSTEM, DOCUMENT)
            catalog = Catalogs(["a key that signs nothing that stays"]).newest
            busy, lone, task = _fill(catalog)
            database.execute_sql("ANALYZE")
            _compare(catalog, busy, lone, task, arguments.rounds)
        database.close_all()


def _fill(catalog):
    """Return the ids of a member of ten teams, a member of one, and a task of theirs."""
    chosen = random.Random(13)
    now = rfc3339(utcnow())
    people = [uuid7() for _ in range(PEOPLE)]
    model = {"password_hash": "", "active": True, "updated_at": utcnow(), "created_at": utcnow(), "profile": {}}
    User.insert_many(
        [{"id": each, "email": f"p{i}@example.com", "name": f"p{i}", **model} for i, each in enumerate(people)]
    ).execute()
    teams = [uuid7() for _ in range(TEAMS)]
    _insert(catalog["teams"], [{"id": each, "name": each[-4:]} for each in teams], now)
    pairs = {(people[0], team) for team in teams[:10]} | {(people[1], teams[0])}
    while len(pairs) < MEMBERSHIPS:
        pairs.add((chosen.choice(people[2:]), chosen.choice(teams)))
    _insert(catalog["memberships"], [{"id": uuid7(), "user": user, "team": team} for user, team in sorted(pairs)], now)
    tasks = [{"id": uuid7(), "title": f"task {i}", "team": chosen.choice(teams)} for i in range(TASKS)]
    _insert(catalog["tasks"], tasks, now)
    _insert(catalog["open_tasks"], tasks, now)
    return people[0], people[1], next(row["id"] for row in tasks if row["team"] == teams[0])


def _insert(resource, rows, now):
    system = {"created_at": now, "updated_at": now, "created_by": None, "version": 1}
    columns = {name: resource.column(name) for name in (*rows[0], *system)}
    with database.atomic():
        for start in range(0, len(rows), ROWS_AT_ONCE):
            batch = [
                {columns[name]: value for name, value in (row | system).items()} for row in rows[start:][:ROWS_AT_ONCE]
            ]
            resource.model.insert_many(batch).execute()


def _compare(catalog, busy, lone, task, rounds):
    asked = {
        "no rule": ("open_tasks", busy, None),
        "rule, ten teams": ("tasks", busy, None),
        "rule, one team": ("tasks", lone, None),
        "where, ten teams": ("open_tasks", busy, MINE),
        "where, nested": ("open_tasks", busy, NESTED),
        "where, all tasks": ("open_tasks", busy, ALL),
    }
    calls = {
        "list 20": lambda actor, table, where: records.list_records(actor, table, ListQuery(where=where, count=False)),
        "list 20 and count": lambda actor, table, where: records.list_records(actor, table, ListQuery(where=where)),
        "newest 20": lambda actor, table, where: records.list_records(
            actor, table, ListQuery(where=where, count=False, sort=(("created_at", True),))
        ),
        "one record": lambda actor, table, where: records.get_record(actor, table, task),
    }
    print(f"{database.name}: {TASKS:,} tasks, {TEAMS:,} teams, {MEMBERSHIPS:,} memberships")
    for call_name, call in calls.items():
        times = {name: [] for name in asked}
        for _ in range(rounds + 1):
            for name, (table, user, where) in asked.items():
                actor = Actor(user_id=user, roles=frozenset({"member"}))
                start = time.perf_counter()
                call(actor, catalog[table], where)
                times[name].append(time.perf_counter() - start)
        medians = {name: statistics.median(values[1:]) for name, values in times.items()}  # the first builds the SQL
        plain = medians["no rule"]
        print(call_name)
        for name, seconds in medians.items():
            print(f"  {name:18} {seconds * 1000:8.2f} ms  {seconds / plain:6.2f}")
    _print_plans(catalog, busy, task, calls)


def _print_plans(catalog, user, task, calls):
    """Print the plan of each statement that the calls under the rule run."""
    seen, run = set(), Statement.run

    def explaining(statement, values):
        if statement.sql not in seen and "memberships" in statement.sql:
            seen.add(statement.sql)
            explain = "EXPLAIN QUERY PLAN " if database.name == "sqlite" else "EXPLAIN "
            rows = database.execute_sql(explain + statement.sql, statement._bound(values)).fetchall()
            print("", statement.sql, *("   " + " ".join(map(str, row)) for row in rows), sep="\n")
        return run(statement, values)

    Statement.run = explaining
    actor = Actor(user_id=user, roles=frozenset({"member"}))
    for call in calls.values():
        call(actor, catalog["tasks"], None)


if __name__ == "__main__":
    main()
