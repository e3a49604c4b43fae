"""`DELETE /resources/<name>`."""

from backend.models.database import database
from backend.models.role import Role
from backend.models.user import User, give_roles
from tests.conftest import ON_SQLITE

TITLE = {"title": {"type": "string"}}


def test_drops_an_empty_resource(admin):
    admin.declare("notes", TITLE)
    response = admin.delete("/resources/notes")
    assert response.status_code == 200
    assert response.json["data"] is None
    assert "notes" not in database.get_tables()


def test_is_missing_from_the_very_next_request_on(admin):
    admin.declare("notes", TITLE)
    admin.delete("/resources/notes")
    assert admin.get("/notes").status_code == 404
    assert admin.get("/resources/notes").status_code == 404
    assert "/api/v1/notes" not in admin.get("http://localhost/openapi.json").json["paths"]


def test_records_are_only_lost_when_that_is_confirmed(admin):
    admin.declare("notes", TITLE)
    admin.make("notes", title="Milk")
    for query in ("", "?confirm=false"):
        refused = admin.delete(f"/resources/notes{query}")
        assert refused.status_code == 409
        assert "1 record" in refused.json["error"]["message"]
    assert [note["title"] for note in admin.get("/notes").json["data"]] == ["Milk"]
    assert admin.delete("/resources/notes?confirm=true").status_code == 200
    assert "notes" not in database.get_tables()


@ON_SQLITE
def test_refuses_wrong_queries(admin):
    admin.declare("notes", TITLE)
    for query in ("confirm=yes", "confirm=", "force=true", "confirm=true&confirm=true"):
        assert admin.delete(f"/resources/notes?{query}").status_code == 422, query
    assert "notes" in database.get_tables()


def test_refuses_while_another_resource_refers_to_it(admin):
    admin.declare("notes", TITLE)
    admin.declare("marks", {"note": {"type": "reference", "to": "notes"}})
    refused = admin.delete("/resources/notes?confirm=true")
    assert refused.status_code == 409
    assert "marks" in refused.json["error"]["message"]
    assert admin.delete("/resources/marks").status_code == 200
    assert admin.delete("/resources/notes").status_code == 200


def test_records_that_refer_to_each_other_are_no_obstacle(admin):
    admin.declare("notes", TITLE | {"parent": {"type": "reference", "to": "notes"}})
    root = admin.make("notes", title="Root")
    admin.make("notes", title="Child", parent=root["id"])
    assert admin.delete("/resources/notes?confirm=true").status_code == 200
    assert "notes" not in database.get_tables()


def test_an_unknown_resource_is_not_found(admin):
    for name in ("nothing", "larder_users", "no%00thing"):
        assert admin.delete(f"/resources/{name}?confirm=true").status_code == 404, name


def test_needs_a_login_and_the_permission(admin, alice, stranger):
    admin.declare("notes", TITLE)
    assert stranger.delete("/resources/notes").status_code == 401
    assert alice.delete("/resources/notes").status_code == 403
    assert "notes" in database.get_tables()
    Role.create(name="architect", permissions=["resources:write"])
    give_roles(User.by_email(alice.email), ["architect"])
    assert alice.delete("/resources/notes").status_code == 200


def test_the_name_is_free_again_and_its_versions_count_on(admin):
    admin.declare("notes", TITLE)
    admin.make("notes", title="Milk")
    admin.delete("/resources/notes?confirm=true")
    again = admin.declare("notes", {"body": {"type": "text"}})
    assert again["version"] == 3  # the first declaration was 1, dropping it 2
    assert admin.get("/notes").json["data"] == []
