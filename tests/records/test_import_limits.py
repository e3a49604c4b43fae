"""What an import costs others: no lock while it is checked, limits on rows, seconds and bytes."""

import threading
import time
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace

import cysqlite
import pytest

from backend import create_app
from backend.models.database import database
from backend.services.access.actors import SYSTEM
from backend.services.accounts.user_updates import update_user
from backend.services.records.imports import importing, report
from backend.services.records.imports.lookups import AT_ONCE
from backend.services.records.records import create_record, update_record
from tests.conftest import ON_SQLITE, Person
from tests.helpers import NDJSON, OPEN, load, outcome
from tests.parts.patience import patience

BOOKS = {
    "title": {"type": "string", "required": True},
    "isbn": {"type": "string", "unique": True},
    "shelf": {"type": "reference", "to": "shelves"},
    "sequel_of": {"type": "reference", "to": "books"},
}


@pytest.fixture
def books(admin):
    """Shelves and books, which members may make and change."""
    admin.declare("shelves", {"code": {"type": "string", "unique": True}}, access=OPEN)
    admin.declare("books", BOOKS, access=OPEN)


def titles(person):
    return [book["title"] for book in person.get("/books?sort=id&per_page=200").json["data"]]


def with_settings(settings, **changed):
    return Person(create_app(replace(settings, **changed)), "alice")


@ON_SQLITE
def test_a_file_is_checked_while_somebody_else_writes(settings, books, alice):
    person = alice
    load(person, "title,isbn\nEmma,1\n")
    writer = cysqlite.connect(settings.database_url.removeprefix("sqlite:///"))
    with closing(writer):
        writer.execute("BEGIN IMMEDIATE")
        content = "title,isbn\nDune,2\nUtopia,1\n"
        assert outcome(load(person, content, dry_run="true")) == (2, 1, 0, 1)
        assert outcome(load(person, content, dry_run="true", mode="upsert", key="isbn")) == (2, 1, 1, 0)
        assert load(person, content).status_code == 422
        with patience(wait_seconds=0.2):
            assert load(person, "title\nDune\n").status_code == 503
            answer = load(person, "title\nDune\n", keep_good="true")
        assert outcome(answer) == (1, 0, 0, 1)
        assert "Not written: " in answer.json["data"]["problems"][0]["message"]
        writer.execute("ROLLBACK")
    assert titles(person) == ["Emma"]


def test_rows_that_conflict_with_writes_since_the_check_are_bad(books, alice, bob, monkeypatch):
    load(alice, "title,isbn\nEmma,1\nDune,2\n")
    _, dune = alice.get("/books?sort=id").json["data"]
    content = "title,isbn\nEmma!,1\nDune!,2\nUtopia,3\nUlysses,4\n"
    write = importing.Writer.write

    def interrupted(writer, batch):
        monkeypatch.undo()
        update_record(SYSTEM, writer.resource, dune["id"], {"title": "Dune?"})
        create_record(SYSTEM, writer.resource, {"title": "First", "isbn": "4"})
        write(writer, batch)

    monkeypatch.setattr(importing.Writer, "write", interrupted)
    answer = load(alice, content, mode="upsert", key="isbn", keep_good="true")
    assert outcome(answer) == (4, 1, 2, 1), answer.json
    assert answer.json["data"]["problems"] == [
        {"line": 5, "code": "not_unique", "message": "Another record of books has this isbn.", "names": ["isbn"]}
    ]
    assert sorted(titles(alice)) == ["Dune!", "Emma!", "First", "Utopia"]


