"""Slow lists: which of them an index would serve, as `flask doctor` and the plan of a definition say it."""

import re

import pytest

from backend.models.database import database
from backend.services.operation.metrics import metrics

FIELDS = {
    "title": {"type": "string"},
    "priority": {"type": "integer", "index": True},
    "due": {"type": "date"},
    "price": {"type": "decimal"},
    "code": {"type": "string", "unique": True},
    "kind": {"type": "reference", "to": "kinds"},
    "data": {"type": "json"},
}
MORE = {"indexes": [["title", "-due"]], "search": ["title"]}
SCANNING = {
    "due=2030-01-01": "due",
    "due__gt=2030-01-01": "due",
    "sort=-price": "-price",
    "sort=price,id": "price",
    "sort=priority,-price": "priority, -price",
    "priority=3&sort=price": "priority, price",
    "priority=3&price=2&due__gte=2030-01-01": "price, priority, due",
    'where={"price":{"gte":1}}': "price",
    'where={"price":1,"any":[{"priority":1},{"due":{"isnull":true}}]}': "price",
    "code__startswith=a&title=b&sort=price": "title, price",
}
SERVED = (
    *("", "sort=id", "sort=-id", "sort=-created_at", "sort=updated_at", "priority=3", "priority__gt=3&sort=-priority"),
    *("sort=priority", "sort=-priority,-id", "priority=3&sort=-id", "code=x", "code=x&sort=price", "sort=-code"),
    *("kind=0198c0de-0000-7000-8000-000000000000", "title=a&sort=due", "title=a&sort=-due", "sort=title,-due"),
    *("sort=-title,due,id", "title__contains=a", "title__icontains=a", "q=a", "q=a&sort=price", "due__isnull=true"),
)


@pytest.fixture
def slow(app, monkeypatch):
    """Every statement is a slow one."""
    monkeypatch.setattr(database.obj, "slow_seconds", 0)


@pytest.fixture
def notes(admin):
    admin.declare("kinds", {"name": {"type": "string"}})
    admin.declare("notes", FIELDS, access={"list": ["member"], "create": ["member"]}, **MORE)


def advised(admin, name="notes", fields=FIELDS, **options):
    """Return the indexes that the plan of a definition advises."""
    found = admin.post(f"/resources/{name}/plan", json={"name": name, "fields": fields, **options})
    assert found.status_code == 200, found.json
    return [re.search(r"`indexes: \[\[(.*)\]\]`", text)[1] for text in found.json["data"]["advice"]]


def test_names_lists_that_scan_or_sort_and_the_index_that_would_serve_them(admin, alice, notes, slow):
    for query in SCANNING:
        assert alice.get(f"/notes?{query}").status_code == 200, query
    assert {*advised(admin, **MORE)} == {*SCANNING.values()}
    assert advised(admin, **MORE)[0] == "price", "the largest number first"


def test_does_not_name_lists_that_an_index_serves_or_that_none_can(admin, alice, notes, slow):
    for query in SERVED:
        assert alice.get(f"/notes?{query}").status_code == 200, query
    assert advised(admin, **MORE) == []


def test_knows_the_filter_of_an_owner(admin, alice, slow):
    fields, grants = FIELDS | {"kind": {"type": "string"}}, {"list": ["owner"], "create": ["member"]}
    admin.declare("diaries", fields, access=grants)
    for query in ("", "sort=-priority", "sort=-created_at", "priority=3"):
        assert alice.get(f"/diaries?{query}").status_code == 200
    assert advised(admin, "diaries", fields, access=grants) == []
    alice.get("/diaries?sort=due")
    assert advised(admin, "diaries", fields, access=grants) == ["created_by, due"]
    assert advised(admin, "diaries", fields, access=grants, indexes=[["due"]]) == [], "its copy for owners serves it"


def test_a_plan_that_adds_the_index_advises_it_no_more(admin, alice, notes, slow):
    alice.get("/notes?due=2030-01-01")
    assert advised(admin, **MORE) == ["due"]
    assert advised(admin, **(MORE | {"indexes": [["due"]]})) == []
    assert advised(admin, fields={name: FIELDS[name] for name in ("title", "code")}, search=["title"]) == []


def test_names_none_that_was_fast(admin, alice, notes):
    alice.get("/notes?due=2030-01-01")
    assert advised(admin, **MORE) == []


def test_the_doctor_names_them_too(admin, alice, notes, slow, app):
    for query in SCANNING:
        alice.get(f"/notes?{query}")
    metrics.process.write()
    output = app.test_cli_runner().invoke(args=["doctor"]).output
    assert re.search(r"warn +lists .*no index of notes serves due=… and due__…\.", output), output
    assert "Add `indexes: [[due]]` to the definition of notes." in output
    assert output.count("to the definition of notes") == 5, "only the first ones"


def test_keeps_a_bounded_number(admin, alice, notes, slow):
    filters = [f"{a}{b}{c}" for a in ("", "title=a&") for b in ("", "price=1&") for c in ("", "due=2030-01-01&")]
    orders = [
        f"{sign}{name}" for name in ("title", "priority", "due", "price", "code", "kind", "id") for sign in ("", "-")
    ]
    for query in [f"/notes?{each}sort={order}" for each in filters for order in orders]:
        assert alice.get(query).status_code == 200
    assert len(filters) * len(orders) > 100
    assert sum(name == "slow_list" for name, *_ in metrics.process.sums().events) == 100
