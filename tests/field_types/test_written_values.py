"""Values as clients write them: decimals as JSON numbers, moments of other precision, and what a refusal says."""

import json

import pytest

from tests.helpers import NDJSON, PUBLIC, details_of, load, outcome

LONG = "12345678901234567890.12345678901234567"  # a float keeps 17 of its digits
FIELDS = {
    "price": {"type": "decimal", "precision": 38, "scale": 17},
    "size": {"type": "number"},
    "notes": {"type": "json"},
}
NOTES = '[1.10, 1e2, -0.0, 12345678901234567890.5, {"a": 0.1}]'


@pytest.fixture
def goods(admin):
    """An empty resource."""
    admin.declare("goods", FIELDS, access=PUBLIC)


def send(person, path, body, method="POST"):
    return person.send(method, path, data=body, content_type="application/json")


def prices(person, **query):
    return [each["price"] for each in person.get("/goods", query_string={"sort": "created_at,id"} | query).json["data"]]


def test_a_decimal_is_read_digit_by_digit_from_a_number(goods, admin, alice):
    made = send(alice, "/goods", f'{{"price": {LONG}, "size": 1.50, "notes": {NOTES}}}')
    assert made.status_code == 201, made.json
    record = made.json["data"]
    assert (record["price"], record["size"], record["notes"]) == (LONG, 1.5, json.loads(NOTES))
    path = f"/goods/{record['id']}"
    assert send(alice, path, '{"price": 125E-2}', "PATCH").json["data"]["price"] == "1.25" + 15 * "0"
    operation = {"op": "update", "resource": "goods", "id": record["id"], "data": {"price": "LONG"}}
    batch = json.dumps({"operations": [operation]}).replace('"LONG"', LONG)
    assert send(alice, "/batch", batch).status_code == 200
    assert outcome(load(alice, f'{{"price": {LONG}, "notes": {NOTES}}}\n', NDJSON, "goods"))[1] == 1
    assert prices(alice) == [LONG, LONG]
    assert [each["notes"] for each in alice.get("/goods").json["data"]] == [json.loads(NOTES)] * 2
    for where, count in (
        (f'{{"price": {LONG}}}', 2),
        (f'{{"price": {{"gt": {LONG}}}}}', 0),
        ('{"price": {"gt": 1e3}}', 2),
    ):
        assert len(prices(alice, where=where)) == count, where


def test_numbers_that_are_no_decimals_are_refused(goods, alice):
    for number, code in {
        "1e21": "too_large",
        "-1e999": "too_large",
        "1e-18": "too_precise",
        "1e-999": "too_precise",
        "1e1000": "bad_format",
        "1e-99999999999": "bad_format",
        "0." + 41 * "0": "bad_format",
        "true": "bad_format",
    }.items():
        answer = send(alice, "/goods", f'{{"price": {number}}}')
        (problem,) = answer.json["error"]["details"]["json"]["price"]
        assert (answer.status_code, problem["code"]) == (422, code), number
    assert send(alice, "/goods", '{"price": NaN}').status_code == 400
    assert prices(alice) == []


def test_a_default_and_a_profile_keep_the_digits_of_a_number(admin, alice):
    fields = f'{{"price": {{"type": "decimal", "precision": 38, "scale": 17, "default": {LONG}}}}}'
    made = send(admin, "/resources", f'{{"name": "goods", "fields": {fields}, "access": {json.dumps(PUBLIC)}}}')
    assert made.json["data"]["fields"]["price"]["default"] == LONG
    assert alice.make("goods")["price"] == LONG
    field = {"type": "decimal", "precision": 18, "scale": 17, "writable_by": ["member"]}
    assert admin.put("/users/settings", json={"fields": {"rate": field}}).status_code == 200
    changed = send(alice, "/auth/me", '{"profile": {"rate": 1e-17}}', "PATCH")
    assert changed.json["data"]["profile"] == {"rate": "0.00000000000000001"}


def test_refusals_say_what_to_write(admin, alice):
    fields = {
        "open": {"type": "boolean"},
        "site": {"type": "url"},
        "state": {"type": "enum", "choices": ["new", "used {x}"]},
        "code": {"type": "string", "min_length": 2, "max_length": 2},
        "at": {"type": "datetime"},
        "day": {"type": "date"},
        "tags": {"type": "list", "of": "string", "max": 2},
    }
    admin.declare("goods", fields, access=PUBLIC)
    wrong = {"open": "yes", "site": "example.com", "state": 3, "code": "x", "at": "now", "day": "1/2/2026"}
    answer = alice.post("/goods", json=wrong | {"tags": ["a", "b", "c"]})
    assert details_of(answer)["json"] == {
        "open": ["Write true or false."],
        "site": ["Must begin with http:// or https://."],
        "state": ["Must be one of: new, used {x}."],
        "code": ["Must have 2 characters."],
        "at": [
            "Write a moment with its offset from UTC, such as 2026-01-31T12:00:00Z, "
            "with at most nine digits after the point."
        ],
        "day": ["Write a date as YYYY-MM-DD, such as 2026-01-31."],
        "tags": ["Must have at most 2 values."],
    }
    problems = answer.json["error"]["details"]["json"]
    assert problems["state"][0]["choices"] == ["new", "used {x}"]
    assert problems["tags"][0]["limit"] == 2
    assert details_of(alice.post("/goods", json={"state": "old"}))["json"] == {
        "state": ["Must be one of: new, used {x}."]
    }
    answer = alice.get("/goods?at__gt=2026-01-31T12:00:00+02:00")
    assert details_of(answer)["query"] == {"at__gt": ["A + must be sent as %2B in a URL."]}
    for body, kind in (("[]", "an array"), ("null", "null"), ("1.5", "a number"), ('"x"', "a text")):
        for path in ("/goods", "/resources", "/batch", "/auth/login"):
            answer = send(admin, path, body)
            expected = (422, {"json": {"_schema": [f"An object was expected, not {kind}."]}})
            assert (answer.status_code, details_of(answer)) == expected, (path, body)
    answer = admin.post("/resources", json={"name": "notes", "fields": [{"name": "title"}]})
    assert details_of(answer)["json"] == {"fields": ['fields is an object by name: {"title": {"type": "string"}}.']}
