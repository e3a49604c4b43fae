"""`/users`: managing users."""

import copy

import pytest

from backend.models.database import database
from backend.services.access.actors import SYSTEM
from backend.services.accounts import user_updates
from tests.conftest import NEW_PASSWORD, ON_SQLITE, PASSWORD, Person
from tests.helpers import UNKNOWN_ID, bearer, details_of, refresh

CAROL = {"email": "Carol@Example.com", "name": "Carol", "password": PASSWORD}
FORM = ["active", "created_at", "email", "id", "kind", "name", "profile", "roles", "updated_at", "verified_at"]
WRONG_VALUES = [
    ({"email": "carol"}, "email"),
    ({"email": None}, "email"),
    ({"name": ""}, "name"),
    ({"name": "x" * 101}, "name"),
    ({"password": "short"}, "password"),
    ({"active": "yes"}, "active"),
    ({"roles": ["nobody"]}, "roles"),
    ({"roles": "admin"}, "roles"),
    ({"id": UNKNOWN_ID}, "id"),
    ({"password_hash": "x"}, "password_hash"),
    ({"verified_at": "2026-01-01T00:00:00Z"}, "verified_at"),
    ({"nope": 1}, "nope"),
]


@pytest.fixture
def clerk(app, admin):
    """A user who may manage users, but is no admin."""
    admin.post("/roles", json={"name": "clerk", "permissions": ["users:read", "users:write"]})
    admin.post("/users", json=CAROL | {"email": "clerk@example.com", "roles": ["clerk"]})
    return Person(app, "clerk")


def test_lists_with_filters_sort_and_pages(admin):
    def emails(query):
        return [user["email"].partition("@")[0] for user in admin.get(f"/users?{query}").json["data"]]

    assert emails("sort=email") == ["admin", "alice", "bob", "edith"]
    assert emails("roles__has=editor") == ["edith"]
    assert emails("name__icontains=B&active=true") == ["bob"]
    assert emails("roles__has=member&sort=-email&per_page=1&page=2") == ["bob"]
    assert admin.get("/users?per_page=1").json["meta"]["total"] == 4
    assert admin.get("/users?password_hash=x").status_code == 422


def test_shows_one_without_secrets(admin, edith):
    shown = admin.get(f"/users/{edith.id}").json["data"]
    assert sorted(shown) == FORM
    assert shown["roles"] == ["editor", "member"]
    assert sorted(admin.get("/users").json["data"][0]) == FORM
    assert admin.get(f"/users/{UNKNOWN_ID}").status_code == 404


def test_creates_a_user_who_can_sign_in(app, admin):
    made = admin.post("/users", json=CAROL | {"roles": ["editor"]})
    assert made.status_code == 201
    assert (made.json["data"]["email"], made.json["data"]["roles"]) == ("carol@example.com", ["editor", "member"])
    assert admin.get_made(made) == made.json["data"]
    assert Person(app, "carol").get("/auth/me").status_code == 200


@ON_SQLITE
@pytest.mark.parametrize(("values", "to_blame"), WRONG_VALUES)
def test_refuses_wrong_values_and_changes_nothing(admin, alice, values, to_blame):
    before = admin.get(f"/users/{alice.id}").json["data"]
    for answer in (
        admin.post("/users", json=CAROL | values),
        admin.put(f"/users/{alice.id}", json={"email": "a@example.com", "name": "A"} | values),
        admin.patch(f"/users/{alice.id}", json=values),
    ):
        assert (answer.status_code, list(details_of(answer)["json"])) == (422, [to_blame])
    assert admin.get(f"/users/{alice.id}").json["data"] == before
    assert admin.get("/users").json["meta"]["total"] == 4


def test_an_address_that_differs_in_case_is_taken(admin, alice):
    assert admin.post("/users", json=CAROL | {"email": "ALICE@example.com"}).status_code == 409
    taken = admin.patch(f"/users/{alice.id}", json={"email": "Bob@Example.com"})
    assert (taken.status_code, details_of(taken)) == (409, {"json": {"email": ["Already taken."]}})
    assert admin.get(f"/users/{alice.id}").json["data"]["email"] == "alice@example.com"