def test_rows_are_checked_as_if_those_before_were_written(books, alice):
    load(alice, "title,isbn\nA,1\nB,2\n")
    a, b = alice.get("/books?sort=id").json["data"]
    cases = [
        # (file, key, created, updated, lines of bad rows)
        (f"id,isbn\n{a['id']},9\n{b['id']},1\n{a['id']},2\n", "id", 0, 3, []),  # values go round
        (f"id,isbn\n{a['id']},2\n{b['id']},3\n", "id", 0, 1, [2]),  # the second comes too late
        (f"id,version\n{a['id']},1\n{a['id']},1\n", "id", 0, 2, []),  # nothing changes
        (f"id,title,version\n{a['id']},x,1\n{a['id']},y,2\n{a['id']},z,1\n", "id", 0, 2, [4]),
        ("isbn,title\n7,x\n7,y\n1,z\n7,w\n", "isbn", 1, 3, []),
        ("isbn,title,sequel_of_isbn\n7,x,8\n8,y,7\n", "isbn", 0, 0, [2, 3]),  # the first is bad, so it is not there
        ("isbn,title,sequel_of_isbn\n8,y,\n7,x,8\n1,A,7\n", "isbn", 2, 1, []),
        ("isbn,title\n7,x\n7,y\n1,z\n", None, 1, 0, [3, 4]),
    ]
    for content, key, created, updated, bad in cases:
        mode = {"mode": "upsert", "key": key} if key else {}
        answer = load(alice, content, dry_run="true", **mode)
        assert answer.status_code == 200, (content, answer.json)
        assert [each["line"] for each in answer.json["data"]["problems"]] == bad, (content, answer.json)
        assert outcome(answer)[1:3] == (created, updated), content
    assert titles(alice) == ["A", "B"]
    assert outcome(load(alice, cases[0][0], mode="upsert", key="id")) == (3, 0, 3, 0)
    assert [each["isbn"] for each in alice.get("/books?sort=id").json["data"]] == ["2", "1"]
    assert outcome(load(alice, cases[6][0], mode="upsert", key="isbn")) == (3, 2, 1, 0)


def test_a_row_may_change_what_an_earlier_one_creates_where_a_request_might(admin, alice):
    rule = {"role": "member", "where": {"open": True}}
    fields = {"code": {"type": "string", "unique": True}, "title": {"type": "text"}, "open": {"type": "boolean"}}
    access = {"list": ["member"], "read": ["owner", rule], "create": ["member"], "update": [rule]}
    admin.declare("notes", fields, access=access)
    load(admin, "code,open\nhidden,false\nfixed,true\n", resource="notes")
    content = (
        "code,title,open\n7,a,true\n7,b,true\n7,c,false\n7,d,true\n8,x,false\n8,y,true\nhidden,x,true\nfixed,z,true\n"
    )
    options = {"mode": "upsert", "key": "code", "keep_good": "true"}
    for dry_run in ("true", "false"):
        answer = load(alice, content, resource="notes", dry_run=dry_run, **options)
        problems = {each["line"]: each["message"] for each in answer.json["data"]["problems"]}
        assert (outcome(answer), [*problems]) == ((8, 2, 3, 3), [4, 7, 8]), problems
    notes = {note["code"]: note["title"] for note in admin.get("/notes").json["data"]}
    assert notes == {"hidden": None, "fixed": "z", "7": "d", "8": "x"}


def test_an_import_asks_the_database_for_many_rows_at_once(books, alice, monkeypatch):
    rows = 3 * AT_ONCE
    load(alice, "code\n" + "".join(f"S{i}\n" for i in range(rows)), resource="shelves")
    content = "title,isbn,shelf_code\n" + "".join(f"Book {i},{i},S{i}\n" for i in range(rows))
    counted = []
    for name in ("execute_sql", "fetch_all", "execute_many"):
        original = getattr(database.obj, name)
        counter = lambda *arguments, run=original: (counted.append(arguments[0]), run(*arguments))[1]  # noqa: E731
        monkeypatch.setattr(database.obj, name, counter)
    assert outcome(load(alice, content))[1] == rows
    assert len(counted) < rows / 10
    counted.clear()
    assert outcome(load(alice, content, mode="upsert", key="isbn"))[2] == rows
    assert len(counted) < rows / 10


def test_nothing_more_is_written_for_somebody_who_was_deactivated_meanwhile(books, admin, alice, monkeypatch):
    user_id, check = alice.id, importing.Checker.check

    def deactivating(checker, rows):
        update_user(SYSTEM, user_id, {"active": False})
        return check(checker, rows)

    monkeypatch.setattr(importing.Checker, "check", deactivating)
    assert load(alice, "title\nEmma\n").status_code == 401
    with database.connection_context():
        update_user(SYSTEM, user_id, {"active": True})
    alice._token = None  # signs in anew
    answer = load(alice, "title\nEmma\n", keep_good="true")
    assert outcome(answer) == (1, 0, 0, 1)
    assert answer.json["data"]["problems"][0]["message"].startswith("Not written: The session")
    assert titles(admin) == []


