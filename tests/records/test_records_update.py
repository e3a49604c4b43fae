"""`PATCH /<name>/<id>`."""

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
    "shelf": {"type": "integer"},
    "place": {"type": "integer"},
    "parent": {"type": "reference", "to": "notes"},
}


@pytest.fixture
def note(admin, alice):
    """A note of alice's that members may read, but only she may change."""
    admin.declare("notes", FIELDS, unique=[["shelf", "place"]], access=ACCESS)
    return alice.make("notes", title="Milk", text="Two pints", state="final", code="A1", shelf=1, place=1)


def test_changes_only_what_is_given(note, alice):
    response = alice.patch(f"/notes/{note['id']}", json={"title": "Eggs"})
    record = response.json["data"]
    assert response.status_code == 200
    assert response.headers["ETag"] == '"2"'
    assert record == note | {"title": "Eggs", "version": 2, "updated_at": record["updated_at"]}
    assert record["updated_at"] > note["updated_at"]
    assert alice.get(f"/notes/{note['id']}").json["data"] == record


def test_sets_a_field_to_null(note, alice):
    record = alice.patch(f"/notes/{note['id']}", json={"text": None, "state": None}).json["data"]
    assert (record["title"], record["text"], record["state"]) == ("Milk", None, None)


@ON_SQLITE
def test_an_empty_change_changes_nothing(note, alice):
    response = alice.patch(f"/notes/{note['id']}", json={})
    assert response.json["data"] == note
    assert response.headers["ETag"] == '"1"'


@ON_SQLITE
def test_needs_a_login(note, alice, stranger):
    assert stranger.patch(f"/notes/{note['id']}", json={"title": "Eggs"}).status_code == 401
    assert alice.get(f"/notes/{note['id']}").json["data"] == note


def test_refuses_to_change_a_record_that_the_actor_may_only_read(note, bob):
    for body in ({"title": "Eggs"}, {}):
        assert bob.patch(f"/notes/{note['id']}", json=body).status_code == 403
    assert bob.get(f"/notes/{note['id']}").json["data"] == note


def test_a_record_of_others_looks_like_a_missing_one(admin, alice, bob):
    everything = {"read": ["owner"], "create": ["member"], "update": ["member"]}
    admin.declare("secrets", {"title": {"type": "string"}}, access=everything)
    secret = alice.make("secrets", title="Milk")
    refusals = [bob.patch(f"/secrets/{each}", json={"title": "Eggs"}) for each in (secret["id"], uuid4())]
    assert [response.status_code for response in refusals] == [404, 404]
    assert refusals[0].json["error"] == refusals[1].json["error"]
    assert alice.get(f"/secrets/{secret['id']}").json["data"] == secret


@ON_SQLITE
def test_finds_nothing_under_an_unknown_or_malformed_id(note, alice):
    for wrong in (uuid4(), "1", note["id"][:-1], "%00"):
        assert alice.patch(f"/notes/{wrong}", json={"title": "Eggs"}).status_code == 404, wrong


@ON_SQLITE
def test_rejects_bad_values(note, alice):
    for name, value in [("title", None), ("title", "x" * 21), ("state", "done"), ("shelf", 1.5), ("parent", "root")]:
        response = alice.patch(f"/notes/{note['id']}", json={"text": "Three pints", name: value})
        assert response.status_code == 422, (name, value)
        assert list(details_of(response)["json"]) == [name]
    assert alice.get(f"/notes/{note['id']}").json["data"] == note


@ON_SQLITE
def test_rejects_unknown_and_system_fields(note, alice, bob):
    moment = "2020-01-01T00:00:00Z"
    system = {"id": str(uuid4()), "version": 9, "created_by": bob.id, "created_at": moment, "updated_at": moment}
    response = alice.patch(f"/notes/{note['id']}", json={"text": "Three pints", "titel": "Eggs"} | system)
    assert response.status_code == 422
    assert set(details_of(response)["json"]) == {"titel", *system}
    assert alice.get(f"/notes/{note['id']}").json["data"] == note


@ON_SQLITE
def test_rejects_query_parameters(note, alice):
    response = alice.patch(f"/notes/{note['id']}?title=Eggs&title=Salt", json={"text": "Three pints"})
    assert response.status_code == 422
    assert list(details_of(response)["query"]) == ["title"]
    assert alice.get(f"/notes/{note['id']}").json["data"] == note


def test_takes_the_unique_value_it_has(note, alice):
    assert alice.patch(f"/notes/{note['id']}", json={"code": "A1"}).json["data"]["version"] == 2


def test_refuses_taken_values(note, alice):
    other = alice.make("notes", title="Eggs", code="B2", shelf=1, place=2)
    for values, taken in [({"title": "Salt", "code": "A1"}, {"code"}), ({"place": 1}, {"shelf", "place"})]:
        response = alice.patch(f"/notes/{other['id']}", json=values)
        assert response.status_code == 409, values
        assert set(details_of(response)["json"]) == taken
    assert alice.get(f"/notes/{other['id']}").json["data"] == other


def test_rejects_a_reference_to_nothing(note, alice):
    response = alice.patch(f"/notes/{note['id']}", json={"title": "Eggs", "parent": str(uuid4())})
    assert response.status_code == 422
    assert list(details_of(response)["json"]) == ["parent"]
    assert alice.get(f"/notes/{note['id']}").json["data"] == note


def test_a_record_may_refer_to_itself(note, alice):
    record = alice.patch(f"/notes/{note['id']}", json={"parent": note["id"]}).json["data"]
    assert record["parent"] == note["id"]


def test_changes_a_record_that_has_the_wanted_version(note, alice):
    for version, tags in enumerate(['"1"', 'W/"2"', '"9", "3"', 'W/"9",W/"4"', "*"], start=1):
        response = alice.patch(f"/notes/{note['id']}", json={"shelf": version}, headers={"If-Match": tags})
        assert response.status_code == 200, tags
        assert response.headers["ETag"] == f'"{version + 1}"'


@ON_SQLITE
def test_refuses_to_change_another_version(note, alice):
    for tags in ('"2"', 'W/"2"', '"2", "3"', '"11"', '""', 'W/""', "", "garbage", '"', ",,", '"1.0"', '"*"'):
        for body in ({"title": "Eggs"}, {}):
            response = alice.patch(f"/notes/{note['id']}", json=body, headers={"If-Match": tags})
            assert response.status_code == 412, tags
    assert alice.get(f"/notes/{note['id']}").json["data"] == note


@pytest.mark.parametrize("tag", ['"1"', "*"])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_definition_may_require_if_match_for_every_write(admin, method, tag):
    admin.declare("notes", {"title": {"type": "string"}}, require_if_match=True)
    path = f"/notes/{admin.make('notes', title='Milk')['id']}"
    refused = admin.send(method, path, json={"title": "Bread"})
    assert (refused.status_code, refused.json["error"]["code"]) == (428, "PRECONDITION_REQUIRED")
    assert admin.get(path).json["data"]["title"] == "Milk"
    assert admin.send(method, path, json={"title": "Bread"}, headers={"If-Match": tag}).status_code == 200
