"""Defaults that vary: `$now`, `$user.id` and the values of the caller's profile."""

import pytest

from backend.utils.cells import NULL
from backend.utils.clock import rfc3339, utcnow
from tests.conftest import ON_SQLITE, Person
from tests.helpers import details_of, load, outcome, state

MEMBERS = {action: ["member"] for action in ("list", "read", "create", "update")}
TEAM = {"team": {"type": "string"}, "home": {"type": "uuid"}}
FIELDS = {
    "title": {"type": "string"},
    "author": {"type": "reference", "to": "users", "default": "$user.id", "on_delete": "set_null"},
    "team": {"type": "string", "max_length": 5, "default": "$user.team", "writable_by": []},
    "home": {"type": "reference", "to": "homes", "default": "$user.home"},
    "day": {"type": "date", "default": "$now"},
    "seen": {"type": "datetime", "required": True, "default": "$now"},
}


@pytest.fixture
def declared(admin, alice):
    """Declares notes, and gives alice a team and a home."""
    assert admin.put("/users/settings", json={"fields": TEAM}).status_code == 200
    admin.declare("homes", {"name": {"type": "string"}}, access={"read": ["member"]})
    home = admin.make("homes", name="Hut")["id"]
    profile(admin, alice, team="red", home=home)
    admin.declare("notes", FIELDS, access=MEMBERS)
    return home


def profile(admin, person, **values):
    assert admin.patch(f"/users/{person.id}", json={"profile": values}).status_code == 200


def test_a_new_record_gets_the_values_of_its_moment_and_its_creator(declared, admin, alice, bob):
    before = rfc3339(utcnow())
    note = alice.make("notes", title="a")
    expected = {"author": alice.id, "team": "red", "home": declared, "day": note["created_at"][:10]}
    assert {name: note[name] for name in expected} == expected
    assert before <= note["seen"] == note["created_at"] <= rfc3339(utcnow())
    note = bob.make("notes", title="b")
    assert (note["author"], note["team"], note["home"]) == (bob.id, None, None)
    given = {"author": bob.id, "home": None, "day": None, "seen": "2026-01-02T03:04:05.000000Z"}
    note = alice.make("notes", **given)
    assert {name: note[name] for name in given} == given
    assert alice.post("/notes", json={"team": "blue"}).status_code == 422
    profile(admin, alice, team="too long")
    assert alice.make("notes")["team"] is None


def test_a_change_keeps_what_it_leaves_out(declared, alice, bob):
    note = alice.make("notes", title="a")
    for answer in (
        bob.put(f"/notes/{note['id']}", json={"title": "b"}),
        bob.patch(f"/notes/{note['id']}", json={"title": "c"}),
    ):
        changed = answer.json["data"]
        assert {name: changed[name] for name in FIELDS if name != "title"} == {
            name: note[name] for name in FIELDS if name != "title"
        }
    assert changed["version"] == 3


def test_batches_and_imports_give_the_same_values(declared, app, admin, alice, bob):
    operation = {"op": "create", "resource": "notes", "data": {"title": "a"}}
    answer = alice.post("/batch", json={"operations": [operation]})
    made = [answer.json["data"][0]["data"]]
    assert outcome(load(alice, f"title,day\nb,\nc,{NULL}\n", resource="notes")) == (2, 2, 0, 0)
    assert outcome(load(alice, '{"title": "d"}\n', "application/x-ndjson", resource="notes")) == (1, 1, 0, 0)
    made += [note for note in alice.get("/notes?sort=title").json["data"] if note["title"] != "a"]
    assert [note["title"] for note in made] == ["a", "b", "c", "d"]
    for note in made:
        assert (note["author"], note["team"], note["home"], note["seen"][:10]) == (
            alice.id,
            "red",
            declared,
            note["created_at"][:10],
        )
    assert [note["day"] is None for note in made] == [False, False, True, False]


def test_an_upsert_gives_them_to_new_records_only(admin, alice, bob):
    author = {"type": "reference", "to": "users", "default": "$user.id"}
    fields = {"code": {"type": "string", "unique": True, "required": True}, "title": {"type": "string"}, "by": author}
    admin.declare("notes", fields, access=MEMBERS)
    assert alice.post("/notes?upsert=code", json={"code": "a"}).json["data"]["by"] == alice.id
    changed = bob.post("/notes?upsert=code", json={"code": "a", "title": "x"}).json["data"]
    assert (changed["by"], changed["title"], changed["version"]) == (alice.id, "x", 2)


def test_they_count_for_unique_sets_in_files(admin, alice, bob):
    by = {"type": "reference", "to": "users", "default": "$user.id"}
    admin.declare("notes", {"title": {"type": "string"}, "by": by}, unique=[["by", "title"]], access=MEMBERS)
    alice.make("notes", title="a")
    answer = load(alice, "title\na\nb\nb\n", resource="notes")
    assert list(details_of(answer)["rows"]) == ["2", "4"]
    assert outcome(load(bob, "title\na\nb\n", resource="notes")) == (2, 2, 0, 0)


