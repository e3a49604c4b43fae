"""`GET /<name>/export` and `POST /<name>/import`."""

import csv
import io
import json
from dataclasses import replace

import pytest

from backend import create_app
from tests.conftest import ON_SQLITE, Person
from tests.helpers import CSV, NDJSON, details_of, load, outcome

ACCESS = {"list": ["member"], "read": ["member"], "create": ["member"], "update": ["owner"], "delete": ["owner"]}
BOOKS = {
    "title": {"type": "string", "required": True},
    "isbn": {"type": "string", "unique": True},
    "pages": {"type": "integer", "min": 1},
    "price": {"type": "decimal"},
    "read": {"type": "boolean"},
    "tags": {"type": "json"},
    "shelf": {"type": "reference", "to": "shelves"},
}


@pytest.fixture
def books(admin):
    """Shelves and books, which members may make and change."""
    admin.declare("shelves", {"code": {"type": "string", "unique": True}}, access=ACCESS)
    admin.declare("books", BOOKS, access=ACCESS, search=["title"])
    return admin.make("shelves", code="A1")


def export(person, form="csv", resource="books", **query):
    answer = person.get(f"/{resource}/export", query_string={"format": form} | query)
    assert answer.status_code == 200, answer.json
    if form == "ndjson":
        return [json.loads(line) for line in answer.text.splitlines()]
    return [*csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"), newline=""))]


def listed(person, *names):
    return [tuple(book[name] for name in names) for book in person.get("/books?sort=id&per_page=200").json["data"]]


def test_creates_records_from_csv(books, alice):
    content = 'title,pages,price,read,tags,shelf_code\r\nEmma,474,12.50,true,"[1, null]",A1\r\n"Dune, 2",,,,,\r\n'
    assert outcome(load(alice, content)) == (2, 2, 0, 0)
    assert listed(alice, "title", "pages", "price", "read", "tags", "shelf", "created_by") == [
        ("Emma", 474, "12.50", True, [1, None], books["id"], alice.id),
        ("Dune, 2", None, None, None, None, None, alice.id),
    ]
    assert alice.get("/books?q=emma").json["meta"]["total"] == 1


def test_creates_records_from_ndjson(books, alice):
    lines = [{"title": "Emma", "pages": 474, "tags": {"a": 1}}, {"title": "", "shelf_code": "A1", "pages": None}]
    assert outcome(load(alice, "\n".join(map(json.dumps, lines)), NDJSON)) == (2, 2, 0, 0)
    assert listed(alice, "title", "pages", "tags", "shelf") == [
        ("Emma", 474, {"a": 1}, None),
        ("", None, None, books["id"]),
    ]


BAD = {
    "a value": ("title,pages\nEmma,none\n", CSV, ["2"]),
    "some rows": ("title,pages\nEmma,1\nDune,0\n,3\n", CSV, ["3", "4"]),
    "too many cells": ("title\nEmma,1\n", CSV, ["2"]),
    "a duplicate": ("title,isbn\nEmma,1\nDune,1\n", CSV, ["3"]),
    "a duplicate before a value": ("title,isbn\nEmma,1\nDune,1\n,2\n", CSV, ["3", "4"]),
    "a missing target": ("title,shelf_code\nEmma,B7\n", CSV, ["2"]),
    "an open quote": ('title\n"Emma\n', CSV, ["2"]),
    "nothing": ("", CSV, ["1"]),
    "no UTF-8": (b"title\nEmma\nD\xfcne\n", CSV, None),
    "no JSON": ('{"title": "Emma"}\nDune\n', NDJSON, ["2"]),
    "no object": ("7\n[1]\nnull\n", NDJSON, ["1", "2", "3"]),
    "an unknown name": ('{"title": "Emma", "isbm": "1"}\n', NDJSON, ["1"]),
    "a wrong type": ('{"title": "Emma", "pages": "7"}\n{"title": 7}\n', NDJSON, ["1", "2"]),
    "not a number": ('{"title": "Emma", "price": NaN}\n', NDJSON, ["1"]),
    "a text that cannot be kept": ('{"title": "\\u0000"}\n{"title": "\\ud800"}\n', NDJSON, ["1", "2"]),
    "no title": ('{"pages": 1}\n{"title": null}\n', NDJSON, ["1", "2"]),
}


def test_a_file_with_bad_rows_is_not_written_and_each_row_is_reported(books, alice):
    for what, (content, kind, lines) in BAD.items():
        answer = load(alice, content, kind)
        assert (answer.status_code, answer.json["error"]["code"]) == (422, "VALIDATION_ERROR"), (what, answer.json)
        assert lines in (None, [*details_of(answer)["rows"]]), (what, answer.json)
    assert listed(alice, "title") == []
    assert outcome(load(alice, BAD["some rows"][0], keep_good="true")) == (3, 1, 0, 2)
    assert listed(alice, "title") == [("Emma",)]


def test_a_dry_run_writes_nothing(books, alice):
    answer = load(alice, "title,pages\nEmma,1\nDune,0\n", dry_run="true")
    assert outcome(answer) == (2, 1, 0, 1)
    assert answer.json["data"]["problems"][0]["line"] == 3
    assert listed(alice, "title") == []


@ON_SQLITE
def test_refuses_files_of_other_types(books, alice):
    assert load(alice, "title\nEmma\n", "application/json").status_code == 415
    assert load(alice, "title\nEmma\n", "").status_code == 415
    for query in ({"mode": "upsert"}, {"key": "isbn"}, {"mode": "replace"}, {"mode": "upsert", "key": "title"}):
        assert load(alice, "title\nEmma\n", **query).status_code == 422, query
    assert details_of(load(alice, "title,nope\nEmma,1\n"))["columns"] == {"nope": ["Unknown column."]}
    assert alice.get("/books/export?format=xml").status_code == 422
    assert alice.get("/books/export?page=2").status_code == 422


def test_an_upsert_changes_what_is_there_and_creates_the_rest(books, alice):
    load(alice, "title,isbn,pages\nEmma,1,10\nDune,2,20\n")
    content = "title,isbn,pages\nEmma!,1,11\nUlysses,3,30\nDune,2,\nUlysses!,3,33\n"
    assert outcome(load(alice, content, mode="upsert", key="isbn")) == (4, 1, 3, 0)
    assert listed(alice, "title", "isbn", "pages", "version") == [
        ("Emma!", "1", 11, 2),
        ("Dune", "2", None, 2),
        ("Ulysses!", "3", 33, 2),
    ]
    lines = '{"isbn": "1", "pages": 12}\n{"isbn": "2", "title": null}\n{"title": "no key"}\n'
    answer = load(alice, lines, NDJSON, mode="upsert", key="isbn", keep_good="true")
    assert outcome(answer) == (3, 0, 1, 2)
    assert listed(alice, "title", "pages")[0] == ("Emma!", 12)


def test_an_exported_file_comes_back_as_an_upsert_and_notices_other_changes(books, alice):
    load(alice, "title,isbn\nEmma,1\nDune,2\n")
    text = alice.get("/books/export").text.replace("Emma", "Emma!").replace("Dune", "Dune!")
    book = alice.get("/books?isbn=2").json["data"][0]
    alice.patch(f"/books/{book['id']}", json={"pages": 7})
    answer = load(alice, text, mode="upsert", key="id", keep_good="true")
    assert outcome(answer) == (2, 0, 1, 1)
    assert "has changed since" in answer.json["data"]["problems"][0]["message"]
    assert listed(alice, "title", "pages") == [("Emma!", None), ("Dune", 7)]


def test_writes_what_a_list_finds(books, admin, alice, bob):
    load(alice, "title,pages,price,read,tags\nEmma,474,-1.50,true,[1]\nDune,612,,false,\n")
    csv_rows = export(alice, pages__gt=500, fields="title,pages,read")
    assert csv_rows == [{"title": "Dune", "pages": "612", "read": "false"}]
    assert [row["title"] for row in export(alice, sort="-title")] == ["Emma", "Dune"]
    assert [row["title"] for row in export(alice, "ndjson", q="emm")] == ["Emma"]
    assert export(alice, "ndjson", sort="title") == alice.get("/books?sort=title").json["data"]
    assert export(alice)[0]["price"] == "-1.50"
    answer = alice.get("/books/export")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="books.csv"'
    assert answer.content_type.startswith("text/csv")


def test_writes_more_than_a_page(books, alice):
    rows = "".join(f"Book {number},{number % 7 + 1}\n" for number in range(2300))
    assert outcome(load(alice, f"title,pages\n{rows}"))[1] == 2300
    for query in ({}, {"sort": "-pages"}):
        found = export(alice, "ndjson", **query)
        assert len({row["id"] for row in found}) == len(found) == 2300
    assert len(export(alice, "csv")) == 2300


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "'=1", "''=1", "'", "'a", "a=1", "", " =1"]


