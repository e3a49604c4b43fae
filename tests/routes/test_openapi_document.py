"""`/openapi.json`: valid, and complete for every field type."""

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_spec_validator import validate

from backend import create_app
from backend.models.database import database
from backend.services.field_types.base import TYPES
from backend.services.storage.operators import OF_TRUTH, OF_VALUES
from backend.utils.version import VERSION
from tests.conftest import ON_SQLITE, PASSWORD, Person
from tests.field_types.contract import check_answer
from tests.parts import teams

METHODS = ("get", "post", "put", "patch", "delete")
OPTIONS = {
    "enum": {"choices": ["open", "closed"]},
    "list": {"of": "string"},
    "reference": {"to": "things"},
    "references": {"to": "things"},
}


@pytest.fixture(scope="module", autouse=True)
def checked_once():
    """Check each schema once: nearly all are in several documents, and checking them takes most of the time."""
    check = OAS31Validator.check_schema

    @cache
    def check_text(text):
        check(json.loads(text), format_checker=oas31_format_checker)

    def check_schema(schema, format_checker):
        assert format_checker is oas31_format_checker
        check_text(json.dumps(schema))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OAS31Validator, "check_schema", check_schema)
        yield


@pytest.fixture
def document(admin):
    """The document with a resource that has a field of every type, named after it."""
    admin.declare("things", {f"a_{name}": {"type": name} | OPTIONS.get(name, {}) for name in TYPES})
    return admin.get("http://localhost/openapi.json").json


def operations(document):
    return [path[method] for path in document["paths"].values() for method in METHODS if method in path]


@ON_SQLITE
def test_is_valid_openapi(document):
    assert document["openapi"] == "3.1.0"
    assert_valid(document)
    schemas = document["components"]["schemas"]
    assert schemas["SequenceCondition"]["anyOf"][0] == {"type": "integer"}
    assert schemas["ThingWhere"]["properties"]["a_list"] == {"$ref": "#/components/schemas/ListOperators"}


@ON_SQLITE
def test_every_operation_has_an_id_of_its_own(document):
    ids = [operation["operationId"] for operation in operations(document)]
    assert len(ids) == len(set(ids)) > 15


@ON_SQLITE
def test_every_parameter_of_a_query_is_explained(document):
    parameters = [each for operation in operations(document) for each in operation.get("parameters", [])]
    assert [each["name"] for each in parameters if each["in"] == "query" and "description" not in each] == []


@ON_SQLITE
def test_every_operation_says_how_it_fails_and_what_it_answers(document):
    for operation in operations(document):
        answers = operation["responses"]
        assert "default" in answers, operation
        assert [status for status in answers if status.startswith("2")], operation


@ON_SQLITE
def test_every_filter_is_a_parameter_of_its_own_type(document):
    parameters = {each["name"]: each["schema"] for each in document["paths"]["/api/v1/things"]["get"]["parameters"]}
    for name, kind in TYPES.items():
        for operator in kind.operators:
            parameter = f"a_{name}" if operator == "eq" else f"a_{name}__{operator}"
            kinds = parameters[parameter]["type"]
            if operator in OF_TRUTH:
                assert kinds == "boolean", parameter
            elif operator in OF_VALUES:
                assert kinds == "array", parameter
            else:
                own = {"integer": "integer", "sequence": "integer", "number": "number", "boolean": "boolean"}
                assert kinds == own.get(name, "string")
    assert parameters["a_enum"]["enum"] == ["open", "closed"]
    assert parameters["a_uuid"]["format"] == "uuid"


@pytest.mark.parametrize("name", sorted(TYPES))
def test_every_field_type_has_its_test_file(name):
    """That file proves that what the database emits is what the document says: see tests/field_types/contract.py."""
    text = (Path(__file__).parents[1] / "field_types" / f"test_field_{name}.py").read_text()
    assert f"class Test{name.title()}(FieldTypeContract):" in text


def document_of(person):
    return person.get("http://localhost/openapi.json").json


def assert_valid(document):
    """Assert that a document is valid and has all components that it refers to, also those of the content of texts."""
    validate(document)
    referred = set(re.findall('"#/components/([^"]+)"', json.dumps(document)))
    assert referred <= {f"{kind}/{name}" for kind, names in document["components"].items() for name in names}


@ON_SQLITE
def test_is_valid_for_every_caller(settings, admin, alice, edith, stranger):
    teams.apply(settings)
    fields = {f"a_{name}": {"type": name} | OPTIONS.get(name, {}) for name in TYPES}
    fields |= {f"edited_{name}": fields[f"a_{name}"] | {"readable_by": ["editor"]} for name in ("text", "references")}
    admin.declare("things", fields, access={"list": ["member", "editor"], "read": ["public"], "update": ["public"]})
    referring = {"thing": {"type": "reference", "to": "things"}, "people": {"type": "references", "to": "users"}}
    admin.declare("others", referring, access={"create": ["public"], "list": ["editor"]})
    paths = ["people", "thing.a_text", "thing.edited_text"]  # everyone finds themselves among the users
    for person, seen in ((admin, 3), (edith, 3), (alice, 2), (stranger, 1)):
        document = document_of(person)
        assert_valid(document)
        where = document["components"]["schemas"]["OtherWhere"]["properties"]
        assert [path for path in paths if path in where] == paths[:seen], person.name


