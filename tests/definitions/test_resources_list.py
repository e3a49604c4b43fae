"""`GET /resources`."""

from backend.models.role import Role
from backend.models.user import User, give_roles
from tests.conftest import ON_SQLITE
from tests.helpers import details_of

TITLE = {"title": {"type": "string"}}


def test_lists_all_resources_by_name(admin):
    admin.declare("notes", TITLE)
    admin.declare("books", TITLE, description="To read")
    response = admin.get("/resources")
    assert [(each["name"], each["version"]) for each in response.json["data"]] == [("books", 1), ("notes", 1)]
    assert response.json["data"][0]["description"] == "To read"
    meta = {"page": 1, "per_page": 2, "total": 2, "pages": 1, "total_is_at_least": None, "next_cursor": None}
    assert response.json["meta"] == meta


@ON_SQLITE
def test_is_empty_at_first(admin):
    response = admin.get("/resources")
    assert response.status_code == 200
    assert (response.json["data"], response.json["meta"]["total"]) == ([], 0)


@ON_SQLITE
def test_needs_a_login_and_the_permission(stranger, alice):
    assert stranger.get("/resources").status_code == 401
    assert alice.get("/resources").status_code == 403


def test_a_role_may_hold_the_permission(alice):
    Role.create(name="reader", permissions=["resources:read"])
    give_roles(User.by_email(alice.email), ["reader"])
    assert alice.get("/resources").status_code == 200


@ON_SQLITE
def test_refuses_unknown_parameters(admin):
    response = admin.get("/resources?nmae=notes")
    assert response.status_code == 422
    assert list(details_of(response)["query"]) == ["nmae"]
