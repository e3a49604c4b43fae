"""`GET` and `PATCH /auth/me`."""

from backend.models.role import Role
from backend.models.user import User, give_roles
from tests.conftest import ON_SQLITE
from tests.helpers import details_of

WRONG_PROFILES = [
    ({}, ["name"]),
    ({"name": ""}, ["name"]),
    ({"name": None}, ["name"]),
    ({"name": "x" * 101}, ["name"]),
    ({"name": "nul \0"}, ["name"]),
    ({"name": "Eve", "roles": ["admin"]}, ["roles"]),
    ({"name": "Eve", "email": "eve@example.com"}, ["email"]),
    ({"name": "Eve", "active": False}, ["active"]),
    ({"name": "Eve", "id": "0193e0f4-0000-7000-8000-000000000000"}, ["id"]),
]


def test_shows_who_is_signed_in(edith):
    me = edith.get("/auth/me")
    assert me.status_code == 200
    shown = me.json["data"]
    assert {name: value for name, value in shown.items() if name not in ("id", "created_at")} == {
        "kind": "person",
        "email": "edith@example.com",
        "name": "Edith",
        "roles": ["editor", "member"],
        "permissions": [],
        "api_key": None,
        "profile": {},
    }


def test_needs_a_login(stranger):
    assert stranger.get("/auth/me").status_code == 401
    assert stranger.patch("/auth/me", json={"name": "Eve"}).status_code == 401


def test_changes_the_name(alice, bob):
    response = alice.patch("/auth/me", json={"name": "Alice B."})
    assert response.status_code == 200
    assert response.json["data"]["name"] == alice.get("/auth/me").json["data"]["name"] == "Alice B."
    assert bob.get("/auth/me").json["data"]["name"] == "Bob"


@ON_SQLITE
def test_refuses_wrong_values_and_changes_nothing(alice):
    before = alice.get("/auth/me").json["data"]
    for profile, wrong in WRONG_PROFILES:
        response = alice.patch("/auth/me", json=profile)
        assert response.status_code == 422, profile
        assert list(details_of(response)["json"]) == wrong
    assert alice.get("/auth/me").json["data"] == before


def test_a_new_role_counts_from_the_next_request(alice):
    assert alice.get("/resources").status_code == 403
    Role.create(name="reader", permissions=["resources:read"])
    give_roles(User.by_email(alice.email), ["reader"])
    assert alice.get("/auth/me").json["data"]["roles"] == ["member", "reader"]
    assert alice.get("/resources").status_code == 200