@ON_SQLITE
def test_has_only_the_resources_that_somebody_has_a_grant_for(admin, alice, edith, stranger):
    grants = {
        "open": {"read": ["public"]},
        "ruled": {"list": [{"role": "public", "where": {"state": "open"}}]},
        "owned": {"update": ["owner"]},
        "edited": {"create": ["editor"]},
        "closed": {},
    }
    for name, access in grants.items():
        state = {"type": "enum", "choices": [f"{name}_choice", "open"], "default": f"{name}_choice"}
        admin.declare(f"{name}_things", {"state": state}, access=access)
    everything, member = set(grants), {"open", "ruled", "owned"}
    seen = {admin: everything, edith: member | {"edited"}, alice: member, stranger: {"open", "ruled"}}
    for person, names in seen.items():
        text = person.get("http://localhost/openapi.json").text
        assert {name for name in grants if f"{name}_things" in text} == names, person.name
        assert {name for name in grants if f"{name}_choice" in text} == names, person.name
        validate(document_of(person))


@ON_SQLITE
def test_shows_no_relation_to_records_that_the_caller_may_not_read(admin, alice, stranger):
    admin.declare("secrets", {"word": {"type": "string"}}, access={"read": ["member"]})
    secret = {"type": "reference", "to": "secrets"}
    admin.declare("notes", {"secret": secret}, access={"read": ["public"]})
    admin.declare("drafts", {"note": {"type": "reference", "to": "notes"}}, access={"list": ["member"]})
    for person, relations in ((alice, {"secret", "drafts", "drafts__note"}), (stranger, set())):
        document = document_of(person)
        properties = document["components"]["schemas"]["Note"]["properties"]
        assert set(properties.get("expand", {}).get("properties", ())) == relations
        validate(document)


@ON_SQLITE
def test_follows_the_definitions_and_the_roles(admin, alice, edith):
    admin.declare("notes", {"title": {"type": "string"}}, access={"read": ["editor"]})
    assert ["/api/v1/notes" in document_of(person)["paths"] for person in (alice, edith)] == [False, True]
    admin.put("/resources/notes", json={"fields": {"title": {"type": "string"}}, "access": {"read": ["member"]}})
    assert ["/api/v1/notes" in document_of(person)["paths"] for person in (alice, edith)] == [True, True]
    admin.delete("/resources/notes")
    assert ["/api/v1/notes" in document_of(person)["paths"] for person in (alice, edith)] == [False, False]


@ON_SQLITE
def test_resources_come_before_the_system_and_common_parameters_before_filters(admin):
    fields = {"title": {"type": "string"}, "author": {"type": "reference", "to": "people"}}
    admin.declare("people", {"name": {"type": "string"}})
    admin.declare("books", fields, search=["title"], description="What the library has", access={"list": ["admin"]})
    document = document_of(admin)
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    assert [*tags][:2] == ["books", "people"]
    assert [*tags][2:5] == ["root", "health", "auth"]
    assert tags["books"] == "What the library has"
    assert all(tags.values())
    assert next(iter(document["paths"])).startswith("/api/v1/books")
    first = ["page", "per_page", "sort", "fields", "expand"]
    for path, names in (
        ("books", [*first, "expand.path.option", "q", "where", "cursor", "count", "id"]),
        ("users", first[:4]),
    ):
        parameters = [each["name"] for each in document["paths"][f"/api/v1/{path}"]["get"]["parameters"]]
        assert parameters[: len(names)] == names


@ON_SQLITE
def test_may_require_a_sign_in(settings):
    app = create_app(replace(settings, public_docs=False))
    stranger, alice = Person(app), Person(app, "alice")
    answer = stranger.get("http://localhost/openapi.json")
    assert (answer.status_code, answer.json["error"]["code"]) == (401, "UNAUTHENTICATED")
    assert stranger.client.head("/openapi.json").status_code == 401
    assert alice.get("http://localhost/openapi.json").status_code == 200
    for path in ("/docs", "/docs/", "/docs/docs.js"):  # with a sign-in; they show nothing without the document
        with stranger.get(f"http://localhost{path}") as shown:  # a file is open until its answer is closed
            assert shown.status_code == 200, path
    page = stranger.get("http://localhost/", headers={"Accept": "text/html"})
    assert (VERSION in page.text, "{" in page.text) == (False, False)
    for path in ("/", "/health/live", "/api/v1/auth/me"):
        assert stranger.get(f"http://localhost{path}").status_code == (401 if "me" in path else 200)
    browser = app.test_client()
    credentials = {"email": alice.email, "password": PASSWORD, "cookies": True}
    assert browser.post("/api/v1/auth/login", json=credentials).status_code == 200
    assert browser.get("/openapi.json").status_code == 200
    database.close_all()