@pytest.fixture
def kate(admin):
    """A user with a role that the clerk lacks; it holds no permission, but may open records."""
    admin.post("/roles", json={"name": "keeper"})
    account = CAROL | {"email": "kate@example.com", "roles": ["keeper"]}
    return admin.post("/users", json=account).json["data"]


TAKEOVERS = [
    {"password": NEW_PASSWORD},
    {"email": "clerk2@example.com"},
    {"roles": []},
    {"active": False},
    {"profile": {"team": "red"}},
]


@pytest.mark.parametrize("change", TAKEOVERS, ids=lambda change: next(iter(change)))
def test_users_change_no_user_with_roles_that_they_lack(admin, clerk, kate, alice, change):
    admin.put("/users/settings", json={"fields": {"team": {"type": "string"}}})
    weaker, stronger = f"/users/{alice.id}", f"/users/{kate['id']}"
    before = admin.get(stronger).json["data"]
    assert clerk.patch(stronger, json=change).status_code == 403
    assert clerk.patch(stronger, json={"roles": []} | {"password": NEW_PASSWORD} | change).status_code == 403
    assert clerk.patch(stronger, json={"roles": ["clerk"]} | change).status_code == 403
    assert clerk.put(stronger, json={"email": kate["email"], "name": "Kate"} | change).status_code == 403
    assert admin.get(stronger).json["data"] == before
    assert clerk.patch(weaker, json=change).status_code == 200


def test_users_delete_no_user_with_roles_that_they_lack(clerk, kate, alice):
    assert clerk.delete(f"/users/{kate['id']}").status_code == 403
    assert clerk.delete(f"/users/{alice.id}").status_code == 200


def test_of_a_user_with_roles_that_one_lacks_the_name_may_change(clerk, kate):
    path = f"/users/{kate['id']}"
    assert clerk.patch(path, json={"name": "Kate", "email": "Kate@example.com"}).status_code == 200
    same = {"email": kate["email"], "name": "K.", "roles": ["keeper"]}
    assert clerk.put(path, json=same).json["data"]["name"] == "K."


def test_users_give_no_profile_value_that_opens_records_unless_they_have_it(admin, clerk, alice):
    admin.put("/users/settings", json={"fields": {"team": {"type": "string"}, "desk": {"type": "string"}}})
    rule = {"role": "member", "where": {"team": "$user.team"}}
    admin.declare("notes", {"team": {"type": "string"}}, access={"list": [rule]})
    admin.make("notes", team="red")
    admin.patch(f"/users/{clerk.id}", json={"profile": {"team": "blue"}})
    for path in (f"/users/{alice.id}", f"/users/{clerk.id}"):
        assert clerk.patch(path, json={"profile": {"team": "red"}}).status_code == 403
        assert clerk.patch(path, json={"profile": {"team": "blue", "desk": "red"}}).status_code == 200
    assert clerk.post("/users", json=CAROL | {"profile": {"team": "red"}}).status_code == 403
    assert clerk.get("/notes").json["data"] == []
    admin.patch(f"/users/{alice.id}", json={"profile": {"team": "red"}})
    same = {"email": alice.email, "name": "A.", "profile": {"team": "red"}}  # unchanged
    assert clerk.put(f"/users/{alice.id}", json=same).status_code == 200
    assert clerk.patch(f"/users/{alice.id}", json={"profile": {"team": None}}).status_code == 200


def test_an_address_that_opens_records_is_confirmed_by_an_admin_or_its_owner(app, admin, clerk, alice):
    rule = {"role": "member", "where": {"address": "$user.email"}}
    admin.declare("notes", {"address": {"type": "email"}}, access={"list": [rule]})
    for address in ("carol@example.com", "dora@example.com"):
        admin.make("notes", address=address)
    assert clerk.post("/users", json=CAROL).json["data"]["verified_at"] is None
    assert Person(app, "carol").get("/notes").status_code == 403
    path = f"/users/{alice.id}"
    assert alice.get("/notes").status_code == 200
    assert clerk.patch(path, json={"email": "dora@example.com"}).json["data"]["verified_at"] is None
    assert alice.get("/notes").status_code == 403
    account = CAROL | {"email": "emma@example.com"}
    assert admin.post("/users", json=account).json["data"]["verified_at"] is not None
    admin.delete("/resources/notes?confirm=true")
    assert clerk.post("/users", json=account | {"email": "f@example.com"}).json["data"]["verified_at"] is not None


