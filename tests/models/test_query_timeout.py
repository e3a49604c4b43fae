"""Statements that take too long, and a database that does not answer: what a request is told, and when."""

import dataclasses
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import psycopg
import pytest

from backend.models.database import DatabaseUnavailable, database
from backend.utils.meter import meter
from tests.conftest import SECRET_KEY, Person
from tests.helpers import assert_failure, lock_on_notes
from tests.parts.postgres import server_pids, stopped
from tests.parts.server import Caller, running_server

ON_POSTGRES = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
ACCESS = {"list": ["public"], "read": ["public"], "create": ["member"], "update": ["owner"]}
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT i FROM n"
COUNTING = f"SELECT count(*) FROM ({NUMBERS})"
LONG = {"sqlite": f"({COUNTING.format(4_000_000_000)})", "postgres": "(SELECT 1 FROM pg_sleep(60))"}


@pytest.fixture
def settings(settings):
    """The settings, with little patience."""
    return dataclasses.replace(settings, database_timeout_seconds=1, query_timeout_seconds=1)


@pytest.fixture
def app(app):
    """The app, with less patience than a setting can say."""
    database.close_all()
    database.obj.wait_seconds, database.obj.query_seconds = 0.5, 0.4
    return app


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
        long = LONG[database_url.partition(":")[0].replace("postgresql", "postgres")]
        database.execute_sql(f"CREATE VIEW notes AS SELECT * FROM kept WHERE {long} > 0")
    return note


def timed(call, *arguments, **options):
    """Return (the answer of a call, how many seconds it took)."""
    began = time.monotonic()
    return call(*arguments, **options), time.monotonic() - began


def test_a_query_that_takes_too_long_is_stopped_and_told(slow_notes, alice, read_lines):
    for path in ("/notes", f"/notes/{slow_notes['id']}", "/notes/export?format=ndjson", "/notes/aggregate?count=true"):
        answer, seconds = timed(alice.get, path)
        assert_failure(answer, 503, "UNAVAILABLE")
        assert answer.headers["Retry-After"] == "1"
        assert "took longer than 0.4 seconds" in answer.json["error"]["message"], path
        assert seconds < 10
    assert any("LARDER_QUERY_TIMEOUT_SECONDS" in line for line in read_lines())


def test_others_go_on_while_a_query_is_slow_and_its_connection_stays_of_use(slow_notes, app, alice):
    assert alice.token
    with ThreadPoolExecutor(4) as pool:
        slow = [pool.submit(Person(app).get, "/notes") for _ in range(3)]
        while not any(query.done() for query in slow):
            assert alice.get("/auth/me").status_code == 200
        assert [query.result().status_code for query in slow] == [503] * 3
    assert len(database.obj._in_use) == 0
    for _ in range(5):
        assert alice.get("/auth/me").status_code == 200


@ON_POSTGRES
def test_a_stopped_query_leaves_nothing_running_in_the_server(slow_notes, alice, postgres_url, database_url):
    assert alice.get("/notes").status_code == 503
    with psycopg.connect(postgres_url) as server:
        name = database_url.partition("?")[0].rpartition("/")[2]
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND state <> 'idle'"
        assert server.execute(query, [name]).fetchone() == (0,)


def test_a_write_that_takes_too_long_changes_nothing(note, alice, database_url):
    is_sqlite = database_url.startswith("sqlite")
    with database.connection_context():
        if is_sqlite:
            database.execute_sql(f"CREATE TRIGGER slow AFTER UPDATE ON notes BEGIN SELECT {LONG['sqlite']}; END")
        else:
            database.execute_sql(
                "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
                "'BEGIN PERFORM pg_sleep(60); RETURN NEW; END'"
            )
            database.execute_sql("CREATE TRIGGER slow AFTER UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION slow()")
    answer = alice.patch(f"/notes/{note['id']}", json={"title": "Eggs"})
    assert_failure(answer, 503, "UNAVAILABLE")
    assert "took longer" in answer.json["error"]["message"]
    assert alice.get(f"/notes/{note['id']}").json["data"] == note
    assert alice.post("/notes", json={"title": "Bread"}).status_code == 201


