"""`decimal`: exact numbers, as strings on the wire."""

from tests.field_types.contract import ACCESS, FieldTypeContract


class TestDecimal(FieldTypeContract):
    options = {"precision": 18, "scale": 2}
    kept = [
        ("0", "0.00"),
        (0, "0.00"),
        ("-0", "0.00"),
        ("12.5", "12.50"),
        ("012.500", "12.50"),
        (7, "7.00"),
        (-7, "-7.00"),
        ("-0.01", "-0.01"),
        ("0.1", "0.10"),
        ("9999999999999999.99", "9999999999999999.99"),
        ("-9999999999999999.99", "-9999999999999999.99"),
    ]
    refused = [
        *(1.5, 0.1, True, [], {}, "", " 1", "1,5", "1e2", "+1", ".5", "1.", "abc", "NaN", "Infinity", "1_0", "١"),
        *("0.001", "10000000000000000", "-10000000000000000.00", "1" * 41, 10**18, 10**400),
    ]
    rows = ["0.00", "9.99", None, "-1.00", "10.00", "9999999999999999.99"]
    filters = {
        "=0": ["0.00"],
        "=9.99": ["9.99"],
        "=9.990": ["9.99"],
        "__ne=0.0": ["9.99", None, "-1.00", "10.00", "9999999999999999.99"],
        "__in=-1,10": ["-1.00", "10.00"],
        "__in=": [],
        "__gt=9.99": ["10.00", "9999999999999999.99"],
        "__gte=9.99": ["9.99", "10.00", "9999999999999999.99"],
        "__lt=0": ["-1.00"],
        "__lte=0": ["0.00", "-1.00"],
        "__gt=9999999999999999.98": ["9999999999999999.99"],
    }
    refused_filters = ["=x", "=", "=1.001", "=1e3", "=1" + 17 * "0", "__contains=1", "__in=1,x"]
    ascending = ["-1.00", "0.00", "9.99", "10.00", "9999999999999999.99", None]
    narrower = [{"min": "-1"}, {"max": "0.01"}]
    total_and_average = ("10000000000000018.98", "2000000000000003.79600000")
    refused_options = [
        ({"precision": 19}, "precision"),
        ({"precision": 0}, "precision"),
        ({"scale": 19}, "scale"),
        ({"precision": 2, "scale": 3}, "scale"),
        ({"min": "2", "max": "1"}, "min"),
        ({"min": 1.5}, "min"),
        ({"max": "0.001"}, "max"),
        ({"default": "0.001"}, "default"),
        ({"default": 0.5}, "default"),
    ]


def test_both_ends_of_the_range_are_valid(admin):
    field = {"type": "decimal", "scale": 2, "min": "0.50", "max": "10"}
    admin.declare("prices", {"price": field}, access=ACCESS)
    prices = {
        price: admin.post("/prices", json={"price": price}).status_code for price in ("0.49", "0.5", "10", "10.01")
    }
    assert prices == {"0.49": 422, "0.5": 201, "10": 201, "10.01": 422}


def test_without_fraction_digits_there_is_no_point(admin):
    admin.declare("yen", {"price": {"type": "decimal", "precision": 5, "scale": 0}}, access=ACCESS)
    assert [admin.make("yen", price=price)["price"] for price in ("0", "99999", -5)] == ["0", "99999", "-5"]
    assert admin.post("/yen", json={"price": "0.5"}).status_code == 422


def test_only_fraction_digits_are_a_decimal_too(admin):
    admin.declare("shares", {"share": {"type": "decimal", "precision": 4, "scale": 4}}, access=ACCESS)
    assert [admin.make("shares", share=share)["share"] for share in ("0.25", "-0.0001")] == ["0.2500", "-0.0001"]
    assert admin.post("/shares", json={"share": "1"}).status_code == 422
