"""What a statement costs beside the database's own work: `python -m benchmarks.statements`.

CPU in microseconds on SQLite, in one process without HTTP: each call as Larder runs it, beside its SQL with its values
on a connection of the driver. The batches are interleaved; the fastest of each is printed, and the ratio.
"""

import argparse
import gc
import tempfile
import time
from pathlib import Path

import cysqlite

from backend.config.settings import Settings
from backend.models.database import database
from backend.models.database.sqlite_plans import STABLE_PLANS
from backend.models.user import User
from backend.services import documents
from backend.services.access.actors import SYSTEM, Actor
from backend.services.accounts import api_keys, sessions, sign_in
from backend.services.accounts.passwords import hashing
from backend.services.definitions.catalog import Catalogs
from backend.services.operation import migrations
from backend.services.records import records
from backend.services.records.list_query import ListQuery
from backend.utils.meter import meter

PASSWORD = "correct horse battery"
OPEN = ["member"]
ACCESS = {"list": OPEN, "read": OPEN, "create": OPEN, "update": OPEN}
FIELDS = {"title": {"type": "string"}, "priority": {"type": "integer"}}
DOCUMENT = {"resources": {"notes": {"fields": FIELDS, "indexes": [["priority"]], "access": ACCESS}}}
CALLS, NOTES = 200, 1_000


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), admin_email="admin@example.com", admin_password=PASSWORD)
        cases = _prepare(settings)
        gc.disable()
        print(f"{'':36}{'Larder':>8}{'driver':>8}{'more':>8}{'ratio':>8}   statements")
        for name, run in cases.items():
            _compare(name, run, settings, arguments.rounds)
        database.close_all()


def _prepare(settings):
    """Fill a database; return a map of name to what is measured."""
    database.open(settings)
    hashing.open(settings)
    migrations.upgrade()
    sign_in.create_first_admin(settings)
    documents.apply_document(SYSTEM, DOCUMENT)
    notes = Catalogs(["a key that signs nothing that stays"]).newest["notes"]
    user = User.get()
    session = str(sessions.start_session(settings, user, user_agent="", address="").id)
    actor = Actor(str(user.id), session, frozenset({"member"}))
    for i in range(NOTES):
        made, _ = records.create_record(actor, notes, {"title": f"Note {i}", "priority": i % 7})
    _, secret = api_keys.create_key(actor, name="key", roles=OPEN)
    by_priority = ListQuery(filters=(("priority", "eq", 3),), sort=(("created_at", True),), count=False)
    return {
        "take and return a connection": lambda: None,
        "find the caller of a session": lambda: sessions.find_caller(session),
        "find the caller of an API key": lambda: api_keys.find_key(secret),
        "get one": lambda: records.get_record(actor, notes, made),
        "list 20": lambda: records.list_records(actor, notes, ListQuery(count=False)),
        "list 20, filtered and sorted": lambda: records.list_records(actor, notes, by_priority),
    }


def _compare(name, run, settings, rounds):
    statements = _statements_of(run)
    connection = cysqlite.connect(settings.database_url.removeprefix("sqlite:///"), cached_statements=1_000)
    connection.db_config(STABLE_PLANS, 1)
    with database.connection_context():  # with our functions
        for function, (call, count, _) in database.obj._functions.items():
            connection.create_function(call, function, count)

    def in_larder():
        meter.begin(None)
        database.begin_request()
        database.connect()
        run()
        database.end_request()

    def in_driver():
        for sql, values in statements:
            connection.execute(sql, values).fetchall()

    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(_microseconds(in_larder))
        theirs.append(_microseconds(in_driver))
    own, raw = min(ours), min(theirs)
    ratio = f"{own / raw:8.2f}" if statements else f"{'':8}"
    print(f"{name:36}{own:8.1f}{raw:8.1f}{own - raw:8.1f}{ratio}   {len(statements)}")


def _statements_of(run):
    """Return pairs of the SQL and the values of the statements that a call runs."""
    kept, fetch_all = [], type(database.obj).fetch_all

    def keep_and_fetch(self, sql, values, *options):
        kept.append((sql, values))
        return fetch_all(self, sql, values, *options)

    type(database.obj).fetch_all = keep_and_fetch
    try:
        run()
    finally:
        type(database.obj).fetch_all = fetch_all
        database.close()
    return kept


def _microseconds(call):
    began = time.process_time()
    for _ in range(CALLS):
        call()
    return (time.process_time() - began) / CALLS * 1e6


if __name__ == "__main__":
    main()
