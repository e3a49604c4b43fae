"""An import takes what a request takes, and brings back what an export wrote."""

import json

import pytest

from backend import create_app
from backend.models.database import database
from backend.services.field_types.registry import TYPES
from backend.utils.cells import join_parts
from tests.conftest import ON_SQLITE, Person, database_copy
from tests.helpers import CSV, NDJSON, OPEN, load, outcome
from tests.parts.every_type import EVERYTHING, FIELDS, TEXTS, fill

DEEP = "[" * 64 + "]" * 64
# Values in JSON, by type: those that a request takes and those that it does not.
KINDS = {
    "string": ({"type": "string", "max_length": 5, "min_length": 1}, ['"x"', '"ü"'], ['""', '"123456"', "7", "true"]),
    "pattern": ({"type": "string", "pattern": "^[a-z]+$"}, ['"abc"'], ['""', '"A"', '"a1"']),
    "text": ({"type": "text", "max_length": 100}, ['""', '"a\\nb"'], ['"\\u0000"', '"\\ud800"', "[]"]),
    "integer": (
        {"type": "integer", "min": -5},
        ["0", "-5", str(2**63 - 1)],
        ["-6", str(2**63), "9" * 5000, "1.5", "1e2", '"7"', "true", "NaN"],
    ),
    "number": (
        {"type": "number", "max": 9e307},
        ["0", "-1.5e-3", "1e300"],
        ["1e308", "1e999", "NaN", "Infinity", '"1"'],
    ),
    "decimal": (
        {"type": "decimal", "precision": 5},
        ['"12.50"', '"-0.01"', "7"],
        ['"1234.00"', '"1.001"', '"1e2"', '"x"'],
    ),
    "boolean": ({"type": "boolean"}, ["true", "false"], ["1", '"true"', '"yes"']),
    "date": ({"type": "date", "min": "2000-01-01"}, ['"2026-01-31"'], ['"1999-12-31"', '"2026-02-30"', '"31.1.2026"']),
    "time": ({"type": "time", "max": "18:00"}, ['"09:30"', '"18:00:00"'], ['"18:00:01"', '"9:30"', '""', "930"]),
    "datetime": (
        {"type": "datetime"},
        ['"2026-01-31T12:00:00Z"', '"2026-01-31T12:00:00.5+02:00"'],
        ['"2026-01-31T12:00:00"', '"2026-01-31"', '"0001-01-01T00:00:00+14:00"'],
    ),
    "json": (
        {"type": "json"},
        ['{"a": [1, null, "="]}', DEEP, "7", '"=1"', "false"],
        [f"[{DEEP}]", '{"a": {"b": 1, "b": 2}}', "[NaN]", "[1e999]", '["\\u0000"]', '{"\\ud800": 1}', "[" * 5000],
    ),
    "email": ({"type": "email"}, ['"a@example.com"', '"=a@example.com"'], ['"a"', '"a@b@example.com"']),
    "url": ({"type": "url"}, ['"https://example.com/a?b=c"'], ['"example.com"', '"javascript:alert(1)"']),
    "uuid": ({"type": "uuid"}, ['"0193e0f4-0000-7000-8000-00000000000A"'], ['"0193e0f4"', '""', "7"]),
    "list": (
        {"type": "list", "of": "string", "max": 2},
        ["[]", '["=a|b", "ü"]', '["\\\\"]'],
        ['["a", "a"]', '["a", "b", "c"]', '["", ""]', '["\\u0000"]', "[[]]", "7", "{}"],
    ),
    "enum": ({"type": "enum", "choices": ["a", "=b,c", ""]}, ['"a"', '"=b,c"', '""'], ['"b"', '"A"', "7"]),
}


