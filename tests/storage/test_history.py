"""`history: true`: who changed what of a record."""

import pytest

from backend.services.storage import history
from tests.conftest import ON_SQLITE
from tests.helpers import OPEN

FIELDS = {
    "title": {"type": "string", "required": True},
    "price": {"type": "decimal"},
    "tags": {"type": "json"},
    "wage": {"type": "integer", "readable_by": ["editor"]},
    "parent": {"type": "reference", "to": "notes", "on_delete": "set_null"},
    "top": {"type": "reference", "to": "notes", "on_delete": "cascade"},
}


@pytest.fixture
def notes(admin):
    """A resource with a history, whose records members change."""
    return admin.declare("notes", FIELDS, access=OPEN, history=True)


def past(person, note, query=""):
    answer = person.get(f"/notes/{note['id']}/history?{query}")
    assert answer.status_code == 200, answer.json
    return [
        (each["action"], {name: (pair["from"], pair["to"]) for name, pair in each["changes"].items()})
        for each in answer.json["data"]
    ]


def test_keeps_who_changed_what_from_which_value_to_which(notes, admin, alice, bob):
    note = alice.make("notes", title="Milk", price="1.50", tags=[1])
    bob.patch(f"/notes/{note['id']}", json={"price": "2.00", "title": "Milk"})
    alice.put(f"/notes/{note['id']}", json={"title": "Tea", "tags": {"a": None}})
    assert past(alice, note) == [
        ("update", {"title": ("Milk", "Tea"), "price": ("2.00", None), "tags": ([1], {"a": None})}),
        ("update", {"price": ("1.50", "2.00")}),
        (
            "create",
            {"title": (None, "Milk"), "price": (None, "1.50"), "tags": (None, [1]), "created_by": (None, alice.id)},
        ),
    ]
    entries = alice.get(f"/notes/{note['id']}/history").json["data"]
    assert [each["version"] for each in entries] == [3, 2, 1]
    assert [each["changed_by"] for each in entries] == [alice.id, bob.id, alice.id]
    assert entries[0]["changed_at"] > entries[2]["changed_at"]
    assert entries[0]["changed_at"].endswith("Z")


def test_history_has_pages(notes, alice):
    note = alice.make("notes", title="0")
    for number in range(1, 5):
        alice.patch(f"/notes/{note['id']}", json={"title": str(number)})
    answer = alice.get(f"/notes/{note['id']}/history?per_page=2&page=2").json
    assert ([each["version"] for each in answer["data"]], answer["meta"]["total"]) == ([3, 2], 5)
    assert alice.get(f"/notes/{note['id']}/history?sort=x").status_code == 422


def test_a_refused_change_leaves_nothing(notes, admin, alice):
    note = alice.make("notes", title="Milk")
    alice.patch(f"/notes/{note['id']}", json={"title": None})
    alice.patch(f"/notes/{note['id']}", json={"title": "x"}, headers={"If-Match": '"9"'})
    alice.post(
        "/batch",
        json={
            "operations": [
                {"op": "update", "resource": "notes", "id": note["id"], "data": {"title": "y"}},
                {"op": "create", "resource": "notes", "data": {}},
            ]
        },
    )
    assert [action for action, _ in past(alice, note)] == ["create"]


def test_every_way_to_change_a_record_is_kept(notes, admin, alice):
    top, parent = alice.make("notes", title="top"), alice.make("notes", title="parent")
    child = alice.make("notes", title="child", parent=parent["id"], top=top["id"])
    alice.post(
        "/batch",
        json={"operations": [{"op": "update", "resource": "notes", "id": child["id"], "data": {"title": "b"}}]},
    )
    load = {"content_type": "text/csv", "query_string": {"mode": "upsert", "key": "id"}}
    assert alice.post("/notes/import", data=f"id,title\n{child['id']},c\n", **load).status_code == 200
    assert alice.delete(f"/notes/{parent['id']}").status_code == 200
    assert [change for _, change in past(alice, child)][:3] == [
        {"parent": (parent["id"], None)},
        {"title": ("b", "c")},
        {"title": ("child", "b")},
    ]
    assert alice.delete(f"/notes/{top['id']}").status_code == 200
    assert alice.get(f"/notes/{child['id']}/history").status_code == 404
    action, changes = past(admin, child)[0]
    assert (action, changes["title"]) == ("delete", ("c", None))
    assert past(admin, parent)[0][0] == "delete"
    (made,) = (
        alice.post("/notes/import", data="title\nloaded\n", content_type="text/csv")
        and alice.get("/notes?title=loaded").json["data"]
    )
    assert past(alice, made)[0][1]["title"] == (None, "loaded")


