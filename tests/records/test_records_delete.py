"""`DELETE /<name>/<id>`, and what becomes of the records that refer to the deleted one."""

from uuid import uuid4

import pytest

from tests.conftest import ON_SQLITE
from tests.helpers import details_of

ACCESS = {"list": ["member"], "read": ["member"], "create": ["member"], "delete": ["owner"]}


@pytest.fixture
def note(admin, alice):
    """A note of alice's that members may read, but only she may delete."""
    admin.declare("notes", {"title": {"type": "string", "required": True}}, access=ACCESS)
    return alice.make("notes", title="Milk")


@pytest.fixture
def album(admin, alice):
    """An album of alice's; photos go with it, covers lose it, prints hold it."""
    admin.declare("albums", {"name": {"type": "string"}}, access=ACCESS)
    for name, on_delete in [("photos", "cascade"), ("covers", "set_null"), ("prints", "restrict")]:
        reference = {"type": "reference", "to": "albums", "on_delete": on_delete}
        admin.declare(name, {"name": {"type": "string"}, "album": reference}, access=ACCESS)
    return alice.make("albums", name="Rome")


def names(person, resource):
    """Return the names of all records."""
    return [record["name"] for record in person.get(f"/{resource}?sort=name").json["data"]]


def test_deletes_a_record(note, alice):
    kept = alice.make("notes", title="Eggs")
    response = alice.delete(f"/notes/{note['id']}")
    assert (response.status_code, response.json["data"]) == (200, None)
    assert alice.get(f"/notes/{note['id']}").status_code == 404
    assert alice.get("/notes").json["data"] == [kept]


@ON_SQLITE
def test_deletes_only_once(note, alice):
    assert [alice.delete(f"/notes/{note['id']}").status_code for _ in range(2)] == [200, 404]


@ON_SQLITE
def test_needs_a_login(note, alice, stranger):
    assert stranger.delete(f"/notes/{note['id']}").status_code == 401
    assert alice.get(f"/notes/{note['id']}").json["data"] == note


def test_refuses_to_delete_a_record_that_the_actor_may_only_read(note, bob):
    assert bob.delete(f"/notes/{note['id']}").status_code == 403
    assert bob.get(f"/notes/{note['id']}").json["data"] == note


def test_a_record_of_others_looks_like_a_missing_one(admin, alice, bob):
    access = {"read": ["owner"], "create": ["member"], "delete": ["member"]}
    admin.declare("secrets", {"title": {"type": "string"}}, access=access)
    secret = alice.make("secrets", title="Milk")
    refusals = [bob.delete(f"/secrets/{each}") for each in (secret["id"], uuid4())]
    assert [response.status_code for response in refusals] == [404, 404]
    assert refusals[0].json["error"] == refusals[1].json["error"]
    assert alice.get(f"/secrets/{secret['id']}").json["data"] == secret


@ON_SQLITE
def test_finds_nothing_under_a_malformed_id(note, alice):
    for wrong in ("1", "*", note["id"][:-1], "%27%20OR%201=1"):
        assert alice.delete(f"/notes/{wrong}").status_code == 404, wrong
    assert alice.get("/notes").json["data"] == [note]


@ON_SQLITE
def test_rejects_query_parameters(note, alice):
    response = alice.delete(f"/notes/{note['id']}?confirm=true")
    assert details_of(response) == {"query": {"confirm": ["Unknown parameter."]}}
    assert alice.get("/notes").json["data"] == [note]


@ON_SQLITE
def test_deletes_a_record_that_has_the_wanted_version(note, alice):
    for tags in ('"1"', 'W/"1"', '"7", "1"', "*"):
        made = alice.make("notes", title=tags)
        assert alice.delete(f"/notes/{made['id']}", headers={"If-Match": tags}).status_code == 200, tags
    assert alice.get("/notes").json["data"] == [note]


@ON_SQLITE
def test_refuses_to_delete_another_version(note, alice):
    for tags in ('"2"', 'W/"2"', '"2", "3"', '""', "", "garbage"):
        assert alice.delete(f"/notes/{note['id']}", headers={"If-Match": tags}).status_code == 412, tags
    assert alice.get("/notes").json["data"] == [note]


def test_deletes_records_that_refer_with_cascade(album, alice, bob):
    other = alice.make("albums", name="Oslo")
    bob.make("photos", name="Forum", album=album["id"])
    bob.make("photos", name="Fjord", album=other["id"])
    bob.make("photos", name="Loose")
    assert alice.delete(f"/albums/{album['id']}").status_code == 200
    assert names(alice, "photos") == ["Fjord", "Loose"]


def test_empties_references_with_set_null(album, alice):
    other = alice.make("albums", name="Oslo")
    cover, kept = alice.make("covers", name="Red", album=album["id"]), alice.make("covers", album=other["id"])
    assert alice.delete(f"/albums/{album['id']}").status_code == 200
    assert alice.get(f"/covers/{cover['id']}").json["data"]["album"] is None
    assert alice.get(f"/covers/{kept['id']}").json["data"] == kept


def test_refuses_while_records_refer_with_restrict(album, alice):
    alice.make("photos", name="Forum", album=album["id"])
    cover, print_ = (alice.make(each, album=album["id"]) for each in ("covers", "prints"))
    response = alice.delete(f"/albums/{album['id']}")
    assert response.status_code == 409
    assert response.json["error"]["message"] == "The record is still referenced by prints."
    assert names(alice, "albums") == ["Rome"]
    assert names(alice, "photos") == ["Forum"]
    assert [alice.get("/covers").json["data"], alice.get("/prints").json["data"]] == [[cover], [print_]]


def test_deletes_a_record_that_nobody_refers_to_any_more(album, alice):
    held = alice.make("prints", album=album["id"])
    assert alice.delete(f"/albums/{album['id']}").status_code == 409
    alice.delete(f"/prints/{held['id']}")
    assert alice.delete(f"/albums/{album['id']}").status_code == 200


def test_references_within_a_resource(admin, alice):
    """Each chain is root <- child <- grandchild; then the root is deleted."""
    left = {"cascade": [], "set_null": ["child", "grandchild"], "restrict": ["child", "grandchild", "root"]}
    for on_delete, remaining in left.items():
        name, fields = f"tree_{on_delete}", {"name": {"type": "string"}}
        parent = {"type": "reference", "to": name, "on_delete": on_delete}
        admin.declare(name, fields | {"parent": parent}, access=ACCESS)
        root = alice.make(name, name="root")
        child = alice.make(name, name="child", parent=root["id"])
        alice.make(name, name="grandchild", parent=child["id"])
        assert alice.delete(f"/{name}/{root['id']}").status_code == (409 if on_delete == "restrict" else 200)
        assert names(alice, name) == remaining


def test_a_record_that_refers_to_itself_can_be_deleted(admin, alice):
    for on_delete in ("cascade", "set_null", "restrict"):
        name = f"loop_{on_delete}"
        parent = {"type": "reference", "to": name, "on_delete": on_delete}
        admin.declare(name, {"parent": parent}, access=ACCESS | {"update": ["owner"]})
        path = f"/{name}/{alice.make(name)['id']}"
        assert alice.patch(path, json={"parent": path.rpartition("/")[2]}).status_code == 200
        assert alice.delete(path).status_code == 200, on_delete
