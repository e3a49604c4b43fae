"""`PUT /<name>/<id>`."""

from uuid import uuid4

import pytest

from tests.conftest import ON_SQLITE
from tests.helpers import details_of

ACCESS = {"read": ["member"], "create": ["member"], "update": ["owner"]}
FIELDS = {
    "title": {"type": "string", "required": True, "max_length": 20},
    "text": {"type": "text"},
    "state": {"type": "enum", "choices": ["draft", "final"], "default": "draft"},
    "code": {"type": "string", "unique": True},
}
FULL = {"title": "Milk", "text": "Two pints", "state": "final", "code": "A1"}


@pytest.fixture
def note(admin, alice):
    """A note of alice's that members may read, but only she may change."""
    admin.declare("notes", FIELDS, access=ACCESS)
    return alice.make("notes", **FULL)


def test_replaces_a_record(note, alice):
    values = {"title": "Eggs", "text": "A dozen", "state": "draft", "code": "B2"}
    response = alice.put(f"/notes/{note['id']}", json=values)
    record = response.json["data"]
    assert response.status_code == 200
    assert response.headers["ETag"] == '"2"'
    assert record == note | values | {"version": 2, "updated_at": record["updated_at"]}
    assert record["updated_at"] > note["updated_at"]
    assert alice.get(f"/notes/{note['id']}").json["data"] == record


@ON_SQLITE
def test_resets_what_is_left_out(note, alice):
    record = alice.put(f"/notes/{note['id']}", json={"title": "Eggs"}).json["data"]
    assert {name: record[name] for name in FIELDS} == {"title": "Eggs", "text": None, "state": "draft", "code": None}


def test_takes_a_record_with_the_unique_value_it_has(note, alice):
    assert alice.put(f"/notes/{note['id']}", json=FULL).json["data"]["code"] == "A1"


@ON_SQLITE
def test_needs_a_login(note, alice, stranger):
    assert stranger.put(f"/notes/{note['id']}", json={"title": "Eggs"}).status_code == 401
    assert alice.get(f"/notes/{note['id']}").json["data"] == note


def test_refuses_to_change_a_record_that_the_actor_may_only_read(note, bob):
    assert bob.put(f"/notes/{note['id']}", json={"title": "Eggs"}).status_code == 403
    assert bob.get(f"/notes/{note['id']}").json["data"] == note


def test_a_record_of_others_looks_like_a_missing_one(admin, alice, bob):
    everything = {"read": ["owner"], "create": ["member"], "update": ["member"]}
    admin.declare("secrets", {"title": {"type": "string"}}, access=everything)
    secret = alice.make("secrets", title="Milk")
    refusals = [bob.put(f"/secrets/{each}", json={"title": "Eggs"}) for each in (secret["id"], uuid4())]
    assert [response.status_code for response in refusals] == [404, 404]
    assert refusals[0].json["error"] == refusals[1].json["error"]
    assert alice.get(f"/secrets/{secret['id']}").json["data"] == secret


@ON_SQLITE
def test_creates_nothing_under_an_unknown_or_malformed_id(note, alice):
    for wrong in (uuid4(), "1", "new"):
        assert alice.put(f"/notes/{wrong}", json={"title": "Eggs"}).status_code == 404, wrong
        assert alice.get(f"/notes/{wrong}").status_code == 404, wrong


@ON_SQLITE
def test_rejects_bad_bodies(note, alice):
    bodies = [{}, {"text": "No title"}, {"title": None}, {"title": "x" * 21}, {"title": "Eggs", "titel": "Eggs"}]
    for body in bodies:
        response = alice.put(f"/notes/{note['id']}", json=body)
        assert response.status_code == 422, body
        assert list(details_of(response)) == ["json"]
    assert alice.get(f"/notes/{note['id']}").json["data"] == note


@ON_SQLITE
def test_rejects_a_record_as_it_was_read(note, alice):
    response = alice.put(f"/notes/{note['id']}", json=note)
    assert response.status_code == 422
    assert set(details_of(response)["json"]) == set(note) - set(FIELDS)
    assert alice.get(f"/notes/{note['id']}").json["data"] == note


@ON_SQLITE
def test_rejects_query_parameters(note, alice):
    response = alice.put(f"/notes/{note['id']}?confirm=true", json={"title": "Eggs"})
    assert details_of(response) == {"query": {"confirm": ["Unknown parameter."]}}
    assert alice.get(f"/notes/{note['id']}").json["data"] == note


def test_refuses_a_taken_value(note, alice):
    other = alice.make("notes", title="Eggs", code="B2")
    response = alice.put(f"/notes/{other['id']}", json={"title": "Salt", "code": "A1"})
    assert response.status_code == 409
    assert details_of(response) == {"json": {"code": ["Already taken."]}}
    assert alice.get(f"/notes/{other['id']}").json["data"] == other


@ON_SQLITE
def test_if_match_prevents_lost_updates(note, alice):
    path, seen = f"/notes/{note['id']}", {"If-Match": '"1"'}
    assert alice.put(path, json={"title": "Eggs"}, headers=seen).status_code == 200
    response = alice.put(path, json={"title": "Salt"}, headers=seen)
    assert response.status_code == 412
    assert alice.get(path).json["data"]["title"] == "Eggs"
