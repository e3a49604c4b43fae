"""Statements that take too long, and a database that does not answer: the responses to requests.

What takes too long would take minutes: a request that is not stopped is answered 200 in the end, and the test fails.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace
from urllib.parse import quote

import psycopg
import pytest
from peewee import OperationalError

from backend.middleware.connections import lanes
from backend.models.database import DatabaseUnavailable, database, postgres_waiting, watchdog
from backend.models.database.time_limits import allowance
from backend.utils.meter import meter
from tests.conftest import ON_POSTGRES, ON_SQLITE, Person
from tests.helpers import assert_failure, lock_on_notes
from tests.parts.patience import patience
from tests.parts.postgres import server_pids, stopped
from tests.parts.sockets import serving, wait_for

ACCESS = {"list": ["public"], "read": ["public"], "create": ["member"], "update": ["owner"]}
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT i FROM n"
COUNTING = f"SELECT count(*) FROM ({NUMBERS})"
LONG = {"sqlite": f"({COUNTING.format(4_000_000_000)})", "postgres": "(SELECT 1 FROM pg_sleep(120))"}
MINUTE = 60


@pytest.fixture(autouse=True)
def patient_server(monkeypatch):
    """A server of a busy machine is not taken for one that does not answer."""
    monkeypatch.setattr(postgres_waiting, "PROBE_SECONDS", MINUTE)
    monkeypatch.setattr(postgres_waiting, "CANCEL_SECONDS", MINUTE)


@pytest.fixture
def note(admin, alice):
    """A note of alice's."""
    admin.declare("notes", {"title": {"type": "string"}}, access=ACCESS)
    return alice.make("notes", title="Milk")


@pytest.fixture
def slow_notes(note, database_url):
    """A note whose table has become a view that takes minutes to read."""
    with database.connection_context():
        database.execute_sql("ALTER TABLE notes RENAME TO kept")
        database.execute_sql(f"CREATE VIEW notes AS SELECT * FROM kept WHERE {long(database_url)} > 0")
    return note


def long(url):
    """Return an expression that takes minutes."""
    return LONG["sqlite" if url.startswith("sqlite") else "postgres"]


def test_a_query_that_takes_too_long_is_stopped_and_reported(slow_notes, alice, read_lines):
    for path in ("/notes", f"/notes/{slow_notes['id']}", "/notes/export?format=ndjson", "/notes/aggregate?count=true"):
        with patience(query_seconds=0.4):
            answer = alice.get(path)
        assert_failure(answer, 503, "UNAVAILABLE")
        assert answer.headers["Retry-After"] == "1"
        assert "took longer than 0.4 seconds" in answer.json["error"]["message"], path
    assert any("LARDER_QUERY_TIMEOUT_SECONDS" in line for line in read_lines())


@ON_SQLITE
def test_a_query_is_stopped_also_after_a_time_without_queries(slow_notes, alice, monkeypatch):
    monkeypatch.setattr(watchdog, "CHECKS_BEFORE_END", 2)
    before = {thread for thread in threading.enumerate() if thread.name == "query watchdog"}
    assert before
    wait_for(lambda: not any(thread.is_alive() for thread in before))
    with patience(query_seconds=0.4):
        assert_failure(alice.get("/notes"), 503, "UNAVAILABLE")


@pytest.fixture
def slow_comments(note, admin, alice, database_url):
    """A comment on the note, in a view that takes minutes to read."""
    fields = {"note": {"type": "reference", "to": "notes"}, "text": {"type": "text"}}
    admin.declare("comments", fields, access=ACCESS)
    alice.make("comments", note=note["id"], text="x")
    with database.connection_context():
        database.execute_sql("ALTER TABLE comments RENAME TO kept")
        database.execute_sql(f"CREATE VIEW comments AS SELECT * FROM kept WHERE {long(database_url)} > 0")


