"""`time`: times of day."""

from tests.conftest import ON_SQLITE
from tests.field_types.contract import FieldTypeContract
from tests.helpers import PUBLIC


class TestTime(FieldTypeContract):
    kept = [
        ("09:30", "09:30:00"),
        ("09:30:00", "09:30:00"),
        ("00:00", "00:00:00"),
        ("23:59:59", "23:59:59"),
    ]
    refused = [
        *(930, 9.5, True, [], {}, "", "9:30", "0930", "24:00", "12:60", "12:00:60", "12:00:00.5", "12:00Z", " 12:00"),
        *("12:00\n", "12", "12:", "noon", "１2:00", "12:00+01:00", "2026-11-23T12:00:00Z"),
    ]
    rows = ["12:00:00", "00:00:00", None, "23:59:59", "09:30:15"]
    filters = {
        "=12:00": ["12:00:00"],
        "__ne=12:00:00": ["00:00:00", None, "23:59:59", "09:30:15"],
        "__in=00:00,09:30:15": ["00:00:00", "09:30:15"],
        "__in=": [],
        "__gt=09:30": ["12:00:00", "23:59:59", "09:30:15"],
        "__gte=12:00": ["12:00:00", "23:59:59"],
        "__lt=09:30:15": ["00:00:00"],
        "__lte=09:30:15": ["00:00:00", "09:30:15"],
    }
    refused_filters = ["=noon", "=", "=24:00", "__in=12:00,", "__contains=12", "__startswith=12"]
    ascending = ["00:00:00", "09:30:15", "12:00:00", "23:59:59", None]
    narrower = [{"min": "08:00"}, {"max": "18:00"}]
    refused_options = [
        ({"min": "18:00", "max": "08:00"}, "min"),
        ({"min": "early"}, "min"),
        ({"default": "now"}, "default"),
        ({"max": "18:00", "default": "18:00:01"}, "default"),
    ]


@ON_SQLITE
def test_both_ends_of_the_range_are_valid_and_bounds_are_shown_with_seconds(admin):
    hours = {"type": "time", "min": "08:00", "max": "18:00", "default": "09:00"}
    admin.declare("shops", {"opens": hours}, access=PUBLIC)
    times = ("07:59:59", "08:00", "18:00:00", "18:00:01")
    assert [admin.post("/shops", json={"opens": time}).status_code for time in times] == [422, 201, 201, 422]
    assert admin.make("shops")["opens"] == "09:00:00"
    shown = admin.get("/resources/shops").json["data"]["fields"]["opens"]
    assert (shown["min"], shown["max"]) == ("08:00:00", "18:00:00")


def test_a_text_becomes_a_time_and_a_time_a_text(admin):
    admin.declare("shops", {"opens": {"type": "string"}}, access=PUBLIC)
    for text in ("08:15", "early"):
        admin.make("shops", opens=text)
    body = {"fields": {"opens": {"type": "time"}}, "access": PUBLIC}
    plan = admin.post("/resources/shops/plan", json=body).json["data"]
    assert [(step["action"], step["records"]) for step in plan["steps"]] == [("change_type", 1)]
    assert admin.put(f"/resources/shops?confirm={plan['fingerprint']}", json=body).status_code == 200
    assert [shop["opens"] for shop in admin.get("/shops").json["data"]] == ["08:15:00", None]
    assert admin.put("/resources/shops", json={"fields": {"opens": {"type": "text"}}}).status_code == 200
    assert [shop["opens"] for shop in admin.get("/shops").json["data"]] == ["08:15:00", None]


def test_times_are_unique_sorted_with_cursors_and_grouped(admin):
    admin.declare("shops", {"opens": {"type": "time", "unique": True}, "day": {"type": "time"}}, access=PUBLIC)
    for time in ("08:00", "07:30", "12:00:01"):
        admin.make("shops", opens=time, day="07:00")
    assert admin.post("/shops", json={"opens": "08:00:00"}).status_code == 409
    first = admin.get("/shops?sort=opens&per_page=2").json
    assert [shop["opens"] for shop in first["data"]] == ["07:30:00", "08:00:00"]
    rest = admin.get(f"/shops?sort=opens&per_page=2&cursor={first['meta']['next_cursor']}").json
    assert [shop["opens"] for shop in rest["data"]] == ["12:00:01"]
    groups = admin.get("/shops/aggregate?group_by=day&max=opens").json["data"]
    assert groups == [{"day": "07:00:00", "count": 3, "max": {"opens": "12:00:01"}}]