def test_a_patch_leaves_the_rest_and_a_put_replaces_it(admin, edith):
    assert admin.patch(f"/users/{edith.id}", json={"name": "E."}).json["data"]["roles"] == ["editor", "member"]
    replaced = admin.put(f"/users/{edith.id}", json={"email": "edith@example.com", "name": "Edith"})
    assert (replaced.json["data"]["name"], replaced.json["data"]["roles"]) == ("Edith", ["member"])


@ON_SQLITE
def test_an_update_leaves_the_changes_of_its_caller_as_they_are(app, edith):
    changes = {"email": "EDITH@example.com", "roles": ["editor"], "profile": {}, "password": NEW_PASSWORD}
    user_id, given = edith.id, copy.deepcopy(changes)
    with database.connection_context():
        user_updates.update_user(SYSTEM, user_id, changes)
    assert changes == given


def test_a_role_counts_from_the_next_request_of_every_token(admin, bob):
    admin.declare("notes", {"title": {"type": "string"}}, access={"list": ["editor"]})
    assert bob.get("/notes").status_code == 403
    admin.patch(f"/users/{bob.id}", json={"roles": ["editor"]})
    assert bob.get("/notes").status_code == 200
    admin.patch(f"/users/{bob.id}", json={"roles": []})
    assert bob.get("/notes").status_code == 403


def test_a_deactivation_ends_all_tokens(admin, alice):
    tokens = alice.sign_in()
    admin.patch(f"/users/{alice.id}", json={"active": False})
    assert alice.get("/auth/me", headers=bearer(tokens["access_token"])).status_code == 401
    assert refresh(alice, tokens["refresh_token"]).status_code == 401
    assert alice.client.post("/api/v1/auth/login", json={"email": alice.email, "password": PASSWORD}).status_code == 401
    # Nor when the user is activated again.
    admin.patch(f"/users/{admin.get('/users?name=Alice').json['data'][0]['id']}", json={"active": True})
    assert alice.get("/auth/me", headers=bearer(tokens["access_token"])).status_code == 401


def test_a_password_set_by_an_admin_ends_all_tokens(admin, alice):
    token = alice.sign_in()["access_token"]
    admin.patch(f"/users/{alice.id}", json={"password": NEW_PASSWORD})
    assert alice.get("/auth/me", headers=bearer(token)).status_code == 401


def test_a_password_set_by_another_user_revokes_api_keys(admin, clerk):
    admin.post("/roles", json={"name": "maker", "permissions": ["api_keys:write", "users:write"]})
    account = CAROL | {"email": "kim@example.com", "roles": ["maker"]}
    path = f"/users/{admin.post('/users', json=account).json['data']['id']}"
    kim = Person(clerk.client.application, "kim")
    key = kim.post("/api-keys", json={"name": "N", "roles": ["member"]}).json["data"]
    kim.patch(path, json={"password": PASSWORD})  # their own doing
    assert admin.get("/auth/me", headers=bearer(key["secret"])).status_code == 200
    assert admin.patch(path, json={"password": NEW_PASSWORD}).status_code == 200
    assert admin.get("/auth/me", headers=bearer(key["secret"])).status_code == 401
    assert admin.get(f"/audit?action=api_key.revoke&target_id={key['id']}").json["meta"]["total"] == 1


def test_a_deletion_ends_all_tokens_of_the_user(admin, alice):
    tokens = alice.sign_in()
    assert admin.delete(f"/users/{alice.id}").status_code == 200
    assert alice.get("/auth/me", headers=bearer(tokens["access_token"])).status_code == 401
    assert refresh(alice, tokens["refresh_token"]).status_code == 401


