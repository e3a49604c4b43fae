"""`datetime`: moments, in UTC with microseconds."""

from tests.field_types.contract import ACCESS, FieldTypeContract
from tests.helpers import details_of


class TestDatetime(FieldTypeContract):
    kept = [
        ("2026-11-23T12:00:00Z", "2026-11-23T12:00:00.000000Z"),
        ("2026-11-23t12:00:00z", "2026-11-23T12:00:00.000000Z"),
        ("2026-11-23 12:00:00Z", "2026-11-23T12:00:00.000000Z"),
        ("2026-11-23T12:00:00.5+02:00", "2026-11-23T10:00:00.500000Z"),
        ("2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00.000000Z"),
        ("2026-11-23T12:00:00.123456-05:30", "2026-11-23T17:30:00.123456Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
    ]
    refused = [
        *(0, 1763899200, 1.5, True, [], {}, "", "2026-11-23", "2026-11-23T12:00:00", "2026-11-23T12:00Z", "12:00:00Z"),
        *("2026-11-23T25:00:00Z", "2026-11-23T12:60:00Z", "2026-02-30T12:00:00Z", "2026-11-23T12:00:00.1234567Z"),
        *("0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "2026-11-23T12:00:00+2", "now", "20261123T120000Z"),
        *("2026-11-23T12:00:00Z ", "2026-11-23T12:00:00 +02:00", "2026-11-23T12:00:00+25:00"),
    ]
    rows = [
        "2026-11-23T12:00:00.000000Z",
        "1969-12-31T23:59:59.999999Z",
        None,
        "2026-11-23T12:00:00.000001Z",
    ]
    filters = {
        "=2026-11-23T12:00:00Z": rows[:1],
        "=2026-11-23T14:00:00+02:00": rows[:1],
        "__ne=2026-11-23T12:00:00Z": rows[1:],
        "__in=2026-11-23T12:00:00Z,1969-12-31T23:59:59.999999Z": rows[:2],
        "__in=": [],
        "__gt=2026-11-23T12:00:00Z": rows[3:],
        "__gte=2026-11-23T12:00:00Z": [rows[0], rows[3]],
        "__lt=1970-01-01T00:00:00Z": [rows[1]],
        "__lte=2026-11-23T12:00:00Z": rows[:2],
    }
    refused_filters = ["=now", "=", "=2026-11-23", "=2026-11-23T12:00:00", "__in=2026-11-23T12:00:00Z,", "__contains=2"]
    ascending = [rows[1], rows[0], rows[3], None]
    narrower = [{"min": "2020-01-01T00:00:00Z"}, {"max": "2020-01-01T00:00:00Z"}]
    refused_options = [
        ({"min": "2026-01-01T00:00:00"}, "min"),
        ({"min": "2026-01-02T00:00:00Z", "max": "2026-01-01T00:00:00Z"}, "min"),
        ({"default": "now"}, "default"),
    ]


def test_a_missing_offset_is_called_by_its_name(admin):
    admin.declare("events", {"at": {"type": "datetime"}}, access=ACCESS)
    answer = admin.post("/events", json={"at": "2026-11-23T12:00:00"})
    assert details_of(answer)["json"]["at"] == ["The offset from UTC is missing: end it with Z or +02:00."]


def test_both_ends_of_the_range_are_valid_with_any_offset(admin):
    field = {"type": "datetime", "min": "2026-01-01T01:00:00+01:00", "max": "2026-01-02T00:00:00Z"}
    admin.declare("events", {"at": field}, access=ACCESS)
    moments = ("2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z", "2026-01-02T01:00:00+01:00", "2026-01-02T00:00:00.1Z")
    assert [admin.post("/events", json={"at": moment}).status_code for moment in moments] == [422, 201, 201, 422]
