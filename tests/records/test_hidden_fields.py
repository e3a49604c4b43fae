"""Hidden fields: no parameter, error, document or cursor reveals that a field exists, or its values.

Each test compares the response about `salary`, which only editors may read, with the response about a field that does
not exist.
"""

import json

import pytest

from backend.models.database import database
from backend.services.access.actors import Actor
from backend.services.errors import Invalid
from backend.services.records.imports.importing import CsvRows, import_records
from tests.conftest import ON_SQLITE
from tests.helpers import PUBLIC, details_of
from tests.parts.changes import Follower

HIDDEN = {"readable_by": ["editor"]}
OWNERS = {"name": {"type": "string"}, "tag": {"type": "string", "unique": True} | HIDDEN}
NOTES = {
    "title": {"type": "string"},
    "salary": {"type": "integer", "default": 1} | HIDDEN,
    "code": {"type": "string", "unique": True, "writable_by": ["member"]} | HIDDEN,
    "boss": {"type": "reference", "to": "owners"} | HIDDEN,
    "owner_id": {"type": "reference", "to": "owners"},
}


@pytest.fixture
def owner(admin):
    """An owner that the notes made here refer to."""
    admin.declare("owners", OWNERS, access=PUBLIC)
    admin.declare("notes", NOTES, access=PUBLIC, unique=[["title", "salary"]], feed=True)
    return admin.make("owners", name="Ann", tag="t1")


@pytest.fixture
def note(admin, owner):
    """A note with something in every hidden field."""
    return admin.make("notes", title="Milk", salary=42, code="A1", boss=owner["id"], owner_id=owner["id"])


def error_without(answer, *names):
    """Return the status and the body of a response as text, with each of the names replaced."""
    text = json.dumps(answer.json.get("error", answer.json.get("data")))
    for name in names:
        text = text.replace(name, "…")
    return answer.status_code, text


def same(send, *paths):
    """Fail unless requests about a hidden and about a missing field or relation get the same error."""
    hidden, missing = (send(path) for path in paths)
    assert hidden.status_code == 422, hidden.json
    names = ("salary", "boss", "code", "nope", "notes__boss", "notes__nope")
    assert error_without(hidden, *names) == error_without(missing, *names), paths


def test_a_filter_does_not_reveal_a_hidden_field(note, alice, stranger):
    for operator in ("", "__ne", "__gt", "__lt", "__in", "__isnull", "__like"):
        for value in ("42", "many", "", "1,x"):
            for person in (alice, stranger):
                same(person.get, f"/notes?salary{operator}={value}", f"/notes?nope{operator}={value}")
    same(alice.get, "/notes?salary__in=1&salary__in=2", "/notes?nope__in=1&nope__in=2")
    same(alice.get, "/notes?salary=42&page=0", "/notes?nope=42&page=0")


def test_sort_and_fields_do_not_reveal_a_hidden_field(note, alice):
    for query in ("sort=%s", "sort=-%s", "sort=title,%s", "fields=%s", "fields=title,%s"):
        same(alice.get, f"/notes?{query % 'salary'}", f"/notes?{query % 'nope'}")


def test_a_caller_who_may_read_a_field_may_use_it_in_every_parameter(note, edith):
    for query in ("salary=42", "salary__in=42,43", "sort=-salary", "fields=salary", "expand=boss"):
        (found,) = edith.get(f"/notes?{query}").json["data"]
        assert found["salary"] == 42
    assert edith.get(f"/owners/{note['owner_id']}?expand=notes__boss").json["data"]["expand"]["notes__boss"]["data"]


def test_expand_does_not_reveal_a_hidden_reference(note, alice):
    same(alice.get, "/notes?expand=boss", "/notes?expand=nope")
    same(alice.get, "/owners?expand=notes__boss", "/owners?expand=notes__nope")
    path = f"/owners/{note['owner_id']}"
    same(alice.get, f"{path}?expand=notes__boss", f"{path}?expand=notes__nope")
    (shown,) = alice.get(f"{path}?expand=notes").json["data"]["expand"]["notes"]["data"]
    assert not {"salary", "code", "boss"} & set(shown)


def test_an_expanded_record_shows_no_hidden_field(note, alice, edith):
    shown = {person.name: person.get("/notes?expand=owner_id").json["data"][0] for person in (alice, edith)}
    assert "tag" not in shown["alice"]["expand"]["owner_id"]
    assert shown["edith"]["expand"]["owner_id"]["tag"] == "t1"


def test_a_resource_with_nothing_but_hidden_relations_has_no_expand(admin, alice):
    admin.declare("rooms", {"name": {"type": "string"}}, access=PUBLIC)
    admin.declare("keys", {"room": {"type": "reference", "to": "rooms"} | HIDDEN}, access=PUBLIC)
    admin.declare("doors", {"name": {"type": "string"}}, access=PUBLIC)
    record = {name: admin.make(name)["id"] for name in ("rooms", "doors")}
    for path in ("", "/{id}"):
        for query in ("?expand=keys", "?expand=x&expand=y", "?expand=x&nope=1"):
            answers = [alice.get(f"/{name}{path.format(id=made)}{query}") for name, made in record.items()]
            assert error_without(answers[0], "rooms") == error_without(answers[1], "doors")


def test_a_body_does_not_reveal_a_hidden_field(note, alice):
    for value in (1, "many", None, [], 10**30):
        for send, path in ((alice.post, "/notes"), (alice.put, "/notes/x"), (alice.patch, "/notes/x")):
            path = path.replace("x", note["id"])
            answers = [send(path, json={"title": "Eggs", name: value}) for name in ("salary", "nope")]
            assert error_without(answers[0], "salary") == error_without(answers[1], "nope")
            assert answers[0].status_code == 422


