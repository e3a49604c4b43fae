"""Grants: who may do what with which records, as tables of statuses."""

import pytest

from tests.conftest import ON_SQLITE

ACTIONS = ("list", "read", "create", "update", "delete")
FIELDS = {"title": {"type": "string"}}

# By kind of access: the grants, and how each actor fares with a record of alice's, in the order of ACTIONS.
TABLES = {
    "every kind of grant": (
        {"list": ["public"], "read": ["public"], "create": ["member"], "update": ["editor"], "delete": ["owner"]},
        {
            "stranger": (200, 200, 401, 401, 401),
            "alice": (200, 200, 201, 403, 200),
            "bob": (200, 200, 201, 403, 403),
            "edith": (200, 200, 201, 200, 403),
            "admin": (200, 200, 201, 200, 200),
        },
    ),
    "own rows": (
        {action: ["owner"] for action in ACTIONS},
        {
            "stranger": (401, 401, 401, 401, 401),
            "alice": (200, 200, 201, 200, 200),
            "bob": (200, 404, 201, 404, 404),
            "edith": (200, 404, 201, 404, 404),
            "admin": (200, 200, 201, 200, 200),
        },
    ),
    "own rows, and all of them for a role": (
        {action: ["owner", "editor"] for action in ("list", "read", "delete")} | {"update": ["owner"]},
        {
            "stranger": (401, 401, 401, 401, 401),
            "alice": (200, 200, 403, 200, 200),
            "bob": (200, 404, 403, 404, 404),
            "edith": (200, 200, 403, 403, 200),
            "admin": (200, 200, 201, 200, 200),
        },
    ),
    "no grant": (
        {"list": []},
        {
            "stranger": (401, 401, 401, 401, 401),
            "alice": (403, 403, 403, 403, 403),
            "bob": (403, 403, 403, 403, 403),
            "edith": (403, 403, 403, 403, 403),
            "admin": (200, 200, 201, 200, 200),
        },
    ),
    "everything for everyone": (
        {action: ["public"] for action in ACTIONS},
        {
            "stranger": (200, 200, 201, 200, 200),
            "alice": (200, 200, 201, 200, 200),
            "bob": (200, 200, 201, 200, 200),
            "edith": (200, 200, 201, 200, 200),
            "admin": (200, 200, 201, 200, 200),
        },
    ),
    "writing what one may not read": (
        {"create": ["public"], "update": ["member"], "delete": ["member"]},
        {
            "stranger": (401, 401, 201, 401, 401),
            "alice": (403, 403, 201, 404, 404),
            "bob": (403, 403, 201, 404, 404),
            "edith": (403, 403, 201, 404, 404),
            "admin": (200, 200, 201, 200, 200),
        },
    ),
}


@pytest.fixture
def people(stranger, alice, bob, edith, admin):
    """Everybody, by name."""
    return {"stranger": stranger, "alice": alice, "bob": bob, "edith": edith, "admin": admin}


def note_of_alice(admin, alice, access):
    """Create a note of alice's under the given access, whatever that says, and return its id."""
    for grants in ({"create": ["member"]}, access):
        assert admin.put("/resources/notes", json={"fields": FIELDS, "access": grants}).status_code == 200
        if grants is not access:
            record_id = alice.make("notes", title="Milk")["id"]
    return record_id


def fares(person, record_id):
    """Return the statuses of the five actions with a note, the deletion last."""
    path = f"/notes/{record_id}"
    return (
        person.get("/notes").status_code,
        person.get(path).status_code,
        person.post("/notes", json={}).status_code,
        person.patch(path, json={"title": "Eggs"}).status_code,
        person.delete(path).status_code,
    )


@pytest.mark.parametrize("kind", TABLES)
@ON_SQLITE
def test_everyone_may_use_their_grants(people, kind):
    access, expected = TABLES[kind]
    people["admin"].declare("notes", FIELDS)
    notes = {name: note_of_alice(people["admin"], people["alice"], access) for name in people}
    assert {name: fares(person, notes[name]) for name, person in people.items()} == expected


@ON_SQLITE
def test_a_replacement_needs_the_grant_of_an_update(admin, alice, bob):
    admin.declare("notes", FIELDS, access={"read": ["member"], "create": ["member"], "update": ["owner"]})
    path = f"/notes/{alice.make('notes')['id']}"
    statuses = [person.put(path, json={"title": "Eggs"}).status_code for person in (bob, alice)]
    assert statuses == [403, 200]


def test_owners_find_only_their_rows_in_lists(admin, alice, bob, edith):
    admin.declare("notes", FIELDS, access={"list": ["owner", "editor"], "create": ["member"]})
    made = [person.make("notes")["id"] for person in (alice, bob, alice)]
    seen = {person.name: [note["id"] for note in person.get("/notes").json["data"]] for person in (alice, bob, edith)}
    assert seen == {"alice": [made[0], made[2]], "bob": [made[1]], "edith": made}


def test_a_record_created_by_a_stranger_has_no_owner(admin, alice, stranger):
    owned = {action: ["owner"] for action in ("list", "update", "delete")}
    admin.declare("notes", FIELDS, access=owned | {"read": ["public"], "create": ["public"]})
    note = stranger.make("notes", title="Milk")
    assert note["created_by"] is None
    assert fares(alice, note["id"]) == (200, 200, 201, 403, 403)
    assert fares(stranger, note["id"]) == (401, 200, 201, 401, 401)
    assert alice.get(f"/notes/{note['id']}").json["data"] == note


@ON_SQLITE
def test_a_change_of_access_holds_from_the_next_request_on(admin, stranger):
    statuses = []
    admin.declare("notes", FIELDS)
    for grants in ([], ["public"], ["owner"]):
        admin.put("/resources/notes", json={"fields": FIELDS, "access": {"list": grants}})
        statuses.append(stranger.get("/notes").status_code)
    assert statuses == [401, 200, 401]


def test_a_stranger_is_refused_before_anything_is_read(admin, stranger):
    admin.declare("ledgers", {"title": {"type": "string"}})
    assert stranger.post("/ledgers", data="not even JSON").status_code == 401
    assert stranger.get("/ledgers?unknown=1").status_code == 401
    assert stranger.post("/resources", json={"name": 5}).status_code == 401
