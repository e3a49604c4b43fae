"""Definitions as YAML, read and written through the API."""

import json

import pytest

from backend.routes.toolkit.yaml_bodies import MAX_YAML_BYTES
from backend.utils.strict_yaml import YamlError, dump_yaml, load_yaml
from tests.conftest import ON_SQLITE
from tests.helpers import assert_failure, stored_state

YAML = "application/yaml"
AS_YAML = {"Accept": YAML}
# With texts that YAML would read as something else if they were not quoted.
ODD = {
    "description": "no: 'quotes' \" # and\n  lines\x85\u2028 \t\u00a0é😀 ",
    "fields": {
        "on": {
            "type": "enum",
            "choices": ["yes", "no", "null", "~", "1", "0x1F", "10:30", "2026-01-01", "1e5", "=", "<<"],
        },
        "rate": {"type": "decimal", "precision": 30, "scale": 12, "default": "123456789012345678.100000000001"},
        "share": {"type": "number", "min": -1e-07, "max": 1e20},
        "extra": {"type": "json", "default": {"yes": [1, 2.5, None, True, ""], "a b": {}}},
        "title": {"type": "string", "pattern": "^[A-Z]+: .*$", "max_length": 200},
    },
    "access": {"list": [{"role": "public", "where": {"title": {"ne": "x"}}}], "read": ["public"]},
    "indexes": [["title", "-share"]],
}
WRONG = """\
# The shelf
description: What is on it
fields:
  title: {type: string, max_lenght: 200}
  kind:
    type: enum
    choices: [no, old]
hystory: true
access:
  list: [nobody]
"""
BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nfields: [*b, *b]\n"


def put(person, text, path="/resources/odd", method="PUT"):
    return person.send(method, path, data=text, content_type=YAML)


def test_the_yaml_of_a_definition_is_taken_unchanged(admin):
    made = admin.declare("odd", **ODD)
    answer = admin.get("/resources/odd", headers=AS_YAML)
    assert (answer.mimetype, load_yaml(answer.text)) == (YAML, {"name": "odd"} | ODD)
    assert put(admin, answer.text, "/resources/odd/plan", "POST").json["data"]["steps"] == []
    assert put(admin, answer.text).json["data"] == made
    assert admin.delete("/resources/odd").status_code == 200
    again = put(admin, answer.text, "/resources", "POST")
    assert (again.status_code, again.headers["Location"]) == (201, "/api/v1/resources/odd")
    assert admin.get("/resources/odd", headers=AS_YAML).text == answer.text
    assert admin.get("/resources/odd", headers={"Accept": "*/*"}).json["data"]["fields"] == ODD["fields"]


def test_each_version_is_shown_also_as_yaml(admin, alice):
    admin.declare("odd", **ODD)
    admin.put("/resources/odd", json=ODD | {"description": "Plain"})
    admin.delete("/resources/odd")
    one, two, three = (admin.get(f"/resources/odd/versions/{number}") for number in (1, 2, 3))
    assert [one.json["data"], two.json["data"], three.json["data"]] == admin.get("/resources/odd/versions").json[
        "data"
    ][::-1]
    assert (one.json["data"]["definition"], one.json["data"]["created_by"]) == (ODD, admin.id)
    texts = [admin.get(f"/resources/odd/versions/{number}", headers=AS_YAML).text for number in (1, 2, 3)]
    assert [load_yaml(text) for text in texts] == [
        {"name": "odd"} | ODD,
        {"name": "odd"} | ODD | {"description": "Plain"},
        None,
    ]
    for path in ("odd/versions/4", "odd/versions/0", "odd/versions/99999999999", "o%00/versions/1", "even/versions/1"):
        assert admin.get(f"/resources/{path}").status_code == 404
    assert alice.get("/resources/odd/versions/1").status_code == 403


def test_a_number_keeps_its_digits(admin):
    text = "name: prices\nfields:\n  price: {type: decimal, precision: 30, scale: 12, default: 123456789012345678.25}\n"
    made = put(admin, text, "/resources", "POST")
    assert made.json["data"]["fields"]["price"]["default"] == "123456789012345678.25"


def test_problems_have_their_line(admin):
    admin.declare("odd", **ODD)
    before = stored_state()
    for path, method in (("/resources/odd", "PUT"), ("/resources/odd/plan", "POST")):
        answer = put(admin, WRONG, path, method)
        assert_failure(answer, 422, "VALIDATION_ERROR")
        assert [each["line"] for each in answer.json["error"]["details"]["json"]["hystory"]] == [8]
    fixed = WRONG.replace("hystory", "history")
    problems = put(admin, fixed).json["error"]["details"]["json"]
    (misspelled,) = problems["fields"]["title"]["max_lenght"]
    assert (misspelled["line"], misspelled["code"], misspelled["suggestion"]) == (4, "unknown_field", "max_length")
    (misread,) = problems["fields"]["kind"]["choices"]["0"]
    assert (misread["line"], misread["message"].partition("YAML")[2]) == (7, " reads no as false: put it in quotes.")
    assert stored_state() == before
    assert "line" not in str(admin.put("/resources/odd", json=load_yaml(fixed)).json["error"])


