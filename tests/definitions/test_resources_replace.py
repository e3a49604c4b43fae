"""`PUT /resources/<name>`."""

import pytest

from backend.models.database import database
from backend.models.definition import Generation
from backend.models.role import Role
from backend.models.user import User, give_roles
from tests.conftest import ON_SQLITE
from tests.definitions.notes import NOTES, TITLE
from tests.helpers import details_of


@pytest.fixture
def notes(admin):
    """A resource with two records in place."""
    admin.declare("notes", **NOTES)
    return [admin.make("notes", title="Milk", price=1, code="m"), admin.make("notes", title="Tea", price=2, code="t")]


def with_field(name, **options):
    """Return the definition with one more field, or with another declaration of one."""
    return NOTES | {"fields": NOTES["fields"] | {name: options}}


def put(person, definition, name="notes"):
    return person.put(f"/resources/{name}", json=definition)


def indexed(name):
    """Return the columns of each index of the table."""
    return sorted((index.columns, index.unique) for index in database.get_indexes(name) if index.columns != ["id"])


def test_adds_an_optional_field(admin, notes):
    response = put(admin, with_field("body", type="text", description="In full"))
    assert response.status_code == 200
    assert response.json["data"]["version"] == 2
    assert response.json["data"]["fields"]["body"] == {"type": "text", "description": "In full"}
    assert [note["body"] for note in admin.get("/notes").json["data"]] == [None, None]
    assert admin.make("notes", title="Rice", body="Two bags")["body"] == "Two bags"


def test_rows_in_place_get_the_default_of_a_new_field(admin, notes):
    fields = {
        "count": {"type": "integer", "default": 0},
        "done": {"type": "boolean", "default": False},
        "rate": {"type": "decimal", "default": "1.50"},
        "since": {"type": "datetime", "default": "2026-01-01T02:00:00+02:00"},
        "tags": {"type": "json", "default": []},
        "kind": {"type": "enum", "choices": ["a", "b"], "default": "b"},
    }
    fields = {f"new_{name}": options for name, options in fields.items()}
    assert put(admin, NOTES | {"fields": NOTES["fields"] | fields}).status_code == 200
    values = {
        "new_count": 0,
        "new_done": False,
        "new_rate": "1.50",
        "new_since": "2026-01-01T00:00:00.000000Z",
        "new_tags": [],
        "new_kind": "b",
    }
    for note in [*admin.get("/notes").json["data"], admin.make("notes", title="Rice")]:
        assert {name: note[name] for name in values} == values


def test_new_fields_keep_their_constraints(admin, notes):
    fields = {
        "rank": {"type": "integer", "min": 1, "unique": True},
        "parent": {"type": "reference", "to": "notes"},
    }
    assert put(admin, NOTES | {"fields": NOTES["fields"] | fields}).status_code == 200
    milk, tea = notes
    assert admin.patch(f"/notes/{tea['id']}", json={"rank": 1, "parent": milk["id"]}).status_code == 200
    assert admin.patch(f"/notes/{milk['id']}", json={"rank": 0}).status_code == 422
    assert admin.patch(f"/notes/{milk['id']}", json={"rank": 1}).status_code == 409
    assert admin.patch(f"/notes/{milk['id']}", json={"parent": tea["id"][:-12] + "0" * 12}).status_code == 422
    assert admin.delete(f"/notes/{milk['id']}").status_code == 409


def test_adds_indexes(admin, notes):
    changed = with_field("price", type="integer", index=True)
    changed["fields"] |= {"title": TITLE | {"index": True}, "page_no": {"type": "integer", "index": True}}
    assert put(admin, changed | {"indexes": [["title", "price"], ["price", "title"]]}).status_code == 200
    assert indexed("notes") == [
        (["code"], True),
        (["code", "id"], False),  # in the order of a unique field that may be null
        (["created_at", "id"], False),
        (["page_no", "id"], False),
        (["price", "id"], False),
        (["price", "title", "id"], False),
        (["title", "code"], True),
        (["title", "id"], False),
        (["title", "price", "id"], False),
        (["updated_at", "id"], False),
    ]