def test_a_condition_that_takes_too_long_is_stopped(slow_comments, note, admin, alice):
    fields = {"title": {"type": "string"}}
    rule = {"role": "public", "where": {"comments": {"some": {"text": "x"}}}}
    slow = "where=" + quote('{"any": [{"title": "x"}, {"not": {"comments": {"some": {"text": {"icontains": "x"}}}}}]}')
    paths = [f"/notes?{slow}", f"/notes/export?{slow}", f"/notes/aggregate?{slow}", "/notes?expand=comments"]
    with patience(query_seconds=0.4):
        answers = [(path, alice.get(path)) for path in paths]
    assert alice.get("/notes").json["data"] == [note]
    assert (
        admin.put("/resources/notes", json={"fields": fields, "access": ACCESS | {"read": [rule]}}).status_code == 200
    )
    with patience(query_seconds=0.4):
        answers.append(("by the rule", alice.get(f"/notes/{note['id']}")))
    for path, answer in answers:
        assert_failure(answer, 503, "UNAVAILABLE")
        assert answer.headers["Retry-After"] == "1", path
        assert "took longer than 0.4 seconds" in answer.json["error"]["message"], path


def test_others_continue_during_a_slow_query_and_its_connection_stays_usable(slow_notes, app, alice, database_url):
    assert alice.token
    with ThreadPoolExecutor(4) as pool:
        slow = [pool.submit(Person(app).get, "/notes") for _ in range(3)]
        wait_for(lambda: database.connections_in_use() == 3)
        for _ in range(5):
            assert alice.get("/auth/me").status_code == 200
        assert not any(query.done() for query in slow)
        while not all(query.done() for query in slow):
            stop_queries(database_url)
        assert [query.result().status_code for query in slow] == [503] * 3
    assert database.connections_in_use() == 0
    for _ in range(5):
        assert alice.get("/auth/me").status_code == 200


def stop_queries(url):
    """End what runs now, as it ends when it has taken too long."""
    if url.startswith("sqlite"):
        for held in list(database.obj._in_use.values()):
            held.deadline = 0
    else:
        with psycopg.connect(url) as server:
            server.execute(
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()"
            )


@ON_POSTGRES
def test_a_stopped_query_leaves_nothing_running_in_the_server(slow_notes, alice, postgres_url, database_url):
    with patience(query_seconds=0.4):
        assert alice.get("/notes").status_code == 503
    with psycopg.connect(postgres_url, autocommit=True) as server:
        name = database_url.partition("?")[0].rpartition("/")[2]
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND state <> 'idle'"
        wait_for(lambda: server.execute(query, [name]).fetchone() == (0,))


def test_a_write_that_takes_too_long_changes_nothing(note, alice, database_url):
    with database.connection_context():
        if database_url.startswith("sqlite"):
            database.execute_sql(f"CREATE TRIGGER slow AFTER UPDATE ON notes BEGIN SELECT {long(database_url)}; END")
        else:
            database.execute_sql(
                "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
                "'BEGIN PERFORM pg_sleep(120); RETURN NEW; END'"
            )
            database.execute_sql("CREATE TRIGGER slow AFTER UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION slow()")
    with patience(query_seconds=0.4):
        answer = alice.patch(f"/notes/{note['id']}", json={"title": "Eggs"})
    assert_failure(answer, 503, "UNAVAILABLE")
    assert "took longer" in answer.json["error"]["message"]
    assert alice.get(f"/notes/{note['id']}").json["data"] == note
    assert alice.post("/notes", json={"title": "Bread"}).status_code == 201


def test_only_requests_and_blocks_with_a_limit_have_one(app, database_url):
    quarter, minutes = f"SELECT {quarter_of_a_second(database_url)}", f"SELECT {long(database_url)}"
    with patience(query_seconds=0.15):
        with database.connection_context():
            database.execute_sql(quarter).fetchall()
        with request():
            with database.time_limit(None):
                database.execute_sql(quarter).fetchall()
            with pytest.raises(DatabaseUnavailable, match="longer than 0.15 seconds"):
                database.execute_sql(minutes).fetchall()
    with request():
        with pytest.raises(DatabaseUnavailable, match="longer than 0.05 seconds"), database.atomic():
            with database.time_limit(0.05):
                database.execute_sql(minutes).fetchall()
        assert database.execute_sql("SELECT 1").fetchone() == (1,)


@contextmanager
def request():
    """What is done in the block is done for a request."""
    database.begin_request()
    meter.begin("a request")
    try:
        yield
    finally:
        database.end_request()
        meter.begin(None)


def quarter_of_a_second(url):
    """Return an expression that takes as long, or longer on a busy machine."""
    return f"({COUNTING.format(2_500_000)})" if url.startswith("sqlite") else "(SELECT 1 FROM pg_sleep(0.25))"


