"""Statements on Postgres: how many round trips a request takes, and plans of tables that have changed."""

import logging

import psycopg
import pytest

from backend.models.database import database, postgres_statements
from backend.models.database.failures import TablesChanged
from backend.models.database.postgres_waiting import Connection
from tests.helpers import OPEN, assert_failure

pytestmark = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
FIELDS = {"title": {"type": "string", "required": True}, "rank": {"type": "integer"}}
OFTEN = 8  # so often that every statement is prepared and its plan kept


@pytest.fixture
def notes(admin, alice):
    """The ids of 30 notes."""
    admin.declare("notes", FIELDS, access=OPEN)
    return [alice.make("notes", title=f"Note {rank}", rank=rank)["id"] for rank in range(30)]


@pytest.fixture
def round_trips(monkeypatch):
    """The statements of each round trip to the server since it was last cleared."""
    kept, wait = [], Connection.wait

    def keep_and_wait(self, conversation, *args, **options):
        if not logging.getLogger("peewee").disabled:  # as it is for reads that are sent a second time, to compare
            kept.append(conversation.gi_frame.f_locals.get("query"))
        return wait(self, conversation, *args, **options)

    monkeypatch.setattr(Connection, "wait", keep_and_wait)
    return kept


def test_a_request_takes_few_round_trips(notes, alice, round_trips):
    """The first is for the caller; a write begins, locks and checks with its first statement."""
    requests = {
        "get one": (2, lambda n: alice.get(f"/notes/{notes[n]}")),
        "list": (2, lambda n: alice.get("/notes?count=false")),
        "list with its count": (3, lambda n: alice.get("/notes?per_page=5")),
        "create": (3, lambda n: alice.post("/notes", json={"title": "New"})),
        "update": (4, lambda n: alice.patch(f"/notes/{notes[n]}", json={"title": f"Changed {n}"})),
        "delete": (4, lambda n: alice.delete(f"/notes/{notes[n]}")),
    }
    for what, (expected, send) in requests.items():
        for n in range(3):
            assert send(n).status_code < 300, what
        round_trips.clear()
        assert send(3).status_code < 300, what
        assert len(round_trips) == expected, (what, round_trips)


def test_a_refused_write_begins_no_transaction(notes, alice, round_trips):
    alice.get("/notes")
    round_trips.clear()
    assert_failure(alice.patch(f"/notes/{notes[0]}", json={"rank": "x"}), 422, "VALIDATION_ERROR")
    assert len(round_trips) == 1


def test_a_changed_definition_reaches_no_client_as_an_error(notes, admin, alice):
    """The same texts of statements run before and after the change, on the same connections."""
    use(alice, notes[0], OFTEN, rank=1)
    for kind, rank in (("string", "first"), ("integer", None)):
        fields = FIELDS | {"rank": {"type": kind}}
        plan = admin.post("/resources/notes/plan", json={"fields": fields, "access": OPEN}).json["data"]
        change = {"fields": fields, "access": OPEN}
        query = f"?confirm={plan['fingerprint']}" if plan.get("loses_data") else ""
        answer = admin.put(f"/resources/notes{query}", json=change)
        assert answer.status_code == 200, answer.json
        use(alice, notes[0], OFTEN, rank=rank)


def use(person, record_id, times, rank):
    """Send each kind of request several times; none may fail."""
    for number in range(times):
        made = person.make("notes", title="Made", rank=rank)
        for answer in (
            person.get(f"/notes/{record_id}"),
            person.patch(f"/notes/{record_id}", json={"rank": rank, "title": f"{rank} {number}"}),
            person.get("/notes?sort=rank"),
            person.delete(f"/notes/{made['id']}"),
        ):
            assert answer.status_code < 300, answer.json
        assert person.get(f"/notes/{record_id}").json["data"]["rank"] == rank


def test_a_table_that_changes_behind_the_back_fails_no_read(notes, alice, database_url):
    """A read is sent again. A write, whose transaction has failed, is unavailable once."""
    use(alice, notes[0], OFTEN, rank=1)
    change_type(database_url, "text")
    assert alice.get(f"/notes/{notes[0]}").json["data"]["rank"] == "1"
    use_title(alice, notes[0])
    change_type(database_url, "bigint")
    answer = alice.patch(f"/notes/{notes[0]}", json={"rank": 2})
    if answer.status_code != 200:
        assert_failure(answer, 503, "UNAVAILABLE")
    assert alice.patch(f"/notes/{notes[0]}", json={"rank": 3}).status_code == 200
    assert alice.get(f"/notes/{notes[0]}").json["data"]["rank"] == 3


def use_title(person, record_id):
    for number in range(OFTEN):
        assert person.patch(f"/notes/{record_id}", json={"title": str(number)}).status_code == 200


def change_type(url, sql_type):
    with psycopg.connect(url, autocommit=True) as other:
        other.execute(f"ALTER TABLE notes ALTER COLUMN rank TYPE {sql_type} USING rank::{sql_type}")


def test_a_plan_that_no_longer_fits_is_made_again(notes, database_url):
    query = "SELECT * FROM notes WHERE id = %s"
    with database.connection_context():
        for _ in range(OFTEN):
            assert len(database.fetch_all(query, [notes[0]], True)) == 1
        change_type(database_url, "text")  # "cached plan must not change result type"
        assert len(database.fetch_all(query, [notes[0]], True)) == 1
        for _ in range(OFTEN):
            database.fetch_all(query, [notes[0]], True)
        change_type(database_url, "bigint")
        with pytest.raises(TablesChanged), database.atomic():
            database.fetch_all(query, [notes[0]], True)
        with database.atomic():
            assert len(database.fetch_all(query, [notes[0]], True)) == 1


def test_a_connection_keeps_a_bounded_number_of_prepared_statements(app, monkeypatch):
    monkeypatch.setattr(postgres_statements, "MAX_KNOWN", 5)
    with database.connection_context():
        for number in range(20):
            for _ in range(2):
                assert database.fetch_all(f"SELECT {number} + %s", [1], True) == [(number + 1,)]
            assert kept() <= 5
        with database.atomic():
            for number in range(20):
                assert database.fetch_all(f"SELECT {number} + %s", [1], True) == [(number + 1,)]
        assert database.fetch_all("SELECT 1", [], True) == [(1,)]
        assert kept() <= 5


def kept():
    ((count,),) = database.fetch_all("SELECT count(*) FROM pg_prepared_statements", [])
    return count
