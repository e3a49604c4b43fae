"""`/roles`: named sets of permissions."""

import pytest

from tests.conftest import ON_SQLITE, PASSWORD, Person
from tests.helpers import details_of

BUILT_IN = ["admin", "editor", "member"]
WRONG_ROLES = [
    ({"name": "Admin"}, "name"),
    ({"name": "a__b"}, "name"),
    ({"name": "public"}, "name"),
    ({"name": "owner"}, "name"),
    ({"name": "member"}, "name"),
    ({"name": "x" * 64}, "name"),
    ({"name": "nul\0"}, "name"),
    ({"permissions": ["everything"]}, "permissions"),
    ({"permissions": "users:read"}, "permissions"),
    ({"description": 7}, "description"),
    ({"users": []}, "users"),
]


def test_creates_lists_shows_changes_and_deletes(admin):
    made = admin.post("/roles", json={"name": "auditor", "permissions": ["audit:read"]})
    assert made.status_code == 201
    assert admin.get_made(made) == made.json["data"]
    assert [role["name"] for role in admin.get("/roles").json["data"]] == ["admin", "auditor", "editor", "member"]
    changed = admin.put("/roles/auditor", json={"description": "Looks on", "permissions": []})
    assert (changed.status_code, changed.json["data"]["description"]) == (200, "Looks on")
    assert admin.get("/roles/auditor").json["data"]["permissions"] == []
    assert admin.delete("/roles/auditor").status_code == 200
    assert [admin.send(method, "/roles/auditor", json={}).status_code for method in ("GET", "PUT", "DELETE")] == [
        404
    ] * 3


@ON_SQLITE
@pytest.mark.parametrize(("values", "to_blame"), WRONG_ROLES)
def test_refuses_wrong_values(admin, values, to_blame):
    answer = admin.post("/roles", json={"name": "auditor"} | values)
    assert (answer.status_code, list(details_of(answer)["json"])) == (422, [to_blame])
    assert [role["name"] for role in admin.get("/roles").json["data"]] == BUILT_IN


def test_refuses_a_name_twice(admin):
    assert [admin.post("/roles", json={"name": "auditor"}).status_code for _ in range(2)] == [201, 409]


@ON_SQLITE
@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_role_cannot_be_changed(admin, name):
    assert admin.put(f"/roles/{name}", json={"permissions": ["users:write"]}).status_code == 409
    assert admin.delete(f"/roles/{name}").status_code == 409
    assert admin.get(f"/roles/{name}").json["data"]["permissions"] == []


def test_a_changed_permission_counts_from_the_next_request(admin, bob):
    admin.post("/roles", json={"name": "auditor", "permissions": ["audit:read"]})
    admin.patch(f"/users/{bob.id}", json={"roles": ["auditor"]})
    assert bob.get("/audit").status_code == 200
    admin.put("/roles/auditor", json={"permissions": []})
    assert bob.get("/audit").status_code == 403


def test_a_role_that_a_user_has_is_not_deleted(admin, bob):
    admin.post("/roles", json={"name": "auditor"})
    admin.patch(f"/users/{bob.id}", json={"roles": ["auditor"]})
    assert admin.delete("/roles/auditor").status_code == 409
    assert admin.get(f"/users/{bob.id}").json["data"]["roles"] == ["auditor", "member"]


def test_a_role_that_a_definition_names_is_not_deleted(admin):
    admin.post("/roles", json={"name": "curator"})
    admin.declare("notes", {"title": {"type": "string"}}, access={"create": ["curator"]})
    answer = admin.delete("/roles/curator")
    assert answer.status_code == 409
    assert "notes" in answer.json["error"]["message"]


def test_users_create_no_role_with_permissions_that_they_lack(app, admin):
    admin.post("/roles", json={"name": "keeper", "permissions": ["roles:write"]})
    admin.post("/users", json={"email": "carol@example.com", "name": "C", "password": PASSWORD, "roles": ["keeper"]})
    carol = Person(app, "carol")
    assert carol.post("/roles", json={"name": "mine", "permissions": ["roles:write"]}).status_code == 201
    assert carol.post("/roles", json={"name": "more", "permissions": ["users:write"]}).status_code == 403
    assert carol.put("/roles/keeper", json={"permissions": ["roles:write", "audit:read"]}).status_code == 403
    assert admin.get("/roles/keeper").json["data"]["permissions"] == ["roles:write"]


def test_users_change_or_delete_no_role_with_permissions_that_they_lack(app, admin):
    admin.post("/roles", json={"name": "keeper", "permissions": ["roles:write"]})
    admin.post("/roles", json={"name": "auditor", "permissions": ["roles:write", "audit:read"]})
    admin.post("/users", json={"email": "carol@example.com", "name": "C", "password": PASSWORD, "roles": ["keeper"]})
    carol = Person(app, "carol")
    assert carol.put("/roles/auditor", json={"permissions": ["roles:write"]}).status_code == 403
    assert carol.delete("/roles/auditor").status_code == 403
    assert admin.get("/roles/auditor").json["data"]["permissions"] == ["roles:write", "audit:read"]


def test_every_change_is_in_the_audit_trail(admin):
    admin.post("/roles", json={"name": "auditor", "permissions": ["audit:read"]})
    admin.put("/roles/auditor", json={"permissions": []})
    admin.delete("/roles/auditor")
    entries = admin.get("/audit?target_type=role&sort=id").json["data"]
    assert [entry["action"] for entry in entries] == ["role.create", "role.update", "role.delete"]
    assert entries[1]["details"] == {"before": ["audit:read"], "after": []}