@ON_SQLITE
def test_the_rows_of_a_request_are_bounded(settings, books, admin):
    person = with_settings(settings, max_import_rows=5)
    for kind, lines in (("text/csv", "title\n" + "x\n" * 6), (NDJSON, '{"title": "x"}\n' * 6)):
        for options in ({}, {"dry_run": "true"}, {"keep_good": "true"}):
            answer = load(person, lines, kind, **options)
            assert (answer.status_code, answer.json["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
            assert "more than 5 rows (LARDER_MAX_IMPORT_ROWS)" in answer.json["error"]["message"]
    assert titles(person) == []
    assert outcome(load(person, "title\n" + "x\n,\n" * 5))[1] == 5


@ON_SQLITE
def test_the_seconds_of_a_request_are_bounded(settings, books, admin, monkeypatch):
    person, check = with_settings(settings, import_seconds=1), importing.Checker.check
    clock = SimpleNamespace(now=1000.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(report, "time", clock)
    assert outcome(load(person, "title\nx\n")) == (1, 1, 0, 0)

    def take_long(*each):
        clock.now += 1.1
        return check(*each)

    monkeypatch.setattr(importing.Checker, "check", take_long)
    answer = load(person, "title\n" + "x\n" * 300)
    assert answer.status_code == 413
    assert "longer than 1 seconds (LARDER_IMPORT_SECONDS)" in answer.json["error"]["message"]
    answer = load(person, "title\nx\ny\n", keep_good="true")
    assert outcome(answer) == (2, 0, 0, 2)
    assert "Not written: the import took longer" in answer.json["data"]["problems"][0]["message"]
    assert titles(person) == ["x"]


@ON_SQLITE
def test_no_row_is_larger_than_the_body_of_a_request(settings, books, admin):
    person = with_settings(settings, max_body_bytes=2000)
    admin.declare("notes", {"body": {"type": "text"}, "n": {"type": "integer"}}, access=OPEN)
    person = with_settings(settings, max_body_bytes=2000)
    for text in ("x" * 2100, "ü" * 1050, "two\nlines " * 250):
        csv = f'body,n\nshort,1\n"{text}",2\nshort,3\n'
        answer = load(person, csv, resource="notes", keep_good="true")
        assert outcome(answer) == (3, 2, 0, 1), answer.json
        (problem,) = answer.json["data"]["problems"]
        assert (problem["line"], "2,000 bytes (LARDER_MAX_BODY_BYTES)" in problem["message"]) == (3, True)
    answer = load(person, f'{{"body": "{"x" * 2100}"}}\n{{"n": 1}}\n', NDJSON, "notes", keep_good="true")
    assert outcome(answer) == (2, 1, 0, 1)


@ON_SQLITE
def test_the_lines_of_a_file_count_against_the_limit(settings, books, admin):
    person = with_settings(settings, rate_limit="10/minute")
    person.token  # noqa: B018 - signing in counts as well
    for options in ({}, {"dry_run": "true"}):
        answer = load(person, "title\n" + "x\n" * 2000, **options)
        assert answer.status_code == 429, options
    assert titles(admin) == []


@ON_SQLITE
def test_a_refusal_during_an_import_says_how_long_to_wait(books, alice, bob, monkeypatch):
    assert alice.token
    assert bob.token
    write, begun, answered = importing.Writer.write, threading.Event(), threading.Event()
    first = [2]  # seconds of the first batch: all thirty will take a minute

    def slow(writer, batch):
        write(writer, batch)
        if first:
            time.sleep(first.pop())
        else:
            begun.set()
            answered.wait(60)

    monkeypatch.setattr(importing.Writer, "write", slow)
    thread = threading.Thread(target=load, args=(alice, "title\n" + "x\n" * 30 * importing.BATCH_ROWS))
    thread.start()
    begun.wait()
    with patience(wait_seconds=0.2):
        answer = bob.post("/books", json={"title": "y"})
    answered.set()
    thread.join()
    assert answer.status_code == 503, answer.json
    assert "An import is being written; try again in about" in answer.json["error"]["message"]
    assert int(answer.headers["Retry-After"]) >= 2
    assert bob.post("/books", json={"title": "y"}).status_code == 201
