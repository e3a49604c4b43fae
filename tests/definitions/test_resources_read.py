"""`GET /resources/<name>`."""

from backend.models.role import Role
from backend.models.user import User, give_roles
from tests.conftest import ON_SQLITE

FIELDS = {
    "title": {"type": "string", "required": True, "max_length": 20},
    "price": {"type": "decimal", "precision": 8, "scale": 3, "min": "0.000"},
    "parent": {"type": "reference", "to": "notes", "on_delete": "cascade"},
}
REST = {
    "description": "What to buy",
    "indexes": [["title", "price"]],
    "unique": [["title", "parent"]],
    "search": ["title"],
    "access": {"list": ["public"], "update": ["owner", "editor"]},
}


def test_shows_what_was_declared(admin):
    admin.declare("notes", FIELDS, **REST)
    response = admin.get("/resources/notes")
    assert response.status_code == 200
    shown = response.json["data"]
    assert sorted(set(shown) - {"name", "fields", *REST}) == ["created_at", "updated_at", "version"]
    assert {part: shown[part] for part in ("fields", *REST)} == {"fields": FIELDS, **REST}
    assert list(shown["fields"]) == ["title", "price", "parent"]


@ON_SQLITE
def test_leaves_out_options_that_are_the_default(admin):
    declared = {"title": {"type": "string", "required": False, "max_length": 255, "unique": False, "default": None}}
    assert admin.declare("notes", declared, description="", indexes=[])["fields"] == {"title": {"type": "string"}}
    assert sorted(admin.get("/resources/notes").json["data"]) == [
        "created_at",
        "fields",
        "name",
        "updated_at",
        "version",
    ]


def test_an_unknown_resource_is_not_found(admin):
    for name in ("nothing", "larder_users", "No%00thing", "%22", "%ED%A0%80", "x" * 300):
        response = admin.get(f"/resources/{name}")
        assert response.status_code == 404, name
        assert response.json["error"]["code"] == "NOT_FOUND"


def test_needs_a_login_and_the_permission(admin, alice, stranger):
    admin.declare("notes", FIELDS)
    assert stranger.get("/resources/notes").status_code == 401
    assert alice.get("/resources/notes").status_code == 403
    assert alice.get("/resources/nothing").status_code == 403


def test_a_role_may_hold_the_permission(admin, alice):
    admin.declare("notes", FIELDS)
    Role.create(name="reader", permissions=["resources:read"])
    give_roles(User.by_email(alice.email), ["reader"])
    assert alice.get("/resources/notes").json["data"]["name"] == "notes"