def test_the_deletion_of_an_owner_is_in_the_history(notes, admin, alice, bob):
    note, id_of_alice = alice.make("notes", title="Milk"), alice.id
    admin.delete(f"/users/{id_of_alice}")
    assert past(bob, note)[0] == ("update", {"created_by": (id_of_alice, None)})


def test_shows_no_field_and_no_record_that_is_hidden(notes, admin, alice, edith, stranger):
    note = admin.make("notes", title="Milk", wage=4242424242)
    admin.patch(f"/notes/{note['id']}", json={"wage": 43})
    assert past(edith, note)[0] == ("update", {"wage": (4242424242, 43)})
    assert past(alice, note)[0] == ("update", {})
    assert "wage" not in alice.get(f"/notes/{note['id']}/history").text
    assert stranger.get(f"/notes/{note['id']}/history").status_code == 401
    missing = alice.get("/notes/0193e0f4-0000-7000-8000-000000000000/history")
    assert missing.status_code == 404


@ON_SQLITE
def test_a_record_that_a_rule_opens_does_not_reveal_its_earlier_history(admin, alice):
    access = {"read": [{"role": "member", "where": {"title": {"ne": "draft"}}}], "create": ["member"]}
    admin.declare("notes", {"title": {"type": "string"}}, access=access, history=True)
    note = admin.make("notes", title="draft")
    admin.patch(f"/notes/{note['id']}", json={"title": "done"})
    assert alice.get(f"/notes/{note['id']}").status_code == 200
    assert alice.get(f"/notes/{note['id']}/history").status_code == 403
    admin.put(
        "/resources/notes",
        json={"fields": {"title": {"type": "string"}}, "access": {"read": ["owner"]}, "history": True},
    )
    mine = admin.make("notes", title="x")
    assert alice.get(f"/notes/{mine['id']}/history").status_code == 404


def test_is_renamed_and_deleted_with_its_resource(notes, admin, alice):
    note = alice.make("notes", title="Milk")
    body = {"fields": FIELDS, "access": OPEN, "history": True}
    body["fields"] = {name: kind for name, kind in FIELDS.items() if kind["type"] != "reference"}
    assert admin.put("/resources/notes", json=body).status_code == 200
    assert admin.put("/resources/notes", json=body | {"name": "items", "renamed_from": "notes"}).status_code == 200
    assert alice.get(f"/items/{note['id']}/history").json["meta"]["total"] == 1
    admin.put("/resources/items", json=body | {"name": "items", "history": False})
    assert alice.get(f"/items/{note['id']}/history").status_code == 404
    admin.delete("/resources/items?confirm=true")
    admin.declare("items", body["fields"], access=OPEN, history=True)
    assert admin.get(f"/items/{note['id']}/history").status_code == 404


def redeclare(admin, fields, **rest):
    """Declare notes with other fields, whatever is lost."""
    body = {"access": OPEN, "history": True} | rest | {"fields": fields}
    plan = admin.post("/resources/notes/plan", json=body).json["data"]
    answer = admin.put(f"/resources/notes?confirm={plan['fingerprint']}", json=body)
    assert answer.status_code == 200, answer.json


def test_values_of_a_hidden_field_stay_hidden_when_its_name_is_used_again(admin, alice, edith):
    title, wage = {"type": "string"}, {"type": "integer", "readable_by": ["editor"]}
    admin.declare("notes", {"title": title, "wage": wage}, access=OPEN, history=True)
    note = admin.make("notes", title="Milk", wage=4242424242)
    redeclare(admin, {"title": title})
    assert "4242424242" not in alice.get(f"/notes/{note['id']}/history").text
    redeclare(admin, {"title": title, "wage": {"type": "integer"}})
    alice.patch(f"/notes/{note['id']}", json={"wage": 7})
    assert past(alice, note)[0] == ("update", {"wage": (None, 7)})
    assert "wage" not in past(alice, note)[-1][1]
    for person in (admin, edith):
        assert past(person, note)[-1][1]["wage"] == (None, 4242424242)