def test_a_new_unique_set_may_hold_a_new_field(admin, notes):
    changed = with_field("body", type="string") | {"unique": [["title", "code"], ["title", "body"]]}
    assert put(admin, changed).status_code == 200
    admin.make("notes", title="Milk", body="x")
    assert admin.post("/notes", json={"title": "Milk", "body": "x"}).status_code == 409


def test_changes_what_concerns_no_column(admin, alice, notes):
    changed = with_field("title", **TITLE, description="In a word")
    changed |= {"description": "To buy", "search": ["title"], "access": {"list": ["member"], "create": ["member"]}}
    response = put(admin, changed)
    assert response.status_code == 200
    assert {part: response.json["data"][part] for part in changed} == changed
    assert alice.post("/notes", json={"title": "Rice"}).status_code == 201


def test_the_new_shape_is_served_on_the_very_next_request(admin, stranger, notes):
    put(admin, with_field("body", type="text") | {"access": {}})
    assert stranger.get("/notes").status_code == 401
    assert admin.get("/notes?body__isnull=true").json["meta"]["total"] == 2
    parameters = admin.get("http://localhost/openapi.json").json["paths"]["/api/v1/notes"]["get"]["parameters"]
    assert "body__icontains" in [parameter["name"] for parameter in parameters]


def test_the_order_of_the_fields_is_kept_as_declared(admin, notes):
    response = put(admin, NOTES | {"fields": {"first": {"type": "string"}} | NOTES["fields"]})
    assert list(response.json["data"]["fields"]) == ["first", "title", "price", "code"]
    assert list(admin.get("/notes").json["data"][0])[:3] == ["id", "first", "title"]


def test_an_unchanged_definition_creates_no_version(admin, notes):
    generation = Generation.current()
    before = admin.get("/resources/notes").json["data"]
    for same in (NOTES, NOTES | {"name": "notes"}, NOTES | {"description": "", "search": []}):
        response = put(admin, same)
        assert response.status_code == 200
        assert response.json["data"] == before
    assert Generation.current() == generation


def test_a_default_that_rows_in_place_cannot_share_changes_nothing(admin, notes):
    columns = database.get_columns("notes")
    response = put(admin, with_field("rank", type="integer", unique=True, default=1))
    assert response.status_code == 409
    assert response.json["error"]["code"] == "CONFLICT"
    assert database.get_columns("notes") == columns
    assert admin.get("/resources/notes").json["data"]["version"] == 1


@ON_SQLITE
def test_refuses_definitions_that_a_new_resource_may_not_have(admin, notes):
    wrong = {
        "reserved field": (with_field("sort", type="string"), "fields"),
        "unknown role": (NOTES | {"access": {"list": ["nobody"]}}, "access"),
        "unknown target": (with_field("to", type="reference", to="nothing"), "fields"),
        "another name": (NOTES | {"name": "books"}, "name"),
        "no fields": ({"access": {}}, "fields"),
        "unknown part": (NOTES | {"titel": "x"}, "titel"),
    }
    for what, (changed, part) in wrong.items():
        response = put(admin, changed)
        assert response.status_code == 422, what
        assert list(details_of(response)["json"]) == [part]
    assert admin.get("/resources/notes").json["data"]["version"] == 1


def test_optional_references_may_form_a_cycle(admin, notes):
    admin.declare("marks", {"note": {"type": "reference", "to": "notes", "required": True}})
    assert put(admin, with_field("mark", type="reference", to="marks")).status_code == 200
    mark = admin.make("marks", note=notes[0]["id"])
    response = admin.patch(f"/notes/{notes[0]['id']}", json={"mark": mark["id"]})
    assert response.json["data"]["mark"] == mark["id"]


def test_an_unknown_resource_is_not_found(admin):
    assert put(admin, NOTES, name="nothing").status_code == 404
    assert put(admin, NOTES, name="larder_users").status_code == 404
    assert put(admin, NOTES, name="no%00tes").status_code == 404


def test_needs_a_login_and_the_permission(admin, alice, stranger, notes):
    changed = with_field("body", type="text")
    assert put(stranger, changed).status_code == 401
    assert put(alice, changed).status_code == 403
    assert admin.get("/resources/notes").json["data"]["version"] == 1
    Role.create(name="architect", permissions=["resources:write"])
    give_roles(User.by_email(alice.email), ["architect"])
    assert put(alice, changed).json["data"]["version"] == 2