@pytest.mark.parametrize("change", [{"active": False}, {"roles": ["editor"]}, None], ids=["off", "demoted", "deleted"])
def test_the_last_admin_cannot_be_removed(admin, change):
    path = f"/users/{admin.id}"
    answer = admin.delete(path) if change is None else admin.patch(path, json=change)
    assert answer.status_code == 409
    assert admin.get(path).json["data"]["roles"] == ["admin", "member"]
    admin.patch(f"/users/{admin.get('/users?name=Bob').json['data'][0]['id']}", json={"roles": ["admin"]})
    assert (admin.delete(path) if change is None else admin.patch(path, json=change)).status_code == 200


def test_an_inactive_admin_does_not_count_as_one(admin, bob):
    admin.patch(f"/users/{bob.id}", json={"roles": ["admin"], "active": False})
    assert admin.delete(f"/users/{admin.id}").status_code == 409


def test_users_give_no_role_that_they_lack(admin, clerk, bob):
    admin.post("/roles", json={"name": "auditor", "permissions": ["audit:read"]})
    roles = {"editor": 403, "clerk": 200, "auditor": 403, "admin": 403}
    bobs, own = bob.id, clerk.id
    assert {role: clerk.patch(f"/users/{bobs}", json={"roles": [role]}).status_code for role in roles} == roles
    assert clerk.patch(f"/users/{own}", json={"roles": ["clerk", "admin"]}).status_code == 403
    for role in ("admin", "editor"):  # the second holds no permission, but definitions may name it
        assert clerk.post("/users", json=CAROL | {"roles": [role]}).status_code == 403
    assert clerk.post("/users", json=CAROL | {"roles": ["clerk"]}).status_code == 201


@pytest.mark.parametrize("change", [{"password": PASSWORD}, {"email": "x@example.com"}, {"active": False}, None])
def test_only_admins_change_admins(admin, clerk, change):
    path = f"/users/{admin.id}"
    answer = clerk.delete(path) if change is None else clerk.patch(path, json=change)
    assert answer.status_code == 403
    assert admin.get("/auth/me").status_code == 200


@pytest.mark.parametrize("rule", ["set_null", "cascade", "restrict"])
def test_the_definition_says_what_happens_to_records_of_a_deleted_user(admin, alice, bob, rule):
    access = {"create": ["member"]}
    admin.declare("notes", {"title": {"type": "string"}}, access=access, on_owner_delete=rule)
    mine, other = (person.make("notes", title=person.name)["id"] for person in (alice, bob))
    deleted = admin.delete(f"/users/{alice.id}")
    assert deleted.status_code == (409 if rule == "restrict" else 200)
    found = admin.get(f"/notes/{mine}")
    if rule == "cascade":
        assert found.status_code == 404
    elif rule == "set_null":
        assert (found.json["data"]["created_by"], found.headers["ETag"]) == (None, '"2"')
    else:
        assert found.json["data"]["created_by"] == alice.id
    assert admin.get(f"/notes/{other}").json["data"]["created_by"] == bob.id


def test_a_cascade_that_a_reference_forbids_deletes_no_user(admin, alice):
    admin.declare("shelves", {"name": {"type": "string"}}, access={"create": ["member"]}, on_owner_delete="cascade")
    admin.declare("books", {"shelf": {"type": "reference", "to": "shelves", "required": True}})
    admin.make("books", shelf=alice.make("shelves", name="A")["id"])
    assert admin.delete(f"/users/{alice.id}").status_code == 409
    assert alice.get("/auth/me").status_code == 200


def test_every_change_is_in_the_audit_trail_without_secrets(admin, bob):
    made = admin.post("/users", json=CAROL).json["data"]
    admin.patch(f"/users/{made['id']}", json={"name": "C.", "roles": ["editor"], "password": "staple battery horse"})
    admin.delete(f"/users/{made['id']}")
    entries = admin.get("/audit", query_string={"target_id": made["id"], "sort": "id"}).json["data"]
    actions = ["user.create", "user.set_roles", "user.change_password", "user.update", "user.delete"]
    assert [entry["action"] for entry in entries] == actions
    assert {entry["actor_email"] for entry in entries} == {"admin@example.com"}
    assert "battery" not in str(entries)


def test_a_refused_change_is_not_in_the_audit_trail_as_done(admin, alice):
    admin.patch(f"/users/{alice.id}", json={"name": "A.", "email": "bob@example.com"})
    assert admin.get("/audit?action=user.update").json["data"] == []
