"""Lists of references to users, which follow the directory; and who may read and set a list."""

import pytest

from tests.helpers import PUBLIC, details_of, load, outcome

TEAMS = {"name": {"type": "string", "unique": True}, "members": {"type": "references", "to": "users"}}


@pytest.fixture
def people(admin, alice, bob, edith):
    """Declare teams with members; return the ids of the people by name."""
    admin.declare("teams", TEAMS, access=PUBLIC, history=True)
    return {person.name: person.id for person in (admin, alice, bob, edith)}


def close_directory(admin):
    answer = admin.put("/users/settings", json={"fields": {}, "directory": {"roles": [], "fields": ["name"]}})
    assert answer.status_code == 200, answer.json


def test_members_are_shown_and_added_as_the_directory_allows(people, admin, alice, bob, stranger):
    a, b, e = people["alice"], people["bob"], people["edith"]
    team = alice.make("teams", name="t", members=[b, a])
    path = f"/teams/{team['id']}"
    assert (team["members"], stranger.get(path).json["data"]["members"]) == ([b, a], [])
    assert [each["name"] for each in alice.get(f"{path}?expand=members").json["data"]["expand"]["members"]] == [
        "Bob",
        "Alice",
    ]
    assert stranger.get(f"{path}?expand=members").json["data"]["expand"]["members"] == []
    assert [each["name"] for each in bob.get("/teams", query_string={"members__any": a}).json["data"]] == ["t"]
    assert stranger.get("/teams", query_string={"members__any": a}).json["data"] == []
    assert stranger.patch(path, json={"members": {"add": [e]}}).status_code == 422
    close_directory(admin)
    assert bob.get(path).json["data"]["members"] == [b]
    assert bob.patch(path, json={"members": {"add": [e]}}).status_code == 422
    assert bob.patch(path, json={"members": {"remove": [b]}}).json["data"]["members"] == []
    assert bob.patch(path, json={"members": {"add": [b]}}).json["data"]["members"] == [b]


def test_inactive_users_stay_but_cannot_be_added(people, admin, alice):
    a, b = people["alice"], people["bob"]
    team = alice.make("teams", name="t", members=[b])
    path = f"/teams/{team['id']}"
    assert admin.patch(f"/users/{b}", json={"active": False}).status_code == 200
    assert alice.get(path).json["data"]["members"] == [b]
    assert alice.put(path, json={"name": "u", "members": [a, b]}).json["data"]["members"] == [a, b]
    content = f"name,members\nu,{b}|{a}\n"
    assert outcome(load(alice, content, resource="teams", mode="upsert", key="name")) == (1, 0, 1, 0)
    assert alice.get(path).json["data"]["members"] == [b, a]
    assert alice.post("/teams", json={"name": "v", "members": [b]}).status_code == 422
    assert load(alice, f"name,members\nv,{b}\n", resource="teams").status_code == 422
    assert alice.patch(path, json={"members": {"remove": [b]}}).json["data"]["members"] == [a]
    assert alice.patch(path, json={"members": {"add": [b]}}).status_code == 422


def test_a_deleted_user_leaves_all_lists(people, admin, alice):
    a, b = people["alice"], people["bob"]
    team, other = alice.make("teams", name="t", members=[b, a]), alice.make("teams", name="u", members=[a])
    assert admin.delete(f"/users/{b}").status_code == 200
    found = {each["name"]: (each["members"], each["version"]) for each in alice.get("/teams").json["data"]}
    assert found == {"t": ([a], 2), "u": ([a], 1)}
    entries = admin.get(f"/teams/{team['id']}/history").json["data"]
    assert entries[0]["changes"] == {"members": {"from": [b, a], "to": [a]}}
    assert len(admin.get(f"/teams/{other['id']}/history").json["data"]) == 1


def test_an_import_finds_members_by_address_with_the_permission(people, admin, alice):
    content = "name,members_email\nt,bob@example.com|alice@example.com\n"
    assert load(alice, content, resource="teams").status_code == 422
    assert outcome(load(admin, content, resource="teams")) == (1, 1, 0, 0)
    assert alice.get("/teams").json["data"][0]["members"] == [people["bob"], people["alice"]]


def test_an_upsert_changes_lists_like_a_patch(people, alice):
    a, b = people["alice"], people["bob"]
    made = alice.post("/teams?upsert=name", json={"name": "t", "members": [b]})
    assert (made.status_code, made.json["data"]["members"]) == (201, [b])
    changed = alice.post("/teams?upsert=name", json={"name": "t", "members": {"add": [a]}})
    assert (changed.status_code, changed.json["data"]["members"]) == (200, [b, a])
    assert alice.post("/teams?upsert=name", json={"name": "v", "members": {"add": [a]}}).status_code == 422


def test_roles_limit_who_reads_and_sets_a_list(people, admin, alice, edith):
    a, b = people["alice"], people["bob"]
    fields = TEAMS | {"members": TEAMS["members"] | {"writable_by": ["editor"]}}
    fields |= {"watchers": TEAMS["members"] | {"readable_by": ["editor"], "writable_by": ["member"]}}
    assert admin.put("/resources/teams", json={"fields": fields, "access": PUBLIC, "history": True}).status_code == 200
    team = edith.make("teams", name="t", members=[b], watchers=[b])
    path = f"/teams/{team['id']}"
    locked = details_of(alice.patch(path, json={"members": {"add": [a]}}))["json"]
    assert locked == {"members": ["You may not set this field."]}
    kept = alice.put(path, json={"name": "u"}).json["data"]
    assert (kept["members"], "watchers" in kept) == ([b], False)
    assert edith.get(path).json["data"]["watchers"] == []
    # Who may set a list but not read it learns nothing from the version.
    versions = [alice.patch(path, json={"watchers": {"add": [b]}}).json["data"]["version"] for _ in range(2)]
    assert versions == [3, 4]
    assert edith.get(path).json["data"]["watchers"] == [b]
    schemas = alice.get("http://localhost/openapi.json").json["components"]["schemas"]
    assert "watchers" not in schemas["Team"]["properties"]
    assert "members" not in schemas["TeamUpdate"]["properties"]
    assert alice.get("/teams", query_string={"watchers__any": b}).status_code == 422
    assert alice.get("/teams?expand=watchers").status_code == 422
