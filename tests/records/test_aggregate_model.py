"""Aggregates against a small model in plain Python: random groups, measures, conditions, orders and pages.

AGGREGATES=500 in the environment asks so many queries instead of 60, different ones at each run.
"""

import json
import os
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from operator import eq, ge, gt, le, lt, ne
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

FIELDS = {
    "code": {"type": "string"},
    "n": {"type": "integer"},
    "price": {"type": "decimal", "precision": 18, "scale": 2},
    "wide": {"type": "decimal", "precision": 38, "scale": 4},
    "day": {"type": "date"},
    "at": {"type": "datetime"},
    "open": {"type": "boolean"},
}
VALUES = {
    "code": ["", "a", "B", "b", "é", "Z", "ä b", "\U0001f600", "\uffee", None],
    "n": [0, 1, -1, 7, 2**63 - 1, 2**63 - 2, -(2**63), 3_000_000_000, None],
    "price": ["0.00", "0.01", "-0.01", "9999999999999999.99", "-9999999999999999.99", "12.50", None],
    "wide": [
        "0.0000",
        "-0.0001",
        "9" * 34 + ".9999",
        "-" + "9" * 34 + ".9999",
        "1.5000",
        "123456789012345678.0001",
        None,
    ],
    "day": ["2024-02-29", "2024-12-30", "2025-01-01", "2025-03-31", "0001-01-01", "9999-12-31", None],
    "at": ["2024-12-30T00:00:00.000000Z", "2024-12-29T23:59:59.999999Z", "2025-01-01T10:30:00.000001Z", None],
    "open": [True, False, None],
}
PARTS = {"day": ["year", "quarter", "month", "week", "day"], "at": ["year", "quarter", "month", "week", "day", "hour"]}
SCALES = {"price": 2, "wide": 4}
KEYS = [
    "code",
    "n",
    "price",
    "wide",
    "day",
    "at",
    "open",
    *(f"{name}:{part}" for name in PARTS for part in PARTS[name]),
]
MEASURED = {
    **dict.fromkeys(("sum", "avg"), ["n", "price", "wide"]),
    **dict.fromkeys(("min", "max"), ["code", "n", "price", "wide", "day", "at"]),
    "count_distinct": ["code", "n", "price", "wide", "day", "at", "open"],
}
OPERATORS = {"eq": eq, "ne": ne, "gt": gt, "gte": ge, "lt": lt, "lte": le}


def start_of(part, text):
    """Return the start of the part of time with a day or a moment, in the same form."""
    day = date.fromisoformat(text[:10])
    first = {
        "year": day.replace(month=1, day=1),
        "quarter": day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
        "month": day.replace(day=1),
        "week": day - timedelta(days=day.weekday()),
    }.get(part, day)
    clock = f"{text[11:13]}:00:00" if part == "hour" else "00:00:00"
    return first.isoformat() if len(text) == 10 else f"{first.isoformat()}T{clock}.000000Z"


def key_of(row, key):
    name, _, part = key.partition(":")
    return start_of(part, row[name]) if part and row[name] is not None else row[name]


def exact(name, value):
    """Return a value in a form that sorts: of decimals the number."""
    return Fraction(value) if name in SCALES else value


def measure(rows, name):
    """Return the exact value of a measure such as `sum.price`, None if there is none."""
    function, _, field = name.partition(".")
    if function == "count":
        return len(rows)
    values = [exact(field, row[field]) for row in rows if row[field] is not None]
    if function == "count_distinct":
        return len(set(values))
    if not values:
        return None
    if function in ("min", "max"):
        return {"min": min, "max": max}[function](values)
    return Fraction(sum(values)) / (len(values) if function == "avg" else 1)


def as_json(name, value):
    """Return an exact measure as the API has it."""
    function, _, field = name.partition(".")
    if value is None or function in ("count", "count_distinct") or field not in ("n", *SCALES):
        return value
    if field == "n":
        return float(value) if function == "avg" else int(value)
    with localcontext(prec=100):
        number = Decimal(value.numerator) / value.denominator
        digits = SCALES[field] + (6 if function == "avg" else 0)
        return format(number.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN), "f")


