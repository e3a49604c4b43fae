"""Hostile names and values: a name that is not declared is refused, and a value stays a value."""

import re
from urllib.parse import quote

import pytest

from tests.conftest import ON_SQLITE
from tests.helpers import details_of

ACCESS = {"list": ["public"], "read": ["public"], "create": ["member"], "update": ["member"]}
NAMES = [
    "title; DROP TABLE notes",
    'title"; DROP TABLE notes; --',
    "title' OR '1'='1",
    "title) UNION SELECT password_hash FROM larder_users --",
    "(SELECT password_hash FROM larder_users)",
    "title/**/",
    "title--",
    "f_title",
    "_meta",
    "__class__",
    "notes.title",
    "rowid",
    "ctid",
    "password_hash",
    "title COLLATE NOCASE",
    "\N{FULLWIDTH LATIN SMALL LETTER T}itle",
    "title%s",
    "%(owner)s",
    "${7*7}",
    "{{7*7}}",
]
VALUES = [
    "'; DROP TABLE notes; --",
    '"; DROP TABLE notes; --',
    "Robert'); DROP TABLE notes; --",
    "' OR '1'='1",
    "\\' OR 1=1 --",
    "1; ATTACH DATABASE 'x' AS y",
    "$$ || pg_sleep(9) || $$",
    "%s %(title)s ? ?1 :title $1 {0} {title}",
    "100%_\\",
    '{"a": "b"}',
    "[1, 2]",
    '","version":99,"x":"',
    "</script><script>alert(1)</script>",
    "a\tb\r\nc\x01\x1f\x7f\u2028\u2029",
    "\N{PILE OF POO}\u202e\ufeffe\u0301",
    "NULL",
    "null",
    "true",
    "007",
    " spaced ",
    "",
]


@pytest.fixture
def notes(admin, alice):
    """A resource with one note in it."""
    fields = {"title": {"type": "string", "required": True}, "extra": {"type": "json"}}
    admin.declare("notes", fields, access=ACCESS)
    return alice.make("notes", title="Milk")


@pytest.fixture
def values(notes, alice):
    """One note for each of VALUES, beside the one that is there."""
    return [alice.make("notes", title=value, extra={value: [value]}) for value in VALUES]


def titles(person, query):
    """Return the titles that a query finds."""
    response = person.get(f"/notes?per_page=200&{query}")
    assert response.status_code == 200, response.json
    return [note["title"] for note in response.json["data"]]


@ON_SQLITE
def test_refuses_hostile_names_in_a_query(notes, stranger):
    for name in map(quote, NAMES):
        for query in (
            f"sort={name}",
            f"sort=-{name}",
            f"fields={name}",
            f"{name}=1",
            f"{name}__gt=1",
            f"title__{name}=1",
        ):
            response = stranger.get(f"/notes?{query}")
            assert (response.status_code, response.json["error"]["code"]) == (422, "VALIDATION_ERROR"), query
    assert titles(stranger, "") == ["Milk"]


@ON_SQLITE
def test_refuses_hostile_names_in_a_body(notes, alice):
    for name in NAMES:
        for response in (
            alice.post("/notes", json={"title": "Eggs", name: 1}),
            alice.patch(f"/notes/{notes['id']}", json={"title": "Eggs", name: 1}),
        ):
            [[message]] = details_of(response)["json"].values()
            assert message.removesuffix(" Did you mean title?") == "Unknown field.", name
    assert titles(alice, "") == ["Milk"]


@ON_SQLITE
def test_finds_nothing_under_hostile_paths(notes, admin):
    for name in (*NAMES, "larder_users", "sqlite_master", "pg_user", "NOTES", "notes "):
        for path in (
            f"/{quote(name, safe='')}",
            f"/notes/{quote(name, safe='')}",
            f"/resources/{quote(name, safe='')}",
        ):
            assert admin.get(path).status_code == 404, path


