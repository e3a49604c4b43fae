"""`decimal`: exact numbers, as strings on the wire."""

import json
from decimal import Context, Decimal, localcontext
from operator import eq, ge, gt, le, lt
from random import Random

from tests.conftest import ON_SQLITE
from tests.field_types.contract import FieldTypeContract
from tests.helpers import CSV, NDJSON, PUBLIC, details_of, load, outcome


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
        (0.1, "0.10"),
        (-1.5, "-1.50"),
        (12e-1, "1.20"),
        (1e3, "1000.00"),
        ("9999999999999999.99", "9999999999999999.99"),
        ("-9999999999999999.99", "-9999999999999999.99"),
    ]
    refused = [
        *(
            0.001,
            1.005,
            1e16,
            1e-9,
            True,
            [],
            {},
            "",
            " 1",
            "1,5",
            "1e2",
            "+1",
            ".5",
            "1.",
            "abc",
            "NaN",
            "Infinity",
            "1_0",
            "١",
        ),
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
        ({"precision": 39}, "precision"),
        ({"precision": 0}, "precision"),
        ({"scale": 39}, "scale"),
        ({"precision": 2, "scale": 3}, "scale"),
        ({"min": "2", "max": "1"}, "min"),
        ({"min": 1.5}, "min"),
        ({"max": "0.001"}, "max"),
        ({"default": "0.001"}, "default"),
        ({"default": 0.001}, "default"),
    ]


MOST = "9" * 34 + ".9999"


class TestWideDecimal(FieldTypeContract):
    declaration = {"type": "decimal", "precision": 38, "scale": 4}
    kept = [
        ("0", "0.0000"),
        ("-0", "0.0000"),
        (7, "7.0000"),
        ("-7", "-7.0000"),
        ("012.50", "12.5000"),
        ("-0.0001", "-0.0001"),
        ("123456789012345678901234567890.1234", "123456789012345678901234567890.1234"),
        (MOST, MOST),
        (f"-{MOST}", f"-{MOST}"),
    ]
    refused = [1.00001, True, [], {}, "", "1e2", "+1", "0.00001", "1" + "0" * 34, "-1" + "0" * 34, 10**34, 10**400]
    rows = ["0.0000", "9.9900", None, "-1.0000", "10.0000", f"-{MOST}", MOST]
    filters = {
        "=0": ["0.0000"],
        "=-0": ["0.0000"],
        "=9.99": ["9.9900"],
        f"={MOST}": [MOST],
        "__ne=0.0": ["9.9900", None, "-1.0000", "10.0000", f"-{MOST}", MOST],
        "__in=-1,10": ["-1.0000", "10.0000"],
        "__in=": [],
        "__gt=9.99": ["10.0000", MOST],
        "__gte=9.99": ["9.9900", "10.0000", MOST],
        "__lt=0": ["-1.0000", f"-{MOST}"],
        "__lte=-1": ["-1.0000", f"-{MOST}"],
        f"__gt={MOST[:-1]}8": [MOST],
    }
    refused_filters = ["=x", "=", "=1.00001", "=1e3", "=1" + 34 * "0", "__contains=1", "__in=1,x"]
    ascending = [f"-{MOST}", "-1.0000", "0.0000", "9.9900", "10.0000", MOST, None]
    narrower = [{"min": "-1"}, {"max": "0.01"}]
    total_and_average = ("18.9900", "3.1650000000")
    refused_options = [({"min": "2", "max": "1"}, "min"), ({"max": "0.00001"}, "max"), ({"default": "x"}, "default")]


WIDE = {"type": "decimal", "precision": 38, "scale": 2}


def test_wide_decimals_are_added_up_and_compared_exactly(admin):
    fields = {"kind": {"type": "string"}, "amount": WIDE | {"index": True}, "narrow": {"type": "decimal"}}
    admin.declare("accounts", fields, access=PUBLIC)
    random, amounts = Random(7), {"a": [], "b": [], "c": []}
    for number in range(60):
        units = random.randrange(-(10 ** random.randrange(1, 39)), 10 ** random.randrange(1, 39))
        amounts["abc"[number % 3]].append(Decimal(units).scaleb(-2, Context(prec=50)))
    lines = [json.dumps({"kind": kind, "amount": str(each)}) for kind, some in amounts.items() for each in some]
    assert outcome(load(admin, "\n".join(lines), NDJSON, "accounts")) == (60, 60, 0, 0)
    with localcontext(prec=80):
        everything = sorted(sum(amounts.values(), []))
        sums = {kind: sum(some) for kind, some in amounts.items()}
        averages = {kind: format(round(total / 20, 8), "f") for kind, total in sums.items()}
    listed = admin.get("/accounts?sort=amount&per_page=100").json["data"]
    assert [account["amount"] for account in listed] == [format(each, "f") for each in everything]
    query = "/accounts/aggregate?group_by=kind&sum=amount&avg=amount&min=amount&count_distinct=amount"
    groups = admin.get(f"{query}&sort=sum.amount").json["data"]
    assert [group["kind"] for group in groups] == sorted(sums, key=sums.get)
    for group in groups:
        assert group["sum"]["amount"] == format(sums[group["kind"]], "f")
        assert group["avg"]["amount"] == averages[group["kind"]]
        assert group["min"]["amount"] == format(min(amounts[group["kind"]]), "f")
        assert group["count_distinct"]["amount"] == 20
    for kind, total in sums.items():
        for operator, compare in (("gt", gt), ("gte", ge), ("lt", lt), ("lte", le), ("eq", eq)):
            for function in ("sum", "avg"):
                bound = format(total, "f") if function == "sum" else averages[kind]
                parameter = f"{function}.amount" if operator == "eq" else f"{function}.amount__{operator}"
                found = admin.get(f"{query}&sort=kind&{parameter}={bound}").json["data"]
                with localcontext(prec=80):
                    values = {each: sums[each] / (1 if function == "sum" else 20) for each in sums}
                    expected = [each for each in values if compare(values[each], Decimal(bound))]
                assert [group["kind"] for group in found] == expected, (parameter, bound)


