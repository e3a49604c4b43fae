"""`GET /schema`: what a caller sees and may do, and nothing about anything else."""

import dataclasses

import pytest

from backend import create_app
from tests.conftest import ON_SQLITE, PASSWORD, Person
from tests.helpers import bearer

EDITORS = {"readable_by": ["editor"]}
AUTHORS = {"name": {"type": "string", "required": True}, "code": {"type": "string", "unique": True, "max_length": 4}}
BOOKS = {
    "title": {"type": "string", "required": True, "max_length": 80, "pattern": "^[A-Z]"},
    "author": {"type": "reference", "to": "authors"},
    "readers": {"type": "references", "to": "users", "max": 5},
    "kind": {"type": "enum", "choices": ["novel", "poem"], "default": "novel"},
    "price": {"type": "decimal", "precision": 8, "scale": 3, "min": "0"},
    "shown": {"type": "string", "computed": "lower(title)"},
    "cost": {"type": "integer", **EDITORS},
    "isbn": {"type": "string", "unique": True, **EDITORS},
    "draft": {"type": "text", "writable_by": ["member"], **EDITORS},
    "secret": {"type": "reference", "to": "secrets", **EDITORS},
}
ACCESS = {
    "list": ["public"],
    "read": ["member", {"role": "public", "where": {"kind": "poem"}}],
    "create": ["owner"],
    "update": ["owner", "editor"],
    "delete": ["editor", {"role": "member", "where": {"author": {"isnull": True}}}],
}

NO_FILTERS = {"page", "per_page", "sort", "fields", "expand", "expand.path.option", "q", "where", "cursor", "count"}


@pytest.fixture
def library(admin):
    """Books and their authors, whom everybody sees, and secrets, which only admins see."""
    admin.declare("authors", AUTHORS, access={"list": ["public"], "read": ["public"]}, label="code")
    admin.declare("secrets", {"book": {"type": "string"}, "note": {"type": "string"}})
    more = {"filters": ["author.code"], "search": ["title", "draft"], "history": True, "description": "To read"}
    admin.declare("books", BOOKS, access=ACCESS, **more)
    return admin


def schema(person, **options):
    """Return the data of a 200 response."""
    answer = person.get("/schema", **options)
    assert answer.status_code == 200, answer.json
    return answer.json["data"]


def resource(person, name="books"):
    return next(each for each in schema(person)["resources"] if each["name"] == name)


def fields(described, *names):
    by_name = {field["name"]: field for field in described["fields"]}
    return [by_name[name] for name in names] if names else by_name


def test_describes_a_resource_for_those_who_may_use_it(library, alice):
    books = resource(alice)
    assert {name: value for name, value in books.items() if name not in ("fields", "paths", "relations")} == {
        "name": "books",
        "description": "To read",
        "label": "title",
        "search": ["title"],
        "keys": [],
        "require_if_match": False,
        "feed": False,
        "actions": {
            **{"list": "all", "read": "all", "create": "all", "update": "own", "delete": "rule"},
            **{"export": "all", "aggregate": "all", "import": "all", "history": "all"},
        },
    }
    shown = ["title", "author", "readers", "kind", "price", "shown"]
    assert [*fields(books)] == ["id", *shown, "draft", "created_at", "updated_at", "created_by", "version"]


@ON_SQLITE
def test_describes_a_field_so_that_a_form_can_be_built(library, alice):
    title, author, readers, kind, price, shown, version = fields(
        resource(alice), "title", "author", "readers", "kind", "price", "shown", "version"
    )
    assert title == {
        **{"name": "title", "type": "string", "description": "", "required": True, "nullable": False, "default": None},
        **{"unique": False, "computed": False, "system": False, "to": None, "to_label": None},
        "options": {"max_length": 80, "pattern": "^[A-Z]"},
        **{"readable": True, "writable": ["create", "update"], "sortable": True},
        "operators": ["eq", "ne", "in", "gt", "gte", "lt", "lte", "contains", "icontains", "startswith"],
    }
    assert (author["to"], author["to_label"], author["nullable"]) == ("authors", "code", True)
    assert (readers["to"], readers["to_label"], readers["options"], readers["sortable"]) == (
        *("users", "name"),
        {"max": 5},
        False,
    )
    assert (kind["options"], kind["default"]) == ({"choices": ["novel", "poem"]}, "novel")
    assert price["options"] == {"precision": 8, "scale": 3, "min": "0"}
    assert (shown["computed"], shown["writable"], shown["readable"]) == (True, [], True)
    assert (version["system"], version["writable"], version["sortable"]) == (True, [], True)


