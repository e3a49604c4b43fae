"""`POST /resources`."""

import dataclasses

from openapi_schema_validator import OAS31Validator

from backend.models.database import database
from backend.models.definition import Generation, StoredDefinition
from backend.models.role import Role
from backend.models.user import User, give_roles
from backend.services.definitions.definition import Definition
from tests.conftest import ON_SQLITE
from tests.helpers import details_of, stored_state

TITLE = {"title": {"type": "string"}}

MALICIOUS_NAMES = [
    *("notes; DROP TABLE larder_users", "notes'--", 'notes"', "notes`", "no\\tes", "notes/..", "../notes", "notes?x=1"),
    *(
        "notes.title",
        "no tes",
        " notes",
        "notes ",
        "notes\n",
        "no\0tes",
        "<b>notes</b>",
        "{notes}",
        "%s",
        "$1",
        "-notes",
    ),
    *("Notes", "nötes", "заметки", "笔记", "ｎotes", "ⁿotes", "\U0001f4dd", "no\u200btes", "half \ud800", "1notes"),
    *("", "_notes", "no__tes", "notes__", "a" * 64),
]
RESERVED_NAMES = [
    *("auth", "users", "roles", "sessions", "api_keys", "resources", "batch", "audit", "health", "metrics", "docs"),
    *("openapi", "records", "backups", "root", "swagger_ui", "sqlite_x", "sqlite_master", "pg_x", "pg_class"),
    *("directory", "larder_x", "larder_users", "larder_migrations", "ix_notes", "uq_notes", "notes_pkey"),
    *("pragma_table_list", "pragma_x", "json_each", "json_tree", "jsonb_each", "json_x", "fts5", "fts5vocab", "dbstat"),
    *("generate_series", "information_schema", "excluded", "rtree", "larder", "bytecode", "tables_used", "carray"),
]
RESERVED_FIELD_NAMES = [
    *("id", "created_at", "updated_at", "created_by", "version", "sort", "page", "per_page", "cursor", "count"),
    *("fields", "expand", "q", "format", "mode", "key", "dry_run", "confirm", "group_by", "having", "count_distinct"),
    *("ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"),
]
AWKWARD_NAMES = [
    *("select", "table", "order", "group", "user", "default", "index", "primary", "window", "null", "true", "limit"),
    *("save", "delete", "dirty_fields", "meta", "f_id", "load", "dump", "context", "context_", "opts", "many"),
    *("rowid", "oid", "self", "cls", "data", "model", "json", "owner", "name", "type", "fields_", "declared_fields"),
    *("defaults", "for_actor", "column", "kinds", "id_", "record", "link_values", "scope0", "row"),
    *("class", "import", "record_id", "response", "a" * 63),
]

WRONG_OPTIONS = {
    "no type": {},
    "unknown type": {"type": "money"},
    "type in capitals": {"type": "String"},
    "type that is no text": {"type": ["string"]},
    "unknown option": {"type": "string", "maxlength": 5},
    "option of another type": {"type": "string", "precision": 5},
    "length below zero": {"type": "string", "max_length": -1},
    "length as a text": {"type": "string", "max_length": "5"},
    "bounds the wrong way round": {"type": "integer", "min": 2, "max": 1},
    "bound of another type": {"type": "integer", "min": "a"},
    "default of another type": {"type": "integer", "default": "a"},
    "default out of bounds": {"type": "integer", "max": 5, "default": 6},
    "required that is no boolean": {"type": "string", "required": "yes"},
    "pattern that is none": {"type": "string", "pattern": "("},
    "no choices": {"type": "enum", "choices": []},
    "scale above precision": {"type": "decimal", "precision": 2, "scale": 3},
    "unique JSON": {"type": "json", "unique": True},
    "reference to nothing": {"type": "reference"},
    "reference with an unknown rule": {"type": "reference", "to": "notes", "on_delete": "explode"},
    "required reference set to null": {"type": "reference", "to": "notes", "required": True, "on_delete": "set_null"},
    "reference with a default": {"type": "reference", "to": "notes", "default": "0193e0f4-0000-7000-8000-000000000000"},
    "no object": "string",
    "null": None,
}