@ON_SQLITE
def test_declares_nothing_under_hostile_names(notes, admin):
    text = {"type": "string"}
    harmless = {"rowid", "ctid", "password_hash", "f_title"}
    for name in (name for name in NAMES if name not in harmless):
        for declaration in (
            {"name": name, "fields": {"title": text}},
            {"name": "things", "fields": {name: text}},
            {"name": "things", "fields": {"title": text | {name: 1}}},
            {"name": "things", "fields": {"title": text | {"type": name}}},
            {"name": "things", "fields": {"title": {"type": "reference", "to": name}}},
            {"name": "things", "fields": {"title": {"type": "reference", "to": "notes", "on_delete": name}}},
            {"name": "things", "fields": {"title": text}, "indexes": [[name]]},
            {"name": "things", "fields": {"title": text}, "unique": [["title", name]]},
            {"name": "things", "fields": {"title": text}, "search": [name]},
            {"name": "things", "fields": {"title": text}, "access": {"list": [name]}},
            {"name": "things", "fields": {"title": text}, "access": {name: ["member"]}},
            {"name": "things", "fields": {"title": text}, name: "member"},
        ):
            assert admin.post("/resources", json=declaration).status_code == 422, declaration
    assert [resource["name"] for resource in admin.get("/resources").json["data"]] == ["notes"]


def test_hostile_values_come_back_unchanged(values, stranger):
    assert [note["title"] for note in values] == VALUES
    assert titles(stranger, "sort=id") == ["Milk", *VALUES]
    assert [stranger.get(f"/notes/{note['id']}").json["data"] for note in values] == values
    assert [note["extra"] for note in values] == [{value: [value]} for value in VALUES]


def test_filters_find_hostile_values_and_nothing_else(values, stranger):
    for value in filter(None, VALUES):
        text = quote(value, safe="")
        assert titles(stranger, f"title={text}") == [value]
        assert titles(stranger, f"title__gte={text}&title__lte={text}") == [value]
        begins = [each for each in ["Milk", *VALUES] if each.startswith(value)]
        assert titles(stranger, f"title__startswith={text}") == begins
        contains = [each for each in ["Milk", *VALUES] if value in each]
        assert titles(stranger, f"title__contains={text}") == contains
        assert value not in titles(stranger, f"title__ne={text}")


def test_wildcards_of_sql_are_ordinary_characters(values, stranger):
    assert titles(stranger, "title__contains=%25_") == ["100%_\\"]
    assert titles(stranger, "title__startswith=M_lk") == []
    assert titles(stranger, "title__icontains=MILK%25") == []


def test_a_cursor_carries_hostile_values(values, stranger):
    found, cursor = [], ""
    while cursor is not None:
        answer = stranger.get(f"/notes?sort=title&per_page=1{cursor and f'&cursor={cursor}'}").json
        found += [note["title"] for note in answer["data"]]
        cursor = answer["meta"]["next_cursor"]
    assert found == sorted(["Milk", *VALUES])


def test_updates_keep_hostile_values_apart(values, alice):
    for note, value in zip(values, reversed(VALUES), strict=True):
        assert alice.patch(f"/notes/{note['id']}", json={"title": value}).json["data"]["title"] == value
    assert titles(alice, "sort=id") == ["Milk", *reversed(VALUES)]


def test_hostile_texts_of_a_definition_stay_texts(admin, alice, stranger):
    fields = {
        "kind": {"type": "enum", "choices": [value for value in VALUES if value], "default": VALUES[0]},
        "text": {"type": "string", "default": VALUES[1], "description": VALUES[2]},
    }
    declared = admin.declare("things", fields, description=VALUES[7], access=ACCESS)
    assert declared["fields"]["kind"]["choices"] == [value for value in VALUES if value]
    made = alice.make("things")
    assert (made["kind"], made["text"]) == (VALUES[0], VALUES[1])
    assert stranger.get("http://localhost/openapi.json").json["info"]["title"] == "Larder"


def test_nul_in_a_path_is_not_found(app, admin):
    """Postgres fails at a NUL in a text, so no path may bring one to it."""
    admin.declare("things", {"title": {"type": "string"}})
    assert admin.get("/things").status_code == 200  # by now the build has its rules
    rules = [
        rule
        for rule in app.url_map.iter_rules()
        if any(type(c).__name__ == "UnicodeConverter" for c in rule._converters.values())
    ]
    assert len(rules) > 5
    for rule in rules:
        path = quote(re.sub(r"<[^>]*>", "a\0b", rule.rule))
        for method in rule.methods - {"OPTIONS", "HEAD"}:
            answer = admin.send(method, f"http://localhost{path}", json=None if method in ("GET", "DELETE") else {})
            assert answer.status_code in (400, 404, 422), (method, path, answer.json)