@ON_SQLITE
def test_describes_paths_and_relations(library, alice):
    books, authors = resource(alice), resource(alice, "authors")
    (path,) = books["paths"]
    assert (path["name"], path["type"], path["options"], path["writable"]) == (
        *("author.code", "string"),
        {"max_length": 4},
        [],
    )
    assert "icontains" in path["operators"]
    assert books["relations"] == [
        {"name": "author", "resource": "authors", "field": "author", "many": False, "back": False},
        {"name": "readers", "resource": "users", "field": "readers", "many": True, "back": False},
    ]
    back = {"resource": "books", "field": "author", "many": True, "back": True}
    assert authors["relations"] == [{"name": "books__author", **back}, {"name": "books", **back}]


def test_says_what_strangers_may_do(library, stranger):
    found = schema(stranger)
    assert (found["permissions"], found["profile"], found["directory"]) == ([], [], None)
    books = resource(stranger)
    assert books["actions"] == {"list": "all", "read": "rule", "export": "all", "aggregate": "all", "history": "rule"}
    assert all(field["writable"] == [] for field in books["fields"])
    assert fields(books, "kind")[0]["default"] is None  # which nobody needs who cannot create a record
    assert [each["name"] for each in found["resources"]] == ["authors", "books"]


@ON_SQLITE
def test_a_field_that_can_only_be_set_is_not_readable(library, alice, edith):
    (draft,) = fields(resource(alice), "draft")
    assert (draft["readable"], draft["writable"], draft["sortable"], draft["operators"]) == (
        *(False, ["create", "update"]),
        *(False, []),
    )
    (draft,) = fields(resource(edith), "draft")
    assert (draft["readable"], draft["sortable"], draft["writable"]) == (True, True, ["create", "update"])


def test_shows_nothing_of_hidden_fields_and_resources(library, admin, alice, edith, stranger):
    for person in (alice, stranger):
        text = person.get("/schema").text
        assert not [word for word in ("cost", "isbn", "secret", "editor") if word in text]
    books = resource(edith)
    assert {"cost", "isbn", "secret"} <= fields(books).keys()
    assert (books["keys"], books["search"]) == (["isbn"], ["title", "draft"])
    (reference,) = fields(books, "secret")
    assert (reference["to"], reference["to_label"]) == (None, None)  # edith may not use secrets
    (reference,) = fields(resource(admin), "secret")
    assert (reference["to"], reference["to_label"]) == ("secrets", "book")
    assert [each["name"] for each in schema(admin)["resources"]] == ["authors", "books", "secrets"]
    assert "secret" in [each["name"] for each in resource(admin)["relations"]]


def test_only_a_change_that_a_caller_sees_changes_their_tag(library, alice, edith, stranger):
    people = (alice, edith, stranger)
    before = [person.get("/schema").headers["ETag"] for person in people]
    assert len({*before}) == 3
    changed = {**BOOKS, "cost": {"type": "integer", "min": 1, **EDITORS}}
    body = {"name": "books", "fields": changed, "access": ACCESS, "filters": ["author.code"], "history": True}
    body |= {"search": ["title", "draft"], "description": "To read"}
    assert library.put("/resources/books", json=body).status_code == 200
    after = [person.get("/schema").headers["ETag"] for person in people]
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, True]
    assert fields(resource(edith), "cost")[0]["options"] == {"min": 1}


def test_answers_304_for_what_the_caller_has(library, alice, bob, stranger):
    first = alice.get("/schema")
    assert (first.headers["Cache-Control"], first.headers["Vary"]) == ("private, no-cache", "Authorization, Cookie")
    known = {"If-None-Match": first.headers["ETag"]}
    again = alice.get("/schema", headers=known)
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert bob.get("/schema", headers=known).status_code == 304  # with the same roles
    assert stranger.get("/schema", headers=known).status_code == 200
    library.declare("notes", {"body": {"type": "text"}}, access={"list": ["member"]})
    assert alice.get("/schema", headers=known).status_code == 200
    assert resource(alice, "notes")["actions"] == {"list": "all", "export": "all", "aggregate": "all"}


def test_lists_the_permissions_of_the_caller_as_they_are_now(library, app):
    assert schema(library)["permissions"][:2] == ["api_keys:write", "audit:read"]
    assert library.post("/roles", json={"name": "reader", "permissions": ["audit:read"]}).status_code == 201
    account = {"email": "rita@example.com", "name": "Rita", "password": PASSWORD, "roles": ["reader"]}
    assert library.post("/users", json=account).status_code == 201
    rita = Person(app, "rita")
    assert schema(rita)["permissions"] == ["audit:read"]
    role = {"description": "", "permissions": ["audit:read", "records:read"]}
    assert library.put("/roles/reader", json=role).status_code == 200
    found = schema(rita)
    assert found["permissions"] == ["audit:read", "records:read"]
    assert [each["name"] for each in found["resources"]] == ["authors", "books", "secrets"]