WRONG_PARTS = {
    "fields": [{}, None, [], {f"f{i}": {"type": "string"} for i in range(201)}],
    "indexes": [[["nothing"]], [[]], [["title", "title"]], [["title"], ["title"]], "title", [["body"]]],
    "unique": [[["nothing"]], [[]], [["title", "title"]], "title", [["body"]]],
    "search": [["nothing"], ["number"], "title"],
    "access": [
        {"list": ["nobody"]},
        {"list": ["public", "nobody"]},
        {"list": "public"},
        {"fly": ["public"]},
        {"list": [{"role": "member", "where": {}}]},
        ["public"],
    ],
    "description": [7, "x" * 2001, "nul \0"],
    "title": ["an unknown part"],
}


def details(response):
    """Return what a 422 says about the body."""
    assert response.status_code == 422, response.json
    return details_of(response)["json"]


def test_declares_a_resource(admin):
    body = {"name": "notes", "description": "What to buy", "fields": TITLE, "access": {"list": ["public"]}}
    response = admin.post("/resources", json=body)
    assert response.status_code == 201
    made = response.json["data"]
    assert {name: made[name] for name in body} == body
    assert made["version"] == 1
    assert admin.get_made(response) == made


def test_the_api_answers_on_the_very_next_request(admin, stranger):
    assert stranger.get("/notes").status_code == 404
    admin.declare("notes", TITLE, access={"list": ["public"]})
    assert stranger.get("/notes").json["data"] == []
    assert admin.post("/notes", json={"title": "Milk"}).status_code == 201


@ON_SQLITE
def test_the_openapi_document_has_the_new_paths(admin):
    admin.declare("notes", {"title": {"type": "string", "description": "In a word"}})
    document = admin.get("http://localhost/openapi.json").json
    assert sorted(document["paths"]["/api/v1/notes"]) == ["get", "post"]
    assert "In a word" in str(document["components"]["schemas"])


def test_needs_a_login(stranger):
    assert stranger.post("/resources", json={"name": "notes", "fields": TITLE}).status_code == 401
    assert "notes" not in database.get_tables()


def test_needs_the_permission(alice, bob):
    body = {"name": "notes", "fields": TITLE}
    assert alice.post("/resources", json=body).status_code == 403
    assert "notes" not in database.get_tables()
    Role.create(name="architect", permissions=["resources:write"])
    give_roles(User.by_email(alice.email), ["architect"])
    assert alice.post("/resources", json=body).status_code == 201
    assert bob.post("/resources", json=body | {"name": "more_notes"}).status_code == 403


def test_the_permission_to_read_is_not_one_to_write(alice):
    Role.create(name="reader", permissions=["resources:read"])
    give_roles(User.by_email(alice.email), ["reader"])
    assert alice.post("/resources", json={"name": "notes", "fields": TITLE}).status_code == 403


def test_refuses_malicious_and_reserved_names_of_resources(admin):
    before = stored_state()
    for name in MALICIOUS_NAMES + RESERVED_NAMES:
        response = admin.post("/resources", json={"name": name, "fields": TITLE})
        assert list(details(response)) == ["name"], name
    assert stored_state() == before


@ON_SQLITE
def test_refuses_names_that_are_no_text(admin):
    for name in (None, 7, True, ["notes"], {"a": 1}):
        assert list(details(admin.post("/resources", json={"name": name, "fields": TITLE}))) == ["name"]


def test_refuses_malicious_and_reserved_names_of_fields(admin):
    before = stored_state()
    for name in MALICIOUS_NAMES + RESERVED_FIELD_NAMES:
        response = admin.post("/resources", json={"name": "notes", "fields": {name: {"type": "string"}}})
        shown = name[:80].replace("\ud800", "?")
        assert list(details(response)["fields"]) == [shown], name
    assert stored_state() == before


