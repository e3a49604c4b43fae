"""`json`: any JSON value."""

from functools import reduce

from tests.field_types.contract import FieldTypeContract
from tests.helpers import PUBLIC


def nested(depth):
    return reduce(lambda inner, _: [inner], range(depth - 1), [])


class TestJson(FieldTypeContract):
    kept = [
        (value, value)
        for value in (
            *(0, 1.5, -1, 2**70, 1e300, "", "null", "text \u001e 🦆", True, False, [], {}, [None], {"": None}),
            {"a": [1, {"b": "ä"}], "'; --": '"'},
            {"z": 1, "a": 2},
            nested(64),
        )
    ]
    refused = ["a\0b", {"a\0": 1}, {"a": ["\ud800"]}, nested(65)]
    rows = [{"a": 1}, None, 0, [], ""]
    refused_filters = ["=1", "__in=1", "__gt=1", "__contains=a"]
    reads_texts = False
    ordered = False
    refused_options = [
        ({"unique": True}, "unique"),
        ({"index": True}, "index"),
        ({"min": 1}, "min"),
        ({"max_length": 1}, "max_length"),
    ]


def test_an_object_keeps_the_order_of_its_keys(admin):
    admin.declare("notes", {"body": {"type": "json"}}, access=PUBLIC)
    record_id = admin.make("notes", body={"z": 1, "a": 2, "m": 3})["id"]
    assert list(admin.get(f"/notes/{record_id}").json["data"]["body"]) == ["z", "a", "m"]


def test_numbers_that_are_not_finite_are_refused(admin):
    admin.declare("notes", {"body": {"type": "json"}}, access=PUBLIC)
    answers = [
        admin.post("/notes", data=f'{{"body": {body}}}', content_type="application/json")
        for body in ("NaN", "Infinity", "[-Infinity]", "1e400", "[-1e400]")
    ]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 422, 422]
    assert admin.get("/notes").json["data"] == []
