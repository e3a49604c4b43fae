"""Connections that run out, break or are ended by the server: each a 503, none used again, none lost."""

import threading
import time

import pytest
from peewee import OperationalError

from backend.models.database import database
from tests.conftest import ON_POSTGRES
from tests.helpers import assert_failure, hang_up, server
from tests.parts.patience import patience

PASSING = [
    "25006",
    "25P03",
    "40001",
    "40P01",
    "53100",
    "53200",
    "53300",
    "55P03",
    "57014",
    "57P01",
    "57P03",
    "58030",
    "XX001",
]


@pytest.fixture
def note(admin, alice):
    """A note of alice's."""
    access = {"list": ["public"], "read": ["public"], "create": ["member"], "update": ["owner"]}
    admin.declare("notes", {"title": {"type": "string"}}, access=access)
    return alice.make("notes", title="Milk")


def test_without_a_free_connection_a_request_is_unavailable_until_there_is_one(note, alice, read_lines):
    assert alice.token
    database.close_all()
    database.obj.pool_size, taken, done = 2, threading.Barrier(3), threading.Event()

    def hold():
        with database.connection_context():
            taken.wait()
            done.wait()

    holders = [threading.Thread(target=hold) for _ in range(2)]
    for holder in holders:
        holder.start()
    taken.wait()
    try:
        with patience(wait_seconds=0.2):
            answer = alice.get("/notes")
        assert_failure(answer, 503, "UNAVAILABLE")
        assert answer.headers["Retry-After"] == "1"
        assert "busy" in answer.json["error"]["message"]
        assert any("all 2 connections are in use" in line for line in read_lines())
    finally:
        done.set()
        for holder in holders:
            holder.join()
    assert alice.get("/notes").json["data"] == [note]
    assert database.connections_in_use() == 0


def test_a_transaction_that_nobody_ended_ends_with_its_connection(note, alice):
    with pytest.raises(OperationalError, match="gone"), database.connection_context():
        transaction = database.atomic()
        transaction.__enter__()
        database.execute_sql("UPDATE notes SET title = 'Eggs'")
        raise OperationalError("gone")
    assert database.connections_in_use() == 0
    assert alice.patch(f"/notes/{note['id']}", json={"title": "Bread"}).status_code == 200


@ON_POSTGRES
@pytest.mark.parametrize("sqlstate", PASSING)
def test_a_temporary_failure_of_the_server_is_unavailable_and_changes_nothing(note, alice, read_lines, sqlstate):
    fail(sqlstate)
    answer = alice.patch(f"/notes/{note['id']}", json={"title": "Eggs"})
    assert_failure(answer, 503, "UNAVAILABLE")
    assert any("database unavailable" in line for line in read_lines())
    assert alice.get(f"/notes/{note['id']}").json["data"] == note
    assert database.connections_in_use() == 0


@ON_POSTGRES
def test_an_invalid_statement_is_reported_as_a_defect(note, alice):
    fail("P0001")
    assert_failure(alice.patch(f"/notes/{note['id']}", json={"title": "Eggs"}), 500, "INTERNAL_ERROR")


def fail(sqlstate):
    """Have every change of a note fail in the server with this code."""
    with database.connection_context():
        body = f"BEGIN RAISE SQLSTATE ''{sqlstate}''; END"
        database.execute_sql(f"CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS '{body}'")
        database.execute_sql("CREATE TRIGGER fail AFTER UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION fail()")


@ON_POSTGRES
def test_a_connection_that_ends_within_a_transaction_is_reported_as_such(note, alice, postgres_url, database_url):
    with database.connection_context():
        with pytest.raises(OperationalError, match="terminating|closed"), database.atomic():
            database.execute_sql("UPDATE notes SET title = 'Eggs'")
            with server(postgres_url, database_url) as (connection, name):
                hang_up(connection, name)
            with database.atomic():
                database.execute_sql("UPDATE notes SET title = 'Bread'")
    assert database.connections_in_use() == 0
    assert alice.get("/notes").json["data"] == [note]


@ON_POSTGRES
def test_idle_connections_that_the_server_ended_cost_no_request(note, alice, postgres_url, database_url):
    assert alice.token
    hold_three_connections()
    with server(postgres_url, database_url) as (connection, name):
        hang_up(connection, name)
        while connection.execute("SELECT 1 FROM pg_stat_activity WHERE datname = %s", [name]).fetchone():
            time.sleep(0.01)
    for _ in range(4):
        assert alice.get("/notes").json["data"] == [note]


def hold_three_connections():
    """Have three connections in the pool."""
    together = threading.Barrier(3)

    def hold():
        with database.connection_context():
            together.wait()

    holders = [threading.Thread(target=hold) for _ in range(3)]
    for holder in holders:
        holder.start()
    for holder in holders:
        holder.join()
    assert len(database.obj._free) >= 3