def test_a_wide_decimal_is_unique_and_a_key(admin):
    admin.declare("accounts", {"amount": WIDE | {"unique": True}, "n": {"type": "integer"}}, access=PUBLIC)
    for amount in ("-5", "20", "-300000000000000000000", "4000000000000000000000"):
        admin.make("accounts", amount=amount)
    assert admin.post("/accounts", json={"amount": "20.00"}).status_code == 409
    first = admin.get("/accounts?sort=-amount&per_page=3&fields=amount").json
    rest = admin.get(f"/accounts?sort=-amount&per_page=3&fields=amount&cursor={first['meta']['next_cursor']}").json
    assert [each["amount"] for each in first["data"] + rest["data"]] == [
        *("4000000000000000000000.00", "20.00", "-5.00", "-300000000000000000000.00")
    ]
    upsert = {"mode": "upsert", "key": "amount"}
    assert outcome(load(admin, "amount,n\n20.0,1\n21,2\n21.00,3\n", CSV, "accounts", **upsert)) == (3, 1, 2, 0)
    file = admin.get("/accounts/export").text
    assert outcome(load(admin, file, CSV, "accounts", mode="upsert", key="id")) == (5, 0, 5, 0)


def test_decimals_become_wider_and_narrower(admin):
    admin.declare("accounts", {"amount": {"type": "decimal", "default": "0"}}, access=PUBLIC)
    for amount in ("1234567890.12", "-0.01", None):
        admin.make("accounts", amount=amount)
    wide = {"fields": {"amount": WIDE | {"default": "0"}}, "access": PUBLIC}
    assert admin.put("/resources/accounts", json=wide).status_code == 200
    admin.make("accounts", amount="1" * 36)
    for field, kept in (({"type": "text"}, 3), (WIDE, 3), ({"type": "decimal", "precision": 18}, 2)):
        body = {"fields": {"amount": field}, "access": PUBLIC}
        plan = admin.post("/resources/accounts/plan", json=body).json["data"]
        assert admin.put(f"/resources/accounts?confirm={plan['fingerprint']}", json=body).status_code == 200
        amounts = [account["amount"] for account in admin.get("/accounts?sort=id").json["data"]]
        assert amounts == ["1234567890.12", "-0.01", None, "1" * 36 + ".00" if kept == 3 else None]


def test_wide_decimals_are_computed_from_and_computed(admin):
    fields = {
        "price": {"type": "decimal", "precision": 18},
        "rate": WIDE | {"scale": 8},
        "total": {"type": "decimal", "precision": 38, "scale": 6, "computed": "price * rate", "index": True},
        "narrow": {"type": "decimal", "precision": 18, "computed": "rate - price"},
    }
    admin.declare("lines", fields, access=PUBLIC)
    pairs = [("-1234567890123456.78", "3.14159265"), ("2", "3")]
    made = [admin.make("lines", price=price, rate=rate) for price, rate in pairs]
    assert [(each["total"], each["narrow"]) for each in made] == [
        ("-3878509409537859.412641", "1234567890123459.92"),
        ("6.000000", "1.00"),
    ]
    assert admin.get("/lines?total__lt=0").json["meta"]["total"] == 1
    assert admin.get("/lines/aggregate?sum=total").json["data"][0]["sum"]["total"] == "-3878509409537853.412641"
    answer = admin.post("/lines", json={"price": "1" * 16, "rate": "1" * 30})
    assert set(details_of(answer)["json"]) <= {"total", "narrow"}
    assert answer.status_code == 422


@ON_SQLITE
def test_a_profile_has_no_wide_decimal(admin):
    assert admin.put("/users/settings", json={"fields": {"amount": WIDE}}).status_code == 422
    assert admin.put("/users/settings", json={"fields": {"amount": {"type": "decimal"}}}).status_code == 200


def test_both_ends_of_the_range_are_valid(admin):
    field = {"type": "decimal", "scale": 2, "min": "0.50", "max": "10"}
    admin.declare("prices", {"price": field}, access=PUBLIC)
    prices = {
        price: admin.post("/prices", json={"price": price}).status_code for price in ("0.49", "0.5", "10", "10.01")
    }
    assert prices == {"0.49": 422, "0.5": 201, "10": 201, "10.01": 422}


def test_without_fraction_digits_there_is_no_point(admin):
    admin.declare("yen", {"price": {"type": "decimal", "precision": 5, "scale": 0}}, access=PUBLIC)
    assert [admin.make("yen", price=price)["price"] for price in ("0", "99999", -5)] == ["0", "99999", "-5"]
    assert admin.post("/yen", json={"price": "0.5"}).status_code == 422


def test_only_fraction_digits_are_a_decimal_too(admin):
    admin.declare("shares", {"share": {"type": "decimal", "precision": 4, "scale": 4}}, access=PUBLIC)
    assert [admin.make("shares", share=share)["share"] for share in ("0.25", "-0.0001")] == ["0.2500", "-0.0001"]
    assert admin.post("/shares", json={"share": "1"}).status_code == 422
