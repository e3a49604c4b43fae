"""`number`: doubles, never NaN or infinite."""

import re

from tests.field_types.contract import FieldTypeContract
from tests.helpers import CSV, PUBLIC, load, outcome


class TestNumber(FieldTypeContract):
    kept = [
        (each, each) for each in (0, 0.1, -0.1, 1.5, 3, 1e300, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, 123456789)
    ]
    refused = [10**400, "1.5", "", True, [], {}]
    rows = [0, 1.5, None, -2.25, 1e300]
    filters = {
        "=0": [0],
        "=1.5": [1.5],
        "=1.50": [1.5],
        "=1e300": [1e300],
        "__ne=1.5": [0, None, -2.25, 1e300],
        "__in=0,-2.25": [0, -2.25],
        "__in=": [],
        "__gt=0": [1.5, 1e300],
        "__gte=0": [0, 1.5, 1e300],
        "__lt=0": [-2.25],
        "__lte=-2.25": [-2.25],
    }
    refused_filters = ["=x", "=", "=nan", "=inf", "=1e999", "=1_000", "=1,5", "=0x10", "__in=1,", "__contains=1"]
    ascending = [-2.25, 0, 1.5, 1e300, None]
    narrower = [{"min": -1.5}, {"max": 0}]
    total_and_average = (1e300, 2.5e299)
    refused_options = [
        ({"min": 2.5, "max": 1}, "min"),
        ({"min": "1"}, "min"),
        ({"max": True}, "max"),
        ({"default": "x"}, "default"),
        ({"max": 1, "default": 1.5}, "default"),
        ({"precision": 3}, "precision"),
    ]


def test_both_ends_of_the_range_are_valid(admin):
    admin.declare("places", {"latitude": {"type": "number", "min": -90, "max": 90}}, access=PUBLIC)
    answers = {each: admin.post("/places", json={"latitude": each}).status_code for each in (-90.001, -90, 90, 90.001)}
    assert answers == {-90.001: 422, -90: 201, 90: 201, 90.001: 422}


def test_numbers_that_are_not_finite_are_refused(admin):
    admin.declare("places", {"latitude": {"type": "number"}}, access=PUBLIC)
    answers = [
        admin.post("/places", data=f'{{"latitude": {latitude}}}', content_type="application/json")
        for latitude in ("NaN", "Infinity", "-Infinity", "1e400")
    ]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 422]
    assert admin.get("/places").json["data"] == []


def test_zero_has_no_sign(admin):
    fields = {"latitude": {"type": "number", "default": -0.0}, "depth": {"type": "number"}}
    admin.declare("places", fields, access=PUBLIC)
    assert admin.post("/places", json={}).status_code == 201
    assert admin.post("/places", json={"latitude": -0.0, "depth": -0.0}).status_code == 201
    assert outcome(load(admin, "latitude,depth\n-0,\n-0.0,-0.0\n", CSV, "places"))[1] == 2
    for listed in (admin.get("/places?sort=id"), admin.get("/places/export?format=ndjson")):
        assert ":-0" not in listed.text  # json.loads() reads -0 as 0
        assert re.findall(r'"depth":(0|null)\b', listed.text) == ["null", "0", "null", "0"]