def test_what_is_not_a_request_has_no_limit_and_a_block_has_its_own(app, database_url):
    long = COUNTING.format(2_500_000) if database_url.startswith("sqlite") else "SELECT pg_sleep(0.3)"
    database.obj.query_seconds = 0.15
    with database.connection_context():
        database.execute_sql(long).fetchall()
    database.begin_request()
    try:
        with database.time_limit(None):
            database.execute_sql(long).fetchall()
        with pytest.raises(DatabaseUnavailable, match="longer than 0.05 seconds"), database.atomic():
            with database.time_limit(0.05):
                database.execute_sql(long).fetchall()
        assert database.execute_sql("SELECT 1").fetchone() == (1,)
        with pytest.raises(DatabaseUnavailable, match="longer than 0.15 seconds"):
            database.execute_sql(long).fetchall()
    finally:
        database.end_request()


def test_the_statements_of_a_request_share_one_limit(app, database_url):
    long = COUNTING.format(3_000_000) if database_url.startswith("sqlite") else "SELECT pg_sleep(0.3)"
    database.begin_request()
    meter.begin("a request")
    try:
        with pytest.raises(DatabaseUnavailable):
            for _ in range(20):
                database.execute_sql(long).fetchall()
        assert meter.seconds < 2
    finally:
        database.end_request()
        meter.begin(None)


def test_writers_who_wait_share_one_limit(note, app, alice, database_url):
    headers = {"Authorization": f"Bearer {alice.token}"}

    def change(number):
        return timed(Person(app).patch, f"/notes/{note['id']}", json={"title": str(number)}, headers=headers)

    with lock_on_notes(database_url), ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(change, range(6)))
    assert [answer.status_code for answer, _ in answers] == [503] * 6
    assert median(seconds for _, seconds in answers) < 0.95  # two waits are 1.0, and one may have been held up
    assert alice.patch(f"/notes/{note['id']}", json={"title": "Eggs"}).status_code == 200


def test_requests_behind_those_that_wait_for_a_lock_do_not_wait_as_long_again(note, alice, database_url, tmp_path):
    settings = {"database_url": database_url, "secret_key": SECRET_KEY, "threads": 4, "database_timeout_seconds": 1}
    with running_server(tmp_path, **settings) as address:

        def change(number):
            with Caller(address, alice.token) as caller:
                return timed(caller.call, "PATCH", f"/notes/{note['id']}", {"title": str(number)})

        with lock_on_notes(database_url), ThreadPoolExecutor(40) as pool:
            answers = list(pool.map(change, range(40)))
    assert {status for (status, _), _ in answers} == {503}
    assert max(seconds for _, seconds in answers) < 7  # ten rounds of four would be ten seconds


def server_processes(url):
    """Return the ids of the main process of the Postgres server and of all its children."""
    with psycopg.connect(url) as server:
        return server_pids(server.execute("SHOW data_directory").fetchone()[0])


@ON_POSTGRES
def test_a_connection_whose_process_hangs_is_given_up(note, alice, postgres_url, database_url):
    assert alice.token
    with psycopg.connect(postgres_url) as server:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
        pids = [pid for (pid,) in server.execute(query, [database_url.partition("?")[0].rpartition("/")[2]])]
    with stopped(pids):
        answer, seconds = timed(alice.get, "/notes")
        assert_failure(answer, 503, "UNAVAILABLE")
        assert seconds < 5
        assert alice.get("/notes").json["data"] == [note]


@ON_POSTGRES
def test_a_server_that_does_not_answer_holds_no_request(note, app, alice, admin, postgres_url, read_lines):
    assert alice.token
    assert admin.token
    headers = {"Authorization": f"Bearer {alice.token}"}
    with stopped(server_processes(postgres_url)), ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: timed(Person(app).get, "/notes", headers=headers), range(6)))
        answers += [
            timed(alice.post, "/notes", json={"title": "Eggs"}),
            timed(alice.get, "http://localhost/health/ready"),
        ]
    assert [answer.status_code for answer, _ in answers] == [503] * 8
    assert "does not answer" in answers[0][0].json["error"]["message"]
    assert max(seconds for _, seconds in answers) < 5
    assert sum(seconds for _, seconds in answers[6:]) < 5
    assert alice.get(f"/notes/{note['id']}").json["data"] == note
    assert len(database.obj._in_use) == 0