def test_describes_the_directory_and_the_profile(library, app, alice, stranger):
    fields_ = {"team": {"type": "string", "max_length": 20}, "nick": {"type": "string", "writable_by": ["member"]}}
    settings = {"fields": fields_, "directory": {"roles": ["member"], "fields": ["name", "team"]}}
    assert library.put("/users/settings", json=settings).status_code == 200
    found = schema(alice)
    assert [(each["name"], each["writable"]) for each in found["profile"]] == [("team", []), ("nick", ["update"])]
    assert found["profile"][0]["options"] == {"max_length": 20}
    assert {**found["directory"], "fields": [each["name"] for each in found["directory"]["fields"]]} == {
        **{"label": "name", "search": ["name", "team"]},
        "fields": ["id", "name", "team"],
    }
    assert (schema(stranger)["directory"], schema(stranger)["profile"]) == (None, [])
    assert library.put("/users/settings", json={**settings, "directory": {"roles": []}}).status_code == 200
    assert schema(alice)["directory"] is None


@ON_SQLITE
def test_an_api_key_sees_what_its_roles_see(library, stranger):
    made = library.post("/api-keys", json={"name": "list", "permissions": ["records:read"]})
    found = schema(stranger, headers=bearer(made.json["data"]["secret"]))
    assert found["permissions"] == ["records:read"]
    books = next(each for each in found["resources"] if each["name"] == "books")
    assert books["actions"] == {"list": "all", "read": "all", "export": "all", "aggregate": "all", "history": "all"}
    assert [each["name"] for each in found["resources"]] == ["authors", "books", "secrets"]


@ON_SQLITE
def test_needs_a_sign_in_where_the_documents_do(settings, app):
    private = create_app(dataclasses.replace(settings, public_docs=False))
    assert Person(private).get("/schema").status_code == 401
    assert Person(private, "alice").get("/schema").status_code == 200


@ON_SQLITE
def test_says_who_can_register(settings, app, stranger):
    assert schema(stranger)["registration"] == {"open": True, "needs_confirmation": False}
    mailing = dataclasses.replace(settings, registration="invitation", smtp_url="smtp://127.0.0.1:9")
    invited = Person(create_app(mailing))
    assert schema(invited)["registration"] == {"open": False, "needs_confirmation": True}


@ON_SQLITE
def test_the_document_describes_the_response(library, alice):
    document = alice.get("http://localhost/openapi.json").json
    schemas = document["components"]["schemas"]
    books = resource(alice)
    assert schemas["SchemaResource"]["properties"].keys() == books.keys()
    assert schemas["SchemaField"]["properties"].keys() == books["fields"][0].keys() == books["paths"][0].keys()
    assert schemas["SchemaRelation"]["properties"].keys() == books["relations"][0].keys()
    assert schemas["CallerSchema"]["properties"].keys() == schema(alice).keys()
    assert "304" in document["paths"]["/api/v1/schema"]["get"]["responses"]


@ON_SQLITE
def test_agrees_with_the_openapi_document(library, alice, edith, stranger):
    for person in (library, alice, edith, stranger):
        document = person.get("http://localhost/openapi.json").json
        for name in ("books", "authors"):
            described, of_document = resource(person, name), documented(document, name)
            if "create" not in described["actions"]:
                of_document["set"] = []
            assert allowed(described) == of_document, (person.name, name)


def allowed(described):
    """Return what a caller may use of a resource, by its description."""
    listed = [*described["fields"], *described["paths"]]
    sortable = [field["name"] for field in listed if field["sortable"]]
    return {
        "read": [field["name"] for field in described["fields"] if field["readable"]],
        "set": [field["name"] for field in described["fields"] if "create" in field["writable"]],
        "sort": [prefix + name for name in sortable for prefix in ("", "-")],
        "filter": [
            field["name"] if operator == "eq" else f"{field['name']}__{operator}"
            for field in listed
            for operator in field["operators"]
        ],
        "q": bool(described["search"]),
        "expand": {relation["name"] for relation in described["relations"]},
    }


def documented(document, name):
    """Return the same, by the OpenAPI document of the caller."""
    schemas = document["components"]["schemas"]
    type_name = name.removesuffix("s").title()
    properties = schemas[type_name]["properties"]
    parameters = {each["name"]: each for each in document["paths"][f"/api/v1/{name}"]["get"]["parameters"]}
    names = [each for each in parameters if each not in NO_FILTERS]
    return {
        "read": [each for each in properties if each != "expand"],
        "set": [*schemas[f"{type_name}Create"]["properties"]],
        "sort": parameters["sort"]["schema"]["items"]["enum"],
        "filter": names,
        "q": "q" in parameters,
        "expand": {*properties.get("expand", {}).get("properties", {})},
    }