def test_values_of_a_hidden_field_stay_hidden_when_it_is_renamed_converted_or_opened(admin, alice, edith):
    title, wage = {"type": "string"}, {"type": "integer", "readable_by": ["editor"]}
    admin.declare("notes", {"title": title, "wage": wage}, access=OPEN, history=True)
    note = admin.make("notes", title="Milk", wage=4242424242)
    redeclare(admin, {"title": title, "pay": wage | {"renamed_from": "wage"}})
    redeclare(admin, {"title": title, "pay": {"type": "string", "readable_by": ["editor"]}})
    redeclare(admin, {"title": title, "pay": {"type": "string"}, "wage": {"type": "integer"}})
    assert alice.get(f"/notes/{note['id']}").json["data"]["pay"] == "4242424242"
    assert "4242424242" not in alice.get(f"/notes/{note['id']}/history").text
    assert past(edith, note)[-1][1]["wage"] == (None, 4242424242)


def test_a_field_that_is_hidden_from_now_on_hides_its_past_under_every_name(admin, alice, edith):
    title = {"type": "string"}
    admin.declare("notes", {"title": title, "wage": title}, access=OPEN, history=True)
    note = admin.make("notes", title="Milk", wage="much")
    redeclare(admin, {"title": title, "pay": title | {"renamed_from": "wage"}})
    assert past(alice, note)[-1][1]["wage"] == (None, "much")
    hidden = title | {"readable_by": ["editor"]}
    redeclare(admin, {"title": title, "pay": hidden})
    assert "much" not in alice.get(f"/notes/{note['id']}/history").text
    redeclare(admin, {"title": title})
    assert "much" not in alice.get(f"/notes/{note['id']}/history").text
    assert past(edith, note)[-1][1]["wage"] == (None, "much")


def test_a_resource_of_a_name_that_was_used_before_has_no_past(admin, alice):
    admin.declare("notes", {"wage": {"type": "integer", "readable_by": ["editor"]}}, access=OPEN, history=True)
    note = admin.make("notes", wage=4242424242)
    assert admin.delete("/resources/notes?confirm=true").status_code == 200
    admin.declare("notes", {"wage": {"type": "integer"}}, access=OPEN, history=True)
    assert alice.get(f"/notes/{note['id']}/history").status_code == 404
    assert admin.get(f"/notes/{note['id']}/history").status_code == 404
    load = {"content_type": "text/csv"}
    admin.post("/notes/import", data=f"id,wage\n{note['id']},1\n", **load)
    assert [action for action, _ in past(alice, note)] == ["create"]


def test_the_latest_comes_first_whatever_the_clock_says(notes, admin, alice, monkeypatch):
    note = alice.make("notes", title="0")
    moments = iter(f"0190000{left}-0000-7000-8000-{left:012}" for left in range(9, 0, -1))
    monkeypatch.setattr(history, "uuid7", lambda: next(moments))
    for number in (1, 2):
        alice.patch(f"/notes/{note['id']}", json={"title": str(number)})
    alice.delete(f"/notes/{note['id']}")
    admin.post("/notes/import", data=f"id,title\n{note['id']},again\n", content_type="text/csv")
    alice.patch(f"/notes/{note['id']}", json={"title": "end"})
    expected = [("update", 2), ("create", 1), ("delete", 3), ("update", 3), ("update", 2), ("create", 1)]
    path = f"/notes/{note['id']}/history"
    assert [(each["action"], each["version"]) for each in admin.get(path).json["data"]] == expected
    pages = [admin.get(f"{path}?per_page=2&page={page}").json["data"] for page in (1, 2, 3)]
    assert [(each["action"], each["version"]) for page in pages for each in page] == expected