def test_a_required_field_needs_a_value_of_the_caller(admin, alice, bob, stranger):
    admin.put("/users/settings", json={"fields": TEAM})
    profile(admin, alice, team="red")
    team = {"type": "string", "required": True, "default": "$user.team"}
    admin.declare("notes", {"title": {"type": "string"}, "team": team}, access={"create": ["public"]})
    assert alice.make("notes")["team"] == "red"
    assert bob.make("notes", team="blue")["team"] == "blue"
    for person in (bob, stranger):
        answer = person.post("/notes", json={"title": "x"})
        assert answer.status_code == 422
        assert "$user.team" in details_of(answer)["json"]["team"][0]
        operation = {"op": "create", "resource": "notes", "data": {}}
        assert person.post("/batch", json={"operations": [operation]}).status_code == 422
    answer = load(bob, "title\nx\n", resource="notes")
    assert details_of(answer)["rows"] == {"2": ["team: A value is required."]}
    assert admin.get("/notes").json["meta"]["total"] == 2


@pytest.mark.parametrize(
    "field",
    [
        {"type": "string", "default": "$user.nothing"},
        {"type": "integer", "default": "$user.team"},
        {"type": "integer", "default": "$now"},
        {"type": "boolean", "default": "$user.id"},
        {"type": "date", "default": "$then"},
        {"type": "date", "default": "$user.team"},
        {"type": "reference", "to": "users", "default": "$now"},
        {"type": "reference", "to": "users", "default": "$user.team"},
        {"type": "reference", "to": "users", "default": "00000000-0000-7000-8000-000000000000"},
        {"type": "reference", "to": "notes", "default": "$user.id"},
    ],
)
@ON_SQLITE
def test_refuses_a_default_that_no_user_has_or_that_is_of_another_type(admin, field):
    admin.put("/users/settings", json={"fields": TEAM})
    answer = admin.post("/resources", json={"name": "notes", "fields": {"one": field}})
    assert answer.status_code == 422
    assert list(details_of(answer)["json"]["fields"]["one"]) == ["default"]


def test_a_profile_field_that_a_default_or_a_rule_uses_stays(declared, admin):
    for fields, text in (
        ({"home": TEAM["home"]}, "A default of notes uses $user.team; change it first."),
        (TEAM | {"team": {"type": "integer"}}, "A default of notes uses $user.team; change it first."),
    ):
        answer = admin.put("/users/settings?confirm=true", json={"fields": fields})
        assert (answer.status_code, answer.json["error"]["message"]) == (409, text)
    team = {"type": "string"}
    rule = {"role": "member", "where": {"author.city": "Rome"}}
    assert admin.put("/users/settings", json={"fields": TEAM | {"city": team}}).status_code == 200
    admin.declare("tasks", {"author": FIELDS["author"]}, access={"list": [rule]})
    for city in ({}, {"city": {"type": "integer"}}):
        answer = admin.put("/users/settings", json={"fields": TEAM | city})
        assert (answer.status_code, answer.json["error"]["message"]) == (
            409,
            "Row rules of tasks use a profile field; change them first.",
        )
    assert list(admin.get("/users/settings").json["data"]["fields"]) == ["team", "home", "city"]


def test_existing_records_get_no_value_of_a_new_field(admin, alice):
    admin.declare("notes", {"title": {"type": "string"}}, access=MEMBERS)
    note = alice.make("notes", title="a")
    author = {"type": "reference", "to": "users", "default": "$user.id", "on_delete": "cascade"}
    body = {"fields": {"title": {"type": "string"}, "author": author, "day": {"type": "date", "default": "$now"}}}
    steps = admin.post("/resources/notes/plan", json=body | {"access": MEMBERS}).json["data"]["steps"]
    assert [step["text"] for step in steps if step["action"] == "add_field"] == [
        f"Add the field {name}, without a value in existing records; new ones get {value}."
        for name, value in (("author", "$user.id"), ("day", "$now"))
    ]
    assert admin.put("/resources/notes", json=body | {"access": MEMBERS}).status_code == 200
    kept = alice.get(f"/notes/{note['id']}").json["data"]
    assert (kept["author"], kept["day"], kept["version"]) == (None, None, 1)
    before = state(admin, "notes")
    body["fields"]["author"] = author | {"required": True}
    assert admin.put("/resources/notes", json=body).status_code == 409
    assert state(admin, "notes") == before
    del body["fields"]["author"]["default"]
    body["fields"]["author"]["required"] = False
    steps = admin.post("/resources/notes/plan", json=body | {"access": MEMBERS}).json["data"]["steps"]
    assert [step["text"] for step in steps] == ["Change the default of author for new records."]


@ON_SQLITE
def test_the_document_describes_them(declared, app):
    schemas = Person(app, "alice").get("http://localhost/openapi.json").json["components"]["schemas"]
    properties = schemas["NoteCreate"]["properties"]
    assert properties["author"]["description"] == "New records get `$user.id` by default"
    assert properties["day"]["description"] == "New records get `$now` by default"
    assert "default" not in properties["seen"]
    assert "seen" not in schemas["NoteCreate"].get("required", [])