def answered(group, keys, names):
    """Return a group as the API answers it."""
    answer = {key: group[key] for key in keys}
    for name in names:
        function, _, field = name.partition(".")
        if field:
            answer.setdefault(function, {})[field] = as_json(name, group[name])
        else:
            answer[function] = group[name]
    return answer


def holds(value, operator, bound):
    return operator == "ne" if value is None else OPERATORS[operator](value, bound)


def in_order(groups, sort):
    for name, descending in reversed(sort):
        filled = [group for group in groups if group[name] is not None]
        filled.sort(key=lambda group: exact(name, group[name]), reverse=descending)
        groups = [*filled, *(group for group in groups if group[name] is None)]
    return groups


def grouped(rows, keys, names, conditions, sort):
    """Return the groups: a map of name to value of the keys and measures, for each."""
    found = {}
    for row in rows:
        found.setdefault(tuple(key_of(row, key) for key in keys), []).append(row)
    groups = [
        {**dict(zip(keys, values, strict=True)), **{name: measure(members, name) for name in names}}
        for values, members in found.items()
    ]
    kept = [group for group in groups if all(holds(group[name], *rest) for name, *rest in conditions)]
    return in_order(kept, [*sort, *((key, False) for key in keys if key not in {name for name, _ in sort})])


@st.composite
def queries(draw):
    """Return (keys, names of measures, conditions, sort)."""
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True))
    measures = [f"{function}.{name}" for function, fields in MEASURED.items() for name in fields]
    names = ["count", *draw(st.lists(st.sampled_from(measures), max_size=4, unique=True))]
    compared = draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
    conditions = [(name, draw(st.sampled_from([*OPERATORS])), draw(bounds(name))) for name in compared]
    sorted_by = draw(st.lists(st.sampled_from([*keys, *names]), max_size=3, unique=True))
    return keys, names, conditions, [(name, draw(st.booleans())) for name in sorted_by]


def bounds(name):
    """Return the strategy of the values that a measure is compared with."""
    function, _, field = name.partition(".")
    if function in ("count", "count_distinct"):
        return st.integers(0, 8)
    values = [exact(field, value) for value in VALUES[field] if value is not None]
    if function in ("min", "max"):
        return st.sampled_from(values)
    steps = [Fraction(each) for each in ((0, 1, -1) if field == "n" else (0, "0.01", "-0.01"))]
    if function == "avg":
        steps += [Fraction("0.5"), Fraction("0.333333")]
    return st.builds(
        lambda value, factor, step: value * factor + step, *map(st.sampled_from, (values, (1, 2, 3), steps))
    )


def text_of(value):
    """Return the text of a bound in a query."""
    if not isinstance(value, Fraction):
        return str(value)
    with localcontext(prec=100):
        return format(Decimal(value.numerator) / value.denominator, "f")


def ask(admin, keys, names, conditions, sort, **page):
    query = {"group_by": ",".join(keys)}
    if sort:
        query["sort"] = ",".join(("-" if down else "") + name for name, down in sort)
    for name in names[1:]:
        function, _, field = name.partition(".")
        query[function] = f"{query[function]},{field}" if function in query else field
    for name, operator, bound in conditions:
        plain = operator == "eq" and name != "count"
        query[name if plain else f"{name}__{operator}"] = text_of(bound)
    answer = admin.get("/things/aggregate", query_string=query | page)
    assert answer.status_code == 200, (query, answer.json)
    return answer.json


def test_groups_are_those_of_a_model(admin):
    admin.declare("things", FIELDS)
    random = Random(7)
    rows = [{name: random.choice(values) for name, values in VALUES.items()} for _ in range(80)]
    body = "\n".join(map(json.dumps, rows))
    assert admin.post("/things/import", data=body, content_type="application/x-ndjson").json["data"]["created"] == 80

    @settings(
        max_examples=int(os.environ.get("AGGREGATES", 60)),
        deadline=None,
        database=None,
        derandomize="AGGREGATES" not in os.environ,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(queries())
    def compare(query):
        expected = [answered(group, *query[:2]) for group in grouped(rows, *query)]
        found = ask(admin, *query, per_page=200)
        assert found["data"] == expected
        assert found["meta"]["total"] == len(expected)
        page = ask(admin, *query, per_page=3, page=2)
        assert (page["data"], page["meta"]["total"]) == (expected[3:6], len(expected))

    compare()