def test_takes_names_that_mean_something_to_databases_and_python(admin):
    fields = {name: {"type": "string", "index": True} for name in AWKWARD_NAMES}
    admin.declare("select", fields)
    values = {name: name[:9] for name in AWKWARD_NAMES}
    made = admin.post("/select", json=values).json["data"]
    assert {name: made[name] for name in values} == values
    for start in range(0, len(values), 30):  # a request has at most 32 filters
        some = dict([*values.items()][start : start + 30])
        found = admin.get("/select", query_string=some | {"sort": "-select"})
        assert [row["id"] for row in found.json["data"]] == [made["id"]]


def test_resources_may_be_called_like_the_parts_of_the_app(admin):
    for name in ("resource", "static", "schemas", "record", "table", "a" * 63):
        admin.declare(name, TITLE)
        assert admin.make(name, title="x")["title"] == "x"
    operations = [
        operation["operationId"]
        for path in admin.get("http://localhost/openapi.json").json["paths"].values()
        for method, operation in path.items()
        if method in ("get", "post", "put", "patch", "delete")
    ]
    assert len(operations) == len(set(operations))


def test_no_resource_takes_the_name_of_another_ones_index(admin):
    admin.declare("notes", {"title": {"type": "string", "unique": True}, "body": {"type": "string", "index": True}})
    for index in [index.name for index in database.get_indexes("notes")] + ["notes_pkey"]:
        assert admin.post("/resources", json={"name": index, "fields": TITLE}).status_code == 422, index


@ON_SQLITE
def test_no_resource_takes_the_name_of_a_blueprint(app, admin):
    for name in app.blueprints:
        assert admin.post("/resources", json={"name": name, "fields": TITLE}).status_code == 422, name


@ON_SQLITE
def test_no_resource_has_the_name_of_a_virtual_table_of_sqlite(admin):
    with database.connection_context():
        modules = [name for (name,) in database.execute_sql("PRAGMA module_list").fetchall()]
        pragmas = [f"pragma_{name}" for (name,) in database.execute_sql("PRAGMA pragma_list").fetchall()]
    assert len(modules) > 3
    assert len(pragmas) > 30
    for name in modules + pragmas:
        assert admin.post("/resources", json={"name": name, "fields": TITLE}).status_code == 422, name


@ON_SQLITE
def test_existing_names_that_are_now_reserved_stay_and_can_be_renamed(app, admin, settings):
    admin.declare("notes", TITLE)
    admin.make("notes", title="Milk")
    with database.connection_context():
        # As a version would have left it that did not reserve the name.
        database.execute_sql('ALTER TABLE "notes" RENAME TO "pragma_table_list"')
        StoredDefinition.update(name="pragma_table_list").where(StoredDefinition.name == "notes").execute()
        Generation.advance()
    assert admin.get("/pragma_table_list").json["data"][0]["title"] == "Milk"
    result = app.test_cli_runner().invoke(args=["doctor"])
    assert "Reserved names are in use: pragma_table_list." in result.output
    made = app.test_cli_runner().invoke(args=["backup", "create"])
    assert made.exit_code == 0, made.output
    wider = {"fields": TITLE | {"body": {"type": "text"}}}
    assert admin.put("/resources/pragma_table_list", json=wider).status_code == 200
    renamed = wider | {"name": "notes", "renamed_from": "pragma_table_list"}
    assert admin.put("/resources/pragma_table_list", json=renamed).status_code == 200
    assert admin.get("/notes").json["data"][0]["title"] == "Milk"


@ON_SQLITE
def test_refuses_wrong_options(admin):
    before = stored_state()
    for what, declaration in WRONG_OPTIONS.items():
        response = admin.post("/resources", json={"name": "notes", "fields": {"title": declaration}})
        assert list(details(response)["fields"]) == ["title"], what
    assert stored_state() == before


@ON_SQLITE
def test_refuses_wrong_parts(admin):
    before = stored_state()
    fields = TITLE | {"body": {"type": "json"}, "number": {"type": "integer"}}
    for part, values in WRONG_PARTS.items():
        for value in values:
            response = admin.post("/resources", json={"name": "notes", "fields": fields} | {part: value})
            assert list(details(response)) == [part], (part, value)
    assert stored_state() == before


