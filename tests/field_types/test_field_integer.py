"""`integer`: whole numbers of 64 bits."""

from tests.field_types.contract import FieldTypeContract
from tests.helpers import PUBLIC

LEAST, MOST = -(2**63), 2**63 - 1


class TestInteger(FieldTypeContract):
    kept = [(number, number) for number in (0, 1, -1, 2**53 + 1, LEAST, MOST)]
    refused = [LEAST - 1, MOST + 1, 10**400, 1.5, 1.0, "1", "", True, False, [], {}]
    rows = [0, 7, None, -7, MOST, LEAST]
    filters = {
        "=0": [0],
        "=-7": [-7],
        "=+7": [7],
        "__ne=0": [7, None, -7, MOST, LEAST],
        "__in=7,-7": [7, -7],
        "__in=": [],
        "__gt=0": [7, MOST],
        "__gte=0": [0, 7, MOST],
        "__lt=0": [-7, LEAST],
        f"__lte={LEAST}": [LEAST],
        f"={MOST}": [MOST],
    }
    refused_filters = ["=x", "=", "=1.0", "=1e3", "=0x10", "=1_000", f"={MOST + 1}", "__in=1,", "__contains=1", "=١"]
    ascending = [LEAST, -7, 0, 7, MOST, None]
    narrower = [{"min": -1}, {"max": 1}]
    total_and_average = (-1, -0.2)
    refused_options = [
        ({"min": 2, "max": 1}, "min"),
        ({"min": "1"}, "min"),
        ({"max": 2**63}, "max"),
        ({"default": "1"}, "default"),
        ({"min": 1, "default": 0}, "default"),
        ({"max_length": 3}, "max_length"),
    ]


def test_both_ends_of_the_range_are_valid(admin):
    admin.declare("scores", {"points": {"type": "integer", "min": -1, "max": 2}}, access=PUBLIC)
    statuses = {points: admin.post("/scores", json={"points": points}).status_code for points in (-2, -1, 2, 3)}
    assert statuses == {-2: 422, -1: 201, 2: 201, 3: 422}