@ON_SQLITE
def test_what_is_not_yaml_is_refused_with_its_line(admin):
    admin.declare("odd", **ODD)
    before = stored_state()
    refused = {
        "fields: {a: [}": (1, "Not YAML at line 1: A comma, a value or a closing bracket is missing."),
        "fields:\n  on: {type: date}": (2, "Not YAML at line 2: YAML reads on as true: put it in quotes."),
        "fields: {}\nfields: {}": (2, "Not YAML at line 2: 'fields' is given twice."),
        BOMB: (2, "Not YAML at line 2: A body has no aliases: write the value out."),
        "fields: !!python/object:os.system {}": (
            1,
            "Not YAML at line 1: Put a text that begins with ! in quotes: only JSON values are allowed.",
        ),
        "fields: !!bool maybe": (
            1,
            "Not YAML at line 1: Put a text that begins with ! in quotes: only JSON values are allowed.",
        ),
        "fields: .nan": (1, "Not YAML at line 1: .nan is not JSON."),
        "fields: " + "9" * 5000: (None, "Not YAML: A number has too many digits."),
        "[" * 5000: (None, "Not YAML: It is nested too deeply."),
        " ": (None, "The body is empty; YAML was expected."),
        b"fields: \xff": (None, "The body is not UTF-8: byte 9 is 0xFF."),
    }
    for text, (line, message) in refused.items():
        answer = put(admin, text)
        assert_failure(answer, 400, "MALFORMED_REQUEST")
        error = answer.json["error"]
        assert error["message"] == message
        assert [each["line"] for each in error["details"].get("json", {}).get("_schema", [])] == (
            [line] if line else []
        )
    assert_failure(put(admin, "- a"), 422, "VALIDATION_ERROR")
    assert_failure(
        admin.send("PUT", "/resources/odd", data="a", content_type="text/plain"), 415, "UNSUPPORTED_MEDIA_TYPE"
    )
    assert_failure(admin.send("POST", "/roles", data="name: a", content_type=YAML), 415, "UNSUPPORTED_MEDIA_TYPE")
    assert stored_state() == before


@ON_SQLITE
def test_a_long_body_must_be_json(admin):
    admin.declare("odd", **ODD)
    text = admin.get("/resources/odd", headers=AS_YAML).text
    longest = f"{text}#{'x' * (MAX_YAML_BYTES - len(text.encode()) - 1)}"
    assert put(admin, longest).status_code == 200
    before = stored_state()
    for path, method in (("/resources/odd", "PUT"), ("/resources/odd/plan", "POST"), ("/resources", "POST")):
        answer = put(admin, f"{longest}x", path, method)
        assert_failure(answer, 413, "PAYLOAD_TOO_LARGE")
        assert "Send it as JSON" in answer.json["error"]["message"]
    assert stored_state() == before
    spaced = json.dumps(load_yaml(text)) + " " * MAX_YAML_BYTES
    answer = admin.send("PUT", "/resources/odd", data=spaced, content_type="application/json")
    assert answer.status_code == 200


@ON_SQLITE
def test_only_those_with_the_permission_read_and_write_yaml(admin, alice, edith, stranger):
    admin.declare("odd", **ODD)
    for person, status in ((alice, 403), (edith, 403), (stranger, 401)):
        assert person.get("/resources/odd", headers=AS_YAML).status_code == status
        assert put(person, "not: [yaml").status_code == status
        assert put(person, "not: [yaml", "/resources/odd/plan", "POST").status_code == status


TEXTS = [
    "",
    " ",
    "a\x85b",
    "\u2028",
    "\ufeff",
    "\x7f",
    "no",
    "1_000",
    "- a",
    "a: b",
    "# c",
    "'",
    '"',
    "\t",
    "\n\n",
    "é" * 2000,
]


@pytest.mark.parametrize(
    "value", [*TEXTS, *([text] for text in TEXTS), *({"k": {text or "k": text}} for text in TEXTS)]
)
def test_what_is_written_as_yaml_is_read_as_the_same_value(value):
    assert load_yaml(dump_yaml(value), is_body=True) == value


def test_what_is_written_has_no_aliases():
    shared = {"type": "string"}
    text = dump_yaml({"a": shared, "b": shared})
    assert load_yaml(text, is_body=True) == {"a": shared, "b": shared}
    with pytest.raises(YamlError):
        load_yaml("a: &x 1\nb: *x", is_body=True)
    assert load_yaml("a: &x 1\nb: *x") == {"a": 1, "b": 1}