def schemas_in(part):
    """Yield every JSON Schema of a part of the document that has a `type`, and those within it."""
    if isinstance(part, dict):
        if isinstance(part.get("type"), (str, list)):
            yield part
        for value in part.values():
            yield from schemas_in(value)
    elif isinstance(part, list):
        for value in part:
            yield from schemas_in(value)


@ON_SQLITE
def test_has_forms_that_generators_of_clients_understand(admin):
    fields = {"state": {"type": "enum", "choices": ["on", "", "1 a"], "default": "on"}, "code": {"type": "string"}}
    admin.declare("things", fields | {"count_of_parts": {"type": "integer", "default": 0}})
    document = document_of(admin)
    bodies = document["components"]["schemas"]
    assert [each for each in schemas_in(bodies) if "default" in each] == []  # or clients would have to send it
    choice = bodies["FieldDeclaration"]
    mapping = choice["discriminator"]["mapping"]
    assert {"$ref": mapping["string"]} in choice["oneOf"]
    assert mapping["string"] == "#/components/schemas/StringField"
    assert bodies["StringField"]["properties"]["type"] == {"type": "string", "enum": ["string"]}
    empty = bodies["Empty"]["properties"]
    assert (empty["data"]["type"], empty["success"]["type"]) == (["object", "null"], "boolean")
    assert "enum" not in empty["success"]
    (sort,) = (each for each in document["paths"]["/api/v1/things"]["get"]["parameters"] if each["name"] == "sort")
    named = dict(zip(sort["schema"]["items"]["enum"], sort["schema"]["items"]["x-enum-varnames"], strict=True))
    assert (named["code"], named["-code"], named["-count_of_parts"]) == ("CODE", "CODE_DESC", "COUNT_OF_PARTS_DESC")
    state = bodies["ThingCreate"]["properties"]["state"]
    assert state["x-enum-varnames"] == ["ON", "EMPTY", "VALUE_1_A"]
    assert "`on` by default" in state["description"]


@ON_SQLITE
def test_profiles_have_the_declared_fields_for_those_who_are_signed_in(admin, alice, stranger):
    fields = {"shoe_size": {"type": "string", "max_length": 9}, "page": {"type": "integer"}}
    directory = {"roles": ["member"], "fields": ["name"]}
    assert admin.put("/users/settings", json={"fields": fields, "directory": directory}).status_code == 200
    for person, shown in ((admin, ["shoe_size", "page"]), (alice, ["shoe_size", "page"]), (stranger, [])):
        schemas = document_of(person)["components"]["schemas"]
        assert list(schemas["UserProfile"].get("properties", ())) == shown, person.name
        assert list(schemas["UserProfileUpdate"].get("properties", ())) == shown, person.name
        assert ("shoe_size" in person.get("http://localhost/openapi.json").text) == bool(shown)
    body = {"email": "new@example.com", "name": "New", "password": PASSWORD, "profile": {"shoe_size": "a"}}
    made = admin.post("/users", json=body)
    document = document_of(admin)
    check_answer(document, "create_user", made)
    check_answer(document, "update_user", admin.patch(f"/users/{made.json['data']['id']}", json={"active": False}))
    check_answer(document, "get_me", alice.get("/auth/me"))
    for operation, path in (("list_users", "/users"), ("list_audit_entries", "/audit"), ("list_roles", "/roles")):
        check_answer(document, operation, admin.get(path))


@ON_SQLITE
def test_errors_are_what_the_document_says(admin):
    admin.declare("notes", {"title": {"type": "string", "required": True}, "n": {"type": "integer", "max": 3}})
    document = document_of(admin)
    made = admin.make("notes", title="x")
    step = {"op": "update", "resource": "notes", "id": made["id"], "data": {"n": 9}}
    for operation, answer in (
        ("create_note", admin.post("/notes", json={"n": 5, "nope": 1})),
        ("list_notes", admin.get("/notes?sort=nope&n=x")),
        ("run_batch", admin.post("/batch", json={"operations": [step]})),
        ("replace_resource", admin.put("/resources/notes", json={"fields": {"n": {"type": "integer"}}})),
        ("get_note", admin.get(f"/notes/{made['id'][:-4]}0000")),
    ):
        assert answer.status_code >= 400
        check_answer(document | {"paths": with_failures(document)}, operation, answer)


def with_failures(document):
    """Return the paths, in which each operation has the default response for each error."""
    paths = json.loads(json.dumps(document["paths"]))
    failure = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}}
    for path in paths.values():
        for method in METHODS:
            if method in path:
                path[method]["responses"] |= {str(status): failure for status in (404, 409, 422)}
    return paths


@ON_SQLITE
def test_names_the_address_of_the_server(settings):
    for address, url in (("https://larder.example.com/x", "https://larder.example.com/x"), (None, "/")):
        app = create_app(replace(settings, public_url=address))
        assert Person(app).get("http://localhost/openapi.json").json["servers"] == [{"url": url}]
        database.close_all()
