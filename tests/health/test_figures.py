"""`/health/figures`."""

import json
from dataclasses import replace
from datetime import datetime

import pytest

from backend import create_app
from backend.models.database import database
from backend.services.health.figures import _quantile_ms
from backend.services.operation import minutes
from backend.services.operation.counts import BUCKETS, Counts, RequestKind
from backend.utils import slow_statements
from backend.utils.meter import Meter
from tests.conftest import ON_SQLITE, PASSWORD, Person
from tests.helpers import bearer
from tests.parts.server import Caller, running_servers

FIGURES = "http://localhost/health/figures"
SLOW = (  # on any machine
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) "
    "SELECT count(*) FROM n WHERE CAST({} AS TEXT) <> ''"
)


def figures(person, query=""):
    """Return the figures, which count the request for them only later."""
    return person.get(FIGURES + query).json["data"]


def total(found, name):
    """Return the sum of a number over all minutes."""
    return sum(minute["numbers"][name] for minute in found["minutes"])


def numbers_of(found, method, route):
    """Return the numbers of a route."""
    (each,) = [each for each in found["routes"] if (each["method"], each["route"]) == (method, route)]
    return each["numbers"]


def test_counts_the_requests_of_each_minute_and_route(admin, alice):
    admin.declare("notes", {"title": {"type": "string"}}, access={"list": ["member"]})
    for path in ("/notes", "/notes?page=2", "/notes?nope=1"):
        alice.get(path)
    found = figures(admin)
    numbers = numbers_of(found, "GET", "/api/v1/notes")
    assert (numbers["requests"], numbers["refusals"], numbers["failures"]) == (3, 1, 0)
    assert 0 < numbers["p50_ms"] <= numbers["p99_ms"]
    assert numbers["database_ms"] > 0
    began = [datetime.fromisoformat(minute["began_at"]).timestamp() for minute in found["minutes"]]
    assert began == [began[0] + 60 * number for number in range(60)]
    assert found["minutes"][0]["numbers"] == {
        **dict.fromkeys(("requests", "refusals", "failures"), 0),
        **dict.fromkeys(("p50_ms", "p99_ms", "database_ms")),
    }
    assert total(found, "requests") == sum(each["numbers"]["requests"] for each in found["routes"])
    only = figures(admin, "?method=GET&route=/api/v1/notes")
    assert (total(only, "requests"), total(only, "refusals")) == (3, 1)
    assert total(figures(admin, "?route=/nowhere"), "requests") == 0
    assert admin.get(f"{FIGURES}?page=1").status_code == 422
    assert found["processes"][0]["memory_bytes"] > 10_000_000


def test_slow_statements_are_shown_without_values(settings, admin):
    slow_statements.latest.clear()  # those of other tests in this process
    slow = Person(create_app(replace(settings, slow_query_ms=1)), "admin")
    with database.connection_context():
        database.execute_sql(SLOW.format(database.param), ["a secret value"]).fetchall()
    statements = figures(slow)["statements"]
    assert statements == sorted(statements, key=lambda each: -each["slowest_ms"])
    assert [each["number"] for each in statements if each["sql"] == SLOW.format(database.param)] == [1]
    assert all(each["number"] >= 1 and each["slowest_ms"] >= 1 for each in statements)
    assert "a secret value" not in str(statements)
    database.close_all()


@ON_SQLITE
def test_savepoints_are_one_slow_statement(admin):
    slow_statements.latest.clear()  # the settings keep those of this test out, however busy the machine is
    for _ in range(2):
        with database.connection_context(), database.atomic(), database.savepoint() as savepoint:
            slow_statements.note(f"SAVEPOINT {savepoint.quoted_sid};", 0.5)
    (found,) = [each for each in figures(admin)["statements"] if "SAVEPOINT" in each["sql"]]
    assert (found["sql"], found["number"]) == ('SAVEPOINT "s…";', 2)


def test_only_those_who_may_read_the_system_see_figures(admin, alice, edith, stranger):
    assert [person.get(FIGURES).status_code for person in (stranger, alice, edith)] == [401, 403, 403]
    admin.post("/roles", json={"name": "operator", "permissions": ["system:read"]})
    admin.patch(f"/users/{edith.id}", json={"roles": ["member", "operator"]})
    assert edith.get(FIGURES).headers["Cache-Control"] == "no-store"


@ON_SQLITE
def test_a_process_continues_the_minutes_of_the_one_before(settings, admin, alice):
    for _ in range(3):
        alice.get("/auth/me")
    assert numbers_of(figures(admin), "GET", "/api/v1/auth/me")["requests"] == 3
    again = Person(create_app(settings), "admin")
    again.get("/auth/me")
    found = figures(again)
    assert numbers_of(found, "GET", "/api/v1/auth/me")["requests"] == 4
    (file,) = (settings.data_dir / "metrics").glob("minutes-*.json")
    file.write_bytes(b"{}")
    create_app(settings)
    assert numbers_of(figures(again), "GET", "/health/figures")["requests"] >= 1
    database.close_all()


@ON_SQLITE
def test_adds_up_all_processes(tmp_path, database_url):
    def read(caller):
        caller.connection.request("GET", "/health/figures", headers=bearer(caller.token))
        found = json.loads(caller.connection.getresponse().read())["data"]
        return numbers_of(found, "GET", "none")["requests"], len(found["processes"])

    with running_servers(tmp_path, count=2, database_url=database_url) as (first, second):
        with Caller(first) as one, Caller(second) as other:
            for caller in (one, other):
                caller.sign_in("admin@example.com", PASSWORD)
                caller.call("GET", "/nowhere")
            read(other)  # which writes its minutes at once
            assert read(one) == (2, 2)


def test_rare_requests_are_added_up(tmp_path, monkeypatch):
    monkeypatch.setattr(minutes, "MAX_KINDS", 2)
    counts, file = Counts(), minutes.MinuteFile(tmp_path / "minutes-0.json", Counts())
    for number in range(4):
        for _ in range(4 - number):
            counts.count_request("GET", f"/{number}", 200, 0.01, Meter())
    file.note(counts, now=True)
    (kinds,) = minutes.read_minutes(tmp_path).requests.values()
    assert {kind: requests.number for kind, requests in kinds.items()} == {
        RequestKind("GET", "/0", 200): 4,
        RequestKind("GET", "/1", 200): 3,
        RequestKind("other", "others", 200): 3,
    }


@pytest.mark.parametrize(
    ("numbers", "share", "milliseconds"),
    [
        ({}, 0.5, None),
        ({0.01: 10}, 0.5, 7.5),
        ({0.01: 10}, 0.99, 9.95),
        ({0.001: 99, 1: 1}, 0.5, 0.51),
        ({0.001: 98, 1: 2}, 0.99, 750),
        ({None: 5}, 0.99, 10_000),
    ],
)
def test_quantiles_are_estimated_within_their_bucket(numbers, share, milliseconds):
    buckets = [numbers.get(longest, 0) for longest in (*BUCKETS, None)]
    assert _quantile_ms(buckets, share) == milliseconds
