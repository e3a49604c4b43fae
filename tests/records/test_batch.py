"""`POST /batch`."""

from dataclasses import replace

import pytest

from backend import create_app
from tests.conftest import ON_SQLITE, Person
from tests.helpers import OPEN, UNKNOWN_ID, details_of


@pytest.fixture
def shelf(admin):
    """Authors and books, which members may change."""
    admin.declare("authors", {"name": {"type": "string", "required": True, "unique": True}}, access=OPEN)
    admin.declare(
        "books",
        {
            "title": {"type": "string", "required": True},
            "author": {"type": "reference", "to": "authors"},
            "extra": {"type": "json"},
        },
        access=OPEN | {"update": ["owner"]},
    )


def send(person, *operations, **options):
    return person.post("/batch", json={"operations": list(operations)}, **options)


def create(resource, **data):
    return {"op": "create", "resource": resource, "data": data}


def totals(person):
    return [person.get(f"/{name}").json["meta"]["total"] for name in ("authors", "books")]


def test_a_record_may_refer_to_one_made_before_it(shelf, alice):
    answer = send(
        alice,
        create("authors", name="Eliot"),
        create("books", title="Middlemarch", author={"$ref": 0}, extra={"$ref": 0}),
        create("books", title="Romola", author={"$ref": 0}),
    )
    assert answer.status_code == 200, answer.json
    author, book, other = answer.json["data"]
    assert (author["op"], author["resource"], author["data"]["id"]) == ("create", "authors", author["id"])
    assert book["data"]["author"] == other["data"]["author"] == author["id"]
    assert book["data"]["extra"] == {"$ref": 0}  # JSON of the client's own
    assert alice.get(f"/books/{book['id']}").json["data"] == book["data"]


def test_changes_and_deletes(shelf, alice):
    first, second = alice.make("books", title="Emma"), alice.make("books", title="Persuasion")
    answer = send(
        alice,
        {"op": "update", "resource": "books", "id": first["id"], "data": {"title": "Evelina"}, "if_match": "1"},
        {"op": "update", "resource": "books", "id": first["id"], "data": {"extra": 1}, "if_match": '"2"'},
        {"op": "delete", "resource": "books", "id": second["id"]},
    )
    assert answer.status_code == 200, answer.json
    assert [each["data"] and each["data"]["version"] for each in answer.json["data"]] == [2, 3, None]
    assert [book["title"] for book in alice.get("/books").json["data"]] == ["Evelina"]


def test_a_batch_with_a_wrong_operation_changes_nothing(shelf, alice, bob):
    book = bob.make("books", title="Emma")
    path = {"resource": "books", "id": book["id"]}
    wrong = {
        "a wrong value": (create("books", title=7), 422),
        "an unknown field": (create("books", title="x", isbn="y"), 422),
        "a missing target": (create("books", title="x", author=UNKNOWN_ID), 422),
        "a later operation": (create("books", title="x", author={"$ref": 5}), 422),
        "itself": (create("books", title="x", author={"$ref": 2}), 422),
        "a truth for a number": (create("books", title="x", author={"$ref": False}), 422),
        "no resource": (create("nothing", title="x"), 404),
        "a system table": (create("users", email="x@example.com"), 404),
        "no record": ({"op": "delete", "resource": "books", "id": UNKNOWN_ID}, 404),
        "another's record": ({"op": "update", "data": {"title": "Mine"}, **path}, 403),
        "an old version": ({"op": "delete", "if_match": "7", **path}, 412),
        "a value that is taken": (create("authors", name="Eliot"), 409),
        "no id": ({"op": "delete", "resource": "books"}, 422),
        "no data": ({"op": "update", **path}, 422),
        "an id to create": ({"op": "create", "data": {"title": "x"}, **path}, 422),
    }
    for what, (operation, status) in wrong.items():
        answer = send(alice, create("authors", name="Eliot"), create("books", title="Romola"), operation)
        assert answer.status_code == status, (what, answer.json)
        assert [*details_of(answer)["operations"]] == ["2"], what
        assert answer.json["error"]["message"].startswith("Operation 2: "), what
        assert totals(alice) == [0, 1], what
    assert alice.get(f"/books/{book['id']}").json["data"] == book


@ON_SQLITE
def test_says_which_value_of_an_operation_is_wrong(shelf, alice):
    alice.make("authors", name="Eliot")
    wrong = {
        "name": create("authors", name="Eliot"),
        "title": create("books", title=7),
        "author": create("books", title="x", author={"$ref": 5}),
    }
    for name, operation in wrong.items():
        errors = details_of(send(alice, operation))["operations"]["0"]
        assert [*errors["data"]] == [name], errors


@ON_SQLITE
def test_refuses_a_body_that_is_no_batch(shelf, alice):
    for body in ({}, {"operations": []}, {"operations": [create("books", title="x")] * 101}, {"operations": [7]}):
        assert alice.post("/batch", json=body).status_code == 422
    assert send(alice, {"op": "upsert", "resource": "books", "data": {}}).status_code == 422
    assert totals(alice) == [0, 0]


def test_a_batch_keeps_to_grants_and_rules(admin, alice, stranger):
    admin.declare(
        "notes",
        {"title": {"type": "string"}, "grade": {"type": "integer", "readable_by": ["editor"]}},
        access={"create": [{"role": "member", "where": {"title": {"ne": "secret"}}}]},
    )
    assert send(stranger, create("notes", title="x")).status_code == 401
    for wrong in ({"title": "secret"}, {"title": "x", "grade": 7}, {"title": "x", "created_by": UNKNOWN_ID}):
        assert send(alice, create("notes", title="x"), create("notes", **wrong)).status_code in (403, 422)
    assert admin.get("/notes").json["meta"]["total"] == 0
    note = admin.make("notes", title="x", grade=1)
    for op in ({"op": "update", "data": {"title": "y"}}, {"op": "delete"}):
        assert send(alice, op | {"resource": "notes", "id": note["id"]}).status_code == 403


@ON_SQLITE
def test_a_batch_counts_as_many_requests_as_it_has_operations(settings, admin, shelf):
    person = Person(create_app(replace(settings, rate_limit="10/minute")), "alice")
    assert send(person, *[create("books", title="x")] * 8).status_code == 200
    assert send(person, *[create("books", title="x")] * 8).status_code == 429
    assert totals(admin) == [0, 8]


def test_a_batch_that_is_repeated_is_applied_once(shelf, alice):
    key = {"Idempotency-Key": "a-batch"}
    first, again = (send(alice, create("authors", name="Eliot"), headers=key) for _ in range(2))
    assert (first.json["data"], again.headers["Idempotency-Replayed"]) == (again.json["data"], "true")
    assert totals(alice) == [1, 0]