@ON_SQLITE
def test_refuses_a_body_that_is_no_object(admin):
    for body in ("[]", '"notes"', "7", "null"):
        assert admin.post("/resources", data=body, content_type="application/json").status_code == 422, body


@ON_SQLITE
def test_names_every_wrong_part_at_once(admin):
    body = {"name": "users", "fields": {"id": {"type": "string"}}, "access": {"list": ["nobody"]}}
    problems = details(admin.post("/resources", json=body))
    assert sorted(problems) == ["access", "fields", "name"]
    assert "users" in problems["name"][0]
    assert "nobody" in problems["access"]["list"][0]


def test_refuses_a_name_that_is_taken(admin):
    admin.declare("notes", TITLE)
    before = stored_state()
    response = admin.post("/resources", json={"name": "notes", "fields": {"body": {"type": "text"}}})
    assert response.status_code == 409
    assert "notes" in response.json["error"]["message"]
    assert stored_state() == before


def test_refuses_a_reference_to_an_unknown_resource(admin):
    before = stored_state()
    for target in ("nothing", "larder_users", "user", 'notes"'):
        fields = {"to": {"type": "reference", "to": target}}
        response = admin.post("/resources", json={"name": "notes", "fields": fields})
        assert target in details(response)["fields"]["to"]["to"][0]
    assert stored_state() == before


@ON_SQLITE
def test_refuses_a_required_reference_to_itself(admin):
    fields = {"parent": {"type": "reference", "to": "notes", "required": True}}
    response = admin.post("/resources", json={"name": "notes", "fields": fields})
    assert "notes -> notes" in details(response)["fields"]["parent"]["to"][0]


def test_a_record_may_refer_to_another_of_its_own_resource(admin):
    admin.declare("notes", TITLE | {"parent": {"type": "reference", "to": "notes"}})
    root = admin.make("notes", title="Root")
    child = admin.make("notes", title="Child", parent=root["id"])
    assert child["parent"] == root["id"]
    assert admin.post("/notes", json={"parent": "0193e0f4-0000-7000-8000-000000000000"}).status_code == 422


@ON_SQLITE
def test_bounds_indexes_and_search(admin):
    fields = {f"n{i}": {"type": "integer", "index": i < 60} for i in range(80)} | {"title": {"type": "string"}}
    sets = [[f"n{i}", f"n{i + 1}"] for i in range(5)]
    body = {"name": "numbers", "fields": fields, "indexes": sets, "search": ["title", "title"]}
    response = admin.post("/resources", json=body)
    assert response.status_code == 422
    assert details_of(response)["json"] == {
        "indexes": ["At most 64 indexes, including unique ones; this definition has 65."],
        "search": ["Each field at most once."],
    }
    assert admin.post("/resources", json=body | {"indexes": sets[:4], "search": ["title"]}).status_code == 201


@ON_SQLITE
def test_the_document_describes_what_is_checked(admin):
    document = admin.get("http://localhost/openapi.json").json
    described = document["components"]["schemas"]["DefinitionCreate"]
    assert set(described["properties"]) == {each.name for each in dataclasses.fields(Definition)} - {"version"}
    validator = OAS31Validator({**described, "components": document["components"]})
    body = {"name": "notes", "fields": TITLE | {"body": {"type": "json"}}}
    assert validator.is_valid(body)
    for part, value in (
        *(("name", "Notes"), ("name", None), ("fields", {}), ("fields", {"A": {"type": "string"}})),
        *(("fields", {"a": {"type": "money"}}), ("fields", {"a": {"type": "string", "max_length": -1}})),
        *(("indexes", [[]]), ("unique", "title"), ("search", "title"), ("access", {"list": "public"})),
        *(
            ("cache_seconds", 0),
            ("history", "yes"),
            ("on_owner_delete", "explode"),
            ("renamed_from", []),
            ("description", "x" * 2001),
        ),
    ):
        wrong = body | {part: value}
        assert not validator.is_valid(wrong), (part, value)
        assert list(details(admin.post("/resources", json=wrong))) == [part], (part, value)
