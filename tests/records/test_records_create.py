"""`POST /<name>`."""

from uuid import UUID, uuid4

import pytest

from tests.conftest import ON_SQLITE
from tests.helpers import details_of

ACCESS = {"list": ["public"], "read": ["public"], "create": ["member"]}
FIELDS = {
    "title": {"type": "string", "required": True, "max_length": 20},
    "stars": {"type": "integer", "min": 0, "max": 5},
    "state": {"type": "enum", "choices": ["draft", "final"], "default": "draft"},
    "pinned": {"type": "boolean", "required": True, "default": False},
    "code": {"type": "string", "unique": True},
    "shelf": {"type": "integer"},
    "place": {"type": "integer"},
}


@pytest.fixture
def notes(admin):
    """A resource of notes that members may write."""
    return admin.declare("notes", FIELDS, unique=[["shelf", "place"]], access=ACCESS)


@pytest.fixture
def albums(admin):
    """Albums that only their owners may read, and photos that refer to them."""
    admin.declare("albums", {"name": {"type": "string"}}, access={"read": ["owner"], "create": ["member"]})
    fields = {"album": {"type": "reference", "to": "albums"}}
    return admin.declare("photos", fields, access={"list": ["public"], "create": ["member"]})


def test_creates_a_record(notes, alice):
    response = alice.post("/notes", json={"title": "Milk"})
    assert response.status_code == 201
    record = response.json["data"]
    assert record["title"] == "Milk"
    assert record["created_by"] == alice.id
    assert response.headers["Location"] == f"/api/v1/notes/{record['id']}"
    assert response.headers["ETag"] == '"1"'


@ON_SQLITE
def test_gives_every_record_an_id_that_sorts_by_time(notes, alice):
    ids = [alice.make("notes", title=f"Note {i}")["id"] for i in range(5)]
    assert ids == sorted(set(ids))
    assert {UUID(each).version for each in ids} == {7}


@ON_SQLITE
def test_needs_a_login(notes, stranger):
    response = stranger.post("/notes", json={"title": "Milk"})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert stranger.get("/notes").json["data"] == []


def test_fills_in_defaults_and_nulls(notes, alice):
    record = alice.make("notes", title="Milk")
    left_out = {name: record[name] for name in ("stars", "state", "pinned", "code", "shelf", "place")}
    nulls = {"stars": None, "code": None, "shelf": None, "place": None}
    assert left_out == {"state": "draft", "pinned": False} | nulls
    assert record["version"] == 1
    assert record["created_at"] == record["updated_at"]


def test_keeps_what_is_given_over_a_default(notes, alice):
    given = {"title": "", "stars": 0, "state": None, "pinned": True}
    record = alice.make("notes", **given)
    assert {name: record[name] for name in given} == given


@ON_SQLITE
def test_rejects_bad_values(notes, alice):
    wrong = {
        "title": ["x" * 21, 7, None, ["Milk"]],
        "stars": [-1, 6, 2.5, "3", True, 2**63],
        "state": ["done", "", 1],
        "pinned": ["yes", 1, None],
    }
    for name, value in [(name, value) for name, values in wrong.items() for value in values]:
        response = alice.post("/notes", json={"title": "Milk"} | {name: value})
        assert response.status_code == 422, (name, value)
        assert list(details_of(response)["json"]) == [name]
    assert alice.get("/notes").json["data"] == []


@ON_SQLITE
def test_names_every_field_that_is_wrong(notes, alice):
    response = alice.post("/notes", json={"stars": 6, "state": "done"})
    details = details_of(response)
    assert details["json"]["title"] == ["A value is required."]
    assert set(details["json"]) == {"title", "stars", "state"}


@ON_SQLITE
def test_rejects_unknown_fields(notes, alice):
    response = alice.post("/notes", json={"title": "Milk", "titel": "Milk"})
    assert response.status_code == 422
    assert details_of(response) == {"json": {"titel": ["Unknown field. Did you mean title?"]}}
    assert alice.get("/notes").json["data"] == []


@ON_SQLITE
def test_rejects_system_fields(notes, alice, bob):
    moment = "2020-01-01T00:00:00Z"
    system = {"id": str(uuid4()), "version": 9, "created_by": bob.id, "created_at": moment, "updated_at": moment}
    response = alice.post("/notes", json={"title": "Milk"} | system)
    assert response.status_code == 422
    assert set(details_of(response)["json"]) == set(system)
    assert alice.get("/notes").json["data"] == []


@ON_SQLITE
def test_rejects_query_parameters(notes, alice):
    for query in ("dry_run=true", "title=Milk&title=Eggs", "titel"):
        response = alice.post(f"/notes?{query}", json={"title": "Milk"})
        assert response.status_code == 422, query
        assert list(details_of(response)) == ["query"]
    assert alice.get("/notes").json["data"] == []


def test_refuses_a_taken_value(notes, alice, bob):
    alice.make("notes", title="Milk", code="A1")
    response = bob.post("/notes", json={"title": "Eggs", "code": "A1"})
    assert response.status_code == 409
    assert details_of(response) == {"json": {"code": ["Already taken."]}}
    assert [note["title"] for note in bob.get("/notes").json["data"]] == ["Milk"]


def test_refuses_values_that_are_taken_together(notes, alice):
    alice.make("notes", title="Milk", shelf=1, place=1)
    alice.make("notes", title="Eggs", shelf=1, place=2)
    response = alice.post("/notes", json={"title": "Salt", "shelf": 1, "place": 2})
    assert response.status_code == 409
    assert details_of(response)["json"] == {"shelf": ["Already taken."], "place": ["Already taken."]}


def test_lets_nulls_repeat_where_values_must_be_unique(notes, alice):
    for title in ("Milk", "Eggs"):
        note = alice.make("notes", title=title, code=None, shelf=1, place=None)
        assert (note["code"], note["place"]) == (None, None)


def test_refers_to_a_record(albums, alice):
    album = alice.make("albums", name="Rome")
    assert alice.make("photos", album=album["id"])["album"] == album["id"]
    assert alice.make("photos")["album"] is None


def test_rejects_a_reference_to_nothing(albums, alice):
    for target in (str(uuid4()), "Rome", "", 7):
        response = alice.post("/photos", json={"album": target})
        assert response.status_code == 422, target
        assert list(details_of(response)["json"]) == ["album"]
    assert alice.get("/photos").json["data"] == []


def test_a_target_that_is_hidden_looks_like_a_missing_one(albums, alice, bob):
    hidden, missing = alice.make("albums", name="Rome")["id"], str(uuid4())
    refusals = [bob.post("/photos", json={"album": target}) for target in (hidden, missing)]
    assert [response.status_code for response in refusals] == [422, 422]
    assert refusals[0].json["error"] == refusals[1].json["error"]
    assert bob.get("/photos").json["data"] == []


def test_refers_to_a_record_of_the_same_resource(admin, alice):
    admin.declare("folders", {"parent": {"type": "reference", "to": "folders"}}, access=ACCESS)
    root = alice.make("folders")
    assert alice.make("folders", parent=root["id"])["parent"] == root["id"]
    assert alice.post("/folders", json={"parent": str(uuid4())}).status_code == 422