def test_a_batch_does_not_reveal_a_hidden_field(note, alice):
    def send(name, value):
        operation = {"op": "create", "resource": "notes", "data": {name: value}}
        return alice.post("/batch", json={"operations": [operation]})

    for value in ({"$ref": 5}, {"$ref": 0}, 1):
        assert error_without(send("boss", value), "boss") == error_without(send("nope", value), "nope")


def test_a_conflict_does_not_reveal_a_hidden_field(note, admin, alice, edith):
    answers = [alice.post("/notes", json={"title": "Eggs", "code": "A1"})]
    admin.make("notes", title="Salt", salary=1)
    answers.append(alice.post("/notes", json={"title": "Salt"}))
    for answer in answers:
        assert answer.status_code == 409
        assert details_of(answer) == {}
        assert not {"code", "salary"} & set(answer.json["error"]["message"].split())
    assert details_of(edith.patch(f"/notes/{note['id']}", json={"title": "Salt", "salary": 1})) == {
        "json": {"title": ["Already taken."], "salary": ["Already taken."]}
    }


def test_a_refused_deletion_does_not_name_who_refers_by_a_hidden_field(admin, alice, edith):
    admin.declare("owners", OWNERS, access=PUBLIC)
    admin.declare("notes", {"boss": NOTES["boss"]}, access=PUBLIC)
    owner = admin.make("owners")["id"]
    admin.make("notes", boss=owner)
    refusals = [person.delete(f"/owners/{owner}") for person in (alice, edith)]
    assert [answer.status_code for answer in refusals] == [409, 409]
    assert ["notes" in answer.json["error"]["message"] for answer in refusals] == [False, True]


def test_a_cursor_gives_others_no_access_to_a_hidden_sort_field(note, admin, alice, edith):
    admin.make("notes", title="Eggs", salary=7)
    cursor = edith.get("/notes?sort=-salary&per_page=1").json["meta"]["next_cursor"]
    same(alice.get, f"/notes?sort=-salary&cursor={cursor}", f"/notes?sort=-nope&cursor={cursor}")
    assert alice.get(f"/notes?cursor={cursor}").status_code == 400
    filtered = edith.get("/notes?salary__gt=1&per_page=1").json["meta"]["next_cursor"]
    assert alice.get(f"/notes?cursor={filtered}").status_code == 400


def test_the_document_shows_each_caller_what_they_may_use(note, stranger, alice, edith):
    def document(person):
        answer = person.get("http://localhost/openapi.json")
        assert answer.headers["Vary"] == "Authorization, Cookie"
        return answer.text

    for person in (stranger, alice):
        assert not [name for name in ("salary", '"boss"', "notes__boss", '"tag"') if name in document(person)]
    for person, expected in ((stranger, ["owner_id", "title"]), (alice, ["code", "owner_id", "title"])):
        schemas = person.get("http://localhost/openapi.json").json["components"]["schemas"]
        assert sorted(schemas["NoteUpdate"]["properties"]) == expected
        assert "code" not in schemas["Note"]["properties"]
    assert not [name for name in ("salary", '"boss"', "notes__boss", '"tag"') if name not in document(edith)]


def test_a_bad_token_gets_the_document_of_a_stranger(note, stranger):
    answer = stranger.get("http://localhost/openapi.json", headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 200
    assert "salary" not in answer.text


def test_the_feed_names_and_shows_no_hidden_field(note, owner, admin, stranger, alice, edith):
    followers = [Follower(person, data="true") for person in (stranger, alice, edith)]
    path, hidden = f"/notes/{note['id']}", {"salary": 4242, "code": "B4242", "boss": None}
    admin.patch(path, json={"title": "Eggs"} | hidden)
    admin.put(path, json={"title": "Salt"})
    admin.patch(path, json=hidden)
    *seen, complete = [one.read(3) for one in followers]
    for changes in seen:
        assert [each["fields"] for each in changes] == [["title"], ["owner_id", "title"], []]
        assert [sorted(each["data"]) for each in changes] == [sorted(alice.get(path).json["data"])] * 3
        assert not [name for name in ("salary", "code", "boss", "4242") if name in str(changes)]
    assert [each["fields"] for each in complete][2] == ["boss", "code", "salary"]
    assert [each["data"]["salary"] for each in complete] == [4242] * 3


def test_the_id_of_a_record_is_not_found_by_a_hidden_field(note, alice, app, tmp_path):
    def columns(header):
        file = tmp_path / "notes.csv"
        file.write_text(f"{header}\nx\n")
        actor = Actor(user_id=alice.id, roles=frozenset({"member"}))
        with database.connection_context(), file.open("rb") as lines, pytest.raises(Invalid) as refusal:
            import_records(actor, app.catalog["notes"], CsvRows(lines))
        return refusal.value.errors

    for hidden in ("owner_id_tag", "salary", "boss"):
        assert columns(hidden) == {hidden: ["Unknown column."]}


@ON_SQLITE
def test_mass_assignment_sets_nothing_that_is_not_offered(note, alice, admin):
    before = admin.get(f"/notes/{note['id']}").json["data"]
    for name in ("id", "version", "created_by", "created_at", "updated_at", "roles", "salary", "f_salary", "expand"):
        for send, path in ((alice.patch, f"/notes/{note['id']}"), (alice.post, "/notes")):
            assert send(path, json={"title": "x", name: before.get(name, 1)}).status_code == 422
    assert admin.get(f"/notes/{note['id']}").json["data"] == before


@ON_SQLITE
def test_an_empty_list_of_values_matches_nothing_for_anybody(note, alice, edith):
    assert alice.get("/notes?title__in=").json["data"] == []
    assert edith.get("/notes?salary__in=").json["data"] == []