def test_a_cell_does_not_become_a_formula_and_comes_back_as_it_was(books, admin, alice):
    for text in FORMULAS:
        alice.make("books", title=text)
    cells = [row["title"] for row in export(alice, sort="id")]
    assert [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")] == []
    content = alice.get("/books/export?sort=id&fields=title").text
    assert outcome(load(alice, content)) == (len(FORMULAS), len(FORMULAS), 0, 0)
    assert [title for (title,) in listed(alice, "title")][len(FORMULAS) :] == FORMULAS


def test_an_export_shows_no_row_and_no_field_that_a_list_would_not(admin, alice, edith):
    fields = {"title": {"type": "string"}, "wage": {"type": "integer", "readable_by": ["editor"]}}
    admin.declare("notes", fields, access={"list": [{"role": "member", "where": {"title": {"ne": "hidden"}}}]})
    admin.make("notes", title="Milk", wage=42)
    admin.make("notes", title="hidden", wage=43)
    for form in ("csv", "ndjson"):
        assert [[*row] for row in export(alice, form, "notes", fields="title")] == [["title"]]
        assert "wage" not in export(alice, form, "notes")[0]
        assert len(export(alice, form, "notes")) == len(export(edith, form, "notes")) == 1
        assert str(export(edith, form, "notes")[0]["wage"]) == "42"
    for query in ("fields=wage", "wage=42", "sort=wage", "wage__gt=1"):
        assert alice.get(f"/notes/export?{query}").status_code == 422


def test_an_import_keeps_to_grants_and_rules(admin, alice, bob, edith, stranger):
    fields = {
        "title": {"type": "string", "required": True, "unique": True},
        "grade": {"type": "integer", "readable_by": ["editor"]},
    }
    access = {"read": ["member"], "list": ["member"], "update": ["owner"]}
    access["create"] = [{"role": "member", "where": {"title": {"ne": "secret"}}}]
    admin.declare("notes", fields, access=access)
    assert load(stranger, "title\nx\n", resource="notes").status_code == 401
    assert load(alice, "title,grade\nx,1\n", resource="notes").status_code == 422
    assert load(alice, "title\nsecret\n", resource="notes").status_code == 422
    assert load(alice, '{"title": "x", "grade": 1}', NDJSON, "notes").status_code == 422
    alice.make("notes", title="hers")
    upsert = {"resource": "notes", "mode": "upsert", "key": "title"}
    assert load(bob, "title\nhers\n", **upsert).status_code == 422
    assert load(edith, "title,grade\nhers,5\n", **upsert).status_code == 422
    assert outcome(load(alice, "title\nhers\nmore\n", **upsert)) == (2, 1, 1, 0)
    admin.put("/resources/notes", json={"fields": fields, "access": access | {"create": []}})
    assert load(alice, "title\nnew\n", resource="notes").status_code == 403
    assert load(alice, "title\nnew\n", **upsert).status_code == 422
    assert outcome(load(alice, "title\nhers\n", **upsert)) == (1, 0, 1, 0)


def test_nobody_but_an_admin_writes_system_fields(books, admin, alice, bob):
    row = {
        "id": "0193e0f4-0000-7000-8000-000000000001",
        "title": "Emma",
        "version": 7,
        "created_at": "2020-01-01T00:00:00.000000Z",
        "updated_at": "2021-01-01T00:00:00.000000Z",
        "created_by": bob.id,
    }
    assert load(alice, json.dumps(row), NDJSON).status_code == 422
    without = {name: value for name, value in row.items() if name != "id"}
    assert outcome(load(alice, json.dumps(without), NDJSON)) == (1, 1, 0, 0)
    (book,) = alice.get("/books").json["data"]
    assert (book["version"], book["created_by"], book["created_at"] > "2026") == (1, alice.id, True)
    assert outcome(load(admin, json.dumps(row), NDJSON)) == (1, 1, 0, 0)
    kept = admin.get(f"/books/{row['id']}").json["data"]
    assert {name: kept[name] for name in row} == row
    nobodys = row | {"id": row["id"][:-1] + "2", "created_by": row["id"]}
    assert outcome(load(admin, json.dumps(nobodys), NDJSON)) == (1, 1, 0, 0)
    assert admin.get(f"/books/{nobodys['id']}").json["data"]["created_by"] is None


def test_a_version_that_has_to_be_named_is_named_by_a_column(admin, alice):
    admin.declare("notes", {"title": {"type": "string"}}, access=ACCESS, require_if_match=True)
    note = alice.make("notes", title="Milk")
    path = {"resource": "notes", "mode": "upsert", "key": "id"}
    assert load(alice, f"id,title\n{note['id']},Tea\n", **path).status_code == 422
    assert outcome(load(alice, f"id,version,title\n{note['id']},1,Tea\n", **path)) == (1, 0, 1, 0)


@ON_SQLITE
def test_a_file_may_be_larger_than_other_bodies_but_not_of_any_size(settings, books, admin):
    small = replace(settings, max_body_bytes=2000, max_import_bytes=50_000)
    person = Person(create_app(small), "admin")
    rows = "title\n" + "x" * 99 + "\n"
    assert outcome(load(person, rows + "Emma Woodhouse\n" * 2000))[1] == 2001
    assert load(person, rows + "Emma Woodhouse\n" * 5000).status_code == 413


def test_a_reference_and_the_creator_can_be_in_the_key(admin, alice, bob):
    fields = {"code": {"type": "string"}, "n": {"type": "integer"}}
    tree = {"name": {"type": "string", "unique": True}, "parent": {"type": "reference", "to": "nodes"}}
    access = {action: ["member"] for action in ("create", "list", "read", "update")}
    admin.declare("nodes", fields | tree, unique=[["parent", "code"]], access=access)
    admin.declare("notes", fields, unique=[["created_by", "code"]], access=access)
    content = "name,parent_name,code,n\nb,a,1,1\nc,b,1,1\na,r,1,1\nr,,1,1\n"
    assert outcome(load(alice, content, resource="nodes")) == (4, 4, 0, 0)
    content = "name,parent_name,code,n\nc,b,1,5\nb,a,1,6\nd,b,2,7\n"
    answer = load(alice, content, resource="nodes", mode="upsert", key="code,parent")
    assert outcome(answer) == (3, 1, 2, 0)
    found = {each["name"]: each["n"] for each in alice.get("/nodes").json["data"]}
    assert found == {"a": 1, "b": 6, "c": 5, "d": 7, "r": 1}
    for person in (alice, bob, alice):
        load(person, "code,n\n1,2\n", resource="notes", mode="upsert", key="created_by,code")
    notes = {each["created_by"]: each["version"] for each in alice.get("/notes").json["data"]}
    assert notes == {alice.id: 2, bob.id: 1}