def as_cell(text, kind):
    """Return a value in JSON as a CSV cell in quotes: a text as it is, a list by its values, all else as JSON."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    plain = value if isinstance(value, str) and kind != "json" else text
    if kind == "list" and isinstance(value, list):
        plain = join_parts(map(str, value))
    return '"{}"'.format(plain.replace('"', '""'))


def test_an_import_takes_and_refuses_what_a_request_does(admin, alice):
    for name, (options, good, bad) in KINDS.items():
        resource = f"x{name}"
        admin.declare(resource, {"value": options, "other": {"type": "integer"}}, access=OPEN)
        kept = []
        for text in good:
            answer = alice.post(f"/{resource}", data=f'{{"value": {text}}}', content_type="application/json")
            assert answer.status_code == 201, (name, text, answer.json)
            kept.append(answer.json["data"]["value"])
        lines = "".join(f'{{"value": {text}}}\n' for text in good)
        assert outcome(load(alice, lines, NDJSON, resource)) == (len(good), len(good), 0, 0), name
        for text in bad:
            line = f'{{"value": {text}}}'
            answer = alice.post(f"/{resource}", data=line, content_type="application/json")
            assert answer.status_code in (400, 422), (name, text)
            assert load(alice, line + "\n", NDJSON, resource).status_code == 422, (name, text)
        values = [each["value"] for each in alice.get(f"/{resource}?sort=id").json["data"]]
        assert values == kept * 2, name


# What has no quotes in JSON may have them in CSV, and a cell that is empty is no value where there is no empty text.
ALIKE_IN_CSV = {'"7"', '"true"', '"1"', '""', "7", "true", "[]", "[[]]", "{}", "1e2"}


@ON_SQLITE
def test_a_cell_is_refused_where_a_request_would_be(admin, alice):
    for name, (options, good, bad) in KINDS.items():
        resource = f"x{name}"
        admin.declare(resource, {"value": options, "other": {"type": "integer"}}, access=OPEN)
        cells = [as_cell(text, options["type"]) for text in good]
        content = "value,other\n" + "".join(f"{cell},1\n" for cell in cells)
        assert outcome(load(alice, content, CSV, resource)) == (len(good), len(good), 0, 0), name
        for text in bad:
            if text in ALIKE_IN_CSV or "\\ud800" in text:  # half a surrogate has no UTF-8
                continue
            cell = as_cell(text, options["type"])
            answer = load(alice, f"value,other\n{cell},1\n", CSV, resource)
            assert answer.status_code == 422, (name, text, answer.json)


def test_the_tables_have_every_field_type():
    others = {"reference", "references", "sequence", "file"}
    assert {options["type"] for options, _, _ in KINDS.values()} | others == set(TYPES)
    assert {options["type"] for options in EVERYTHING.values()} == set(TYPES)


def exported(person, form, **query):
    answer = person.get("/things/export", query_string={"format": form, "sort": "id", "fields": FIELDS} | query)
    assert answer.status_code == 200
    return answer.data


@pytest.mark.parametrize("other_database", ["sqlite", "postgres"])
def test_an_export_is_imported_unchanged_by_command_and_by_request(request, settings, admin, tmp_path, other_database):
    fill(admin)
    files = {form: exported(admin, form) for form in ("csv", "ndjson")}
    count = len(TEXTS) + 3
    assert [line for line in files["csv"].decode("utf-8-sig").split(",") if line[:1] in ("=", "+", "@")] == []
    database.close_all()
    folder = tmp_path / "there"
    folder.mkdir()
    with database_copy(request, request.getfixturevalue(f"{other_database}_template"), folder) as url:
        there = Person(
            create_app(type(settings)(**{**vars(settings), "database_url": url, "data_dir": folder})), "admin"
        )
        there.declare("things", EVERYTHING)
        for form, kind in (("csv", CSV), ("ndjson", NDJSON)):
            report = load(there, files[form], kind, "things")
            assert outcome(report) == (count, count, 0, 0), report.json
            for each in files:
                assert exported(there, each) == files[each], (form, each)
            if form == "csv":  # the whole file changes nothing but versions
                again = load(there, files["csv"], CSV, "things", mode="upsert", key="id")
                assert outcome(again) == (count, 0, count, 0)
                assert without_versions(exported(there, "ndjson")) == without_versions(files["ndjson"])
            for record in map(json.loads, reversed(files["ndjson"].splitlines())):
                there.delete(f"/things/{record['id']}")
        database.close_all()


def without_versions(lines):
    records = map(json.loads, lines.splitlines())
    return [{name: value for name, value in each.items() if name not in ("version", "updated_at")} for each in records]


@ON_SQLITE
def test_a_single_column_is_exported_and_imported_too(admin):
    fill(admin)
    for name in ("string", "plain", "boolean", "json"):
        values = [each[name] for each in admin.get("/things?sort=id&per_page=100").json["data"]]
        report = load(admin, exported(admin, "csv", fields=name), CSV, "things", dry_run="true")
        assert outcome(report) == (len(values), len(values), 0, 0), name
        assert report.json["data"]["skipped"] == 0


UNIQUE = {
    "code": ({"type": "string"}, "=A1", "'=A1"),
    "whole": ({"type": "integer"}, 7, "7"),
    "number": ({"type": "number"}, 0.1, "0.10"),
    "decimal": ({"type": "decimal"}, "1.50", "1.5"),
    "wide": ({"type": "decimal", "precision": 30}, "-1.50", "-1.5"),
    "day": ({"type": "date"}, "2026-01-01", "2026-01-01"),
    "hour": ({"type": "time"}, "09:30", "09:30:00"),
    "prose": ({"type": "text", "max_length": 2_400}, "=A1", "'=A1"),
    "moment": ({"type": "datetime"}, "2026-01-01T00:00:00Z", "2026-01-01T02:00:00+02:00"),
    "enum": ({"type": "enum", "choices": ["=x", "b"]}, "=x", "'=x"),
    "email": ({"type": "email"}, "a@EXAMPLE.com", "a@example.com"),
    "url": ({"type": "url"}, "https://example.com/a", "https://example.com/a"),
    "uuid": ({"type": "uuid"}, "0193e0f4-0000-7000-8000-00000000000a", "0193E0F4-0000-7000-8000-00000000000A"),
}


def test_a_value_of_any_type_is_found_in_the_table_and_in_the_file(admin, alice):
    fields = {name: options | {"unique": True} for name, (options, _, _) in UNIQUE.items()}
    admin.declare("shelves", {"n": {"type": "integer"}} | fields, unique=[["n", "code"]], access=OPEN)
    admin.declare("books", {"title": {"type": "string"}, "shelf": {"type": "reference", "to": "shelves"}}, access=OPEN)
    shelf = alice.make("shelves", n=1, **{name: value for name, (_, value, _) in UNIQUE.items()})
    for name, (_, _, cell) in UNIQUE.items():
        answer = load(alice, f"n,{name}\n2,{cell}\n", CSV, "shelves", dry_run="true")
        assert answer.json["data"]["problems"] == [
            {"line": 2, "code": "not_unique", "message": f"Another record of shelves has this {name}.", "names": [name]}
        ]
        upsert = load(alice, f"n,{name}\n2,{cell}\n", CSV, "shelves", dry_run="true", mode="upsert", key=name)
        assert outcome(upsert) == (1, 0, 1, 0), name
        assert outcome(load(alice, f"title,shelf_{name}\n{name},{cell}\n", CSV, "books")) == (1, 1, 0, 0), name
    assert {book["shelf"] for book in alice.get("/books").json["data"]} == {shelf["id"]}
    alice.delete("/books/" + alice.get("/books").json["data"][0]["id"])
    for name, (_, _, cell) in UNIQUE.items():
        patched = alice.patch(f"/shelves/{shelf['id']}", json={name: None})
        assert patched.status_code == 200, patched.json
        answer = load(alice, f"n,{name}\n2,{cell}\n3,{cell}\n", CSV, "shelves", dry_run="true")
        assert [each["line"] for each in answer.json["data"]["problems"]] == [3], name