def test_the_statements_of_a_request_share_one_limit(app, database_url):
    with patience(query_seconds=0.4), request(), pytest.raises(DatabaseUnavailable):
        for _ in range(20):
            database.execute_sql(f"SELECT {quarter_of_a_second(database_url)}").fetchall()


def test_writers_that_wait_too_long_are_refused_and_affect_no_others(note, app, alice, database_url):
    headers = {"Authorization": f"Bearer {alice.token}"}

    def change(number):
        return Person(app).patch(f"/notes/{note['id']}", json={"title": str(number)}, headers=headers).status_code

    with lock_on_notes(database_url), ThreadPoolExecutor(6) as pool, patience(wait_seconds=0.2):
        assert list(pool.map(change, range(6))) == [503] * 6
    assert alice.patch(f"/notes/{note['id']}", json={"title": "Eggs"}).status_code == 200


@ON_SQLITE
@pytest.mark.parametrize("waits_for", ["another process", "another thread"])
def test_all_waits_of_a_request_share_one_limit(app, database_url, waits_for):
    with lock_on_notes(database_url) if waits_for == "another process" else database.obj._write_turn:
        with patience(wait_seconds=0.2), request():
            with pytest.raises(OperationalError, match="locked"), database.atomic():
                pass
            assert allowance.wait_seconds(0.2) < 0.1


def test_the_wait_for_a_thread_counts_as_a_wait(note, app, alice, database_url, monkeypatch):
    """Else requests behind those that wait for a lock would take as long again, round by round."""
    ten_minutes_ago = SimpleNamespace(monotonic=lambda: time.monotonic() - 600)
    monkeypatch.setattr(lanes, "time", ten_minutes_ago)  # when a request began to wait for a thread
    body, path = b'{"title": "Eggs"}', f"/api/v1/notes/{note['id']}"
    headers = [f"Authorization: Bearer {alice.token}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    with serving(app) as (_, connect), patience(wait_seconds=600, query_seconds=600), lock_on_notes(database_url):
        assert connect().send(path, *headers, method="PATCH", body=body).read()[0] == 503


def server_processes(url):
    """Return the ids of the main process of the Postgres server and of all its children."""
    with psycopg.connect(url) as server:
        return server_pids(server.execute("SHOW data_directory").fetchone()[0])


@ON_POSTGRES
def test_a_connection_that_hangs_is_dropped(note, alice, postgres_url, database_url, monkeypatch):
    assert alice.token
    with psycopg.connect(postgres_url) as server:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
        pids = [pid for (pid,) in server.execute(query, [database_url.partition("?")[0].rpartition("/")[2]])]
    monkeypatch.setattr(postgres_waiting, "CANCEL_SECONDS", 1)
    with stopped(pids, MINUTE):
        with patience(query_seconds=0.4):
            answer = alice.get("/notes")
        assert_failure(answer, 503, "UNAVAILABLE")
        assert alice.get("/notes").json["data"] == [note]


@ON_POSTGRES
def test_a_statement_is_sent_although_the_server_reads_it_slowly(app):
    text = "x" * 8_000_000  # more than the socket holds
    with database.connection_context():
        ((pid,),) = database.execute_sql("SELECT pg_backend_pid()").fetchall()
        with stopped([pid], 5 * postgres_waiting.UNWATCHED_SECONDS):
            ((size,),) = database.execute_sql("SELECT octet_length(%s)", [text]).fetchall()
    assert size == len(text)


@ON_POSTGRES
def test_a_server_that_does_not_answer_holds_no_request(note, app, alice, admin, postgres_url, monkeypatch):
    assert alice.token
    assert admin.token
    headers = {"Authorization": f"Bearer {alice.token}"}
    with stopped(server_processes(postgres_url), 2 * MINUTE), monkeypatch.context() as patched:
        patched.setattr(postgres_waiting, "PROBE_SECONDS", 1)
        patched.setattr(postgres_waiting, "CANCEL_SECONDS", 1)
        with patience(wait_seconds=0.5, query_seconds=0.4), ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _: Person(app).get("/notes", headers=headers), range(6)))
            answers += [alice.post("/notes", json={"title": "Eggs"}), alice.get("http://localhost/health/ready")]
    assert [answer.status_code for answer in answers] == [503] * 8
    assert any("does not answer" in answer.json["error"]["message"] for answer in answers[:6])
    assert alice.get(f"/notes/{note['id']}").json["data"] == note
    assert database.connections_in_use() == 0
