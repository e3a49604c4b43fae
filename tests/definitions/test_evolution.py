"""Random definitions go through random changes with rows in place: the rows are what a model in plain Python says.

`EVOLUTIONS=500 make test ARGS=tests/definitions/test_evolution.py` walks further than the few walks of every run.
"""

import json
import os
from copy import deepcopy
from dataclasses import replace
from decimal import Context, Decimal
from functools import partial
from itertools import count

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from backend.models.database import database
from backend.services.definitions import schema_changes
from backend.services.definitions.parsing import read_definition
from tests.helpers import read, state, structure

WALKS = int(os.environ.get("EVOLUTIONS", "6"))
STEPS, ROWS = 6, 7

TEXTS = [
    "",
    "a",
    "b",
    "1",
    "1.50",
    "true",
    "2026-01-31",
    "2026-01-31T00:00:00.000000Z",
    "10:30",
    "x" * 12,
    '"q"',
    "ä'--",
]
VALUES = {
    "string": TEXTS,
    "text": TEXTS,
    "integer": [-3, 0, 1, 7, 10**15],
    "number": [-0.5, 0.0, 1.0, 2.25],
    "decimal": ["-1.00", "0.00", "1.50", "12345.67"],
    "wide": ["-1.0000", "0.0000", "1.5000", "-123456789012345678901234567890.1234"],
    "boolean": [True, False],
    "date": ["2026-01-31", "1999-12-01"],
    "time": ["10:30:00", "00:00:00"],
    "datetime": ["2026-01-31T00:00:00.000000Z", "2026-01-31T10:30:00.000001Z"],
    "json": [{"a": 1}, [1, 2], "text", 5, 1.5, True],
    "enum": ["a", "b"],
}
TIGHTER = {
    "string": {"max_length": 5},
    "integer": {"min": 0},
    "number": {"max": 1.0},
    "decimal": {"min": "0.00"},
    "date": {"min": "2000-01-01"},
    "time": {"max": "10:00:00"},
    "enum": {"choices": ["a"]},
}
PLAIN = ("json", "text")  # cannot be indexed
NUMBERS = ("integer", "number", "decimal", "boolean")

_names = count(1)


class Unfit(Exception):
    """A value that the new type or constraint does not take."""


def declaration(kind):
    if kind == "wide":
        return {"type": "decimal", "precision": 38, "scale": 4}
    return {"type": kind} | ({"choices": ["a", "b"]} if kind == "enum" else {})


def values(declared):
    """Return the values of a field that the walk uses."""
    return VALUES["wide" if "precision" in declared else declared["type"]]


def has_same_form(was, now):
    return (was["type"], was.get("precision")) == (now["type"], now.get("precision"))


def within(declared, value):
    """Return the value; raise Unfit when it is outside the constraints that the walk uses."""
    kind = declared["type"]
    number = Decimal(str(value)) if kind in ("integer", "number", "decimal") else None
    if (
        (kind == "string" and len(value) > declared.get("max_length", 255))
        or (kind == "enum" and value not in declared["choices"])
        or (kind == "date" and value < declared.get("min", ""))
        or (kind == "time" and value > declared.get("max", "24"))
        or (number is not None and number < Decimal(str(declared.get("min", "-Infinity"))))
        or (number is not None and number > Decimal(str(declared.get("max", "Infinity"))))
    ):
        raise Unfit
    return value


def converted(was, now, value):
    """Return what a value of the field `was` is as one of `now`; raise Unfit."""
    if has_same_form(was, now):
        return within(now, value)
    if now["type"] == "decimal":
        make = partial(_decimal, now.get("precision", 12), now.get("scale", 2))
        return within(now, to_number_like(make)(was["type"], value))
    return within(now, CONVERSIONS[now["type"]](was["type"], value))


def to_text(_, value):
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def to_number_like(make):
    def convert(kind, value):
        text = to_text(kind, value).strip()
        if kind in NUMBERS:
            return make(Decimal(int(value)) if isinstance(value, bool) else Decimal(text), text)
        return make(None, text)

    return convert


def _integer(number, text):
    if number is None:
        try:
            return int(text) if "_" not in text else _unfit()
        except ValueError:
            _unfit()
    return int(number) if number == int(number) else _unfit()


def _float(number, text):
    try:
        return float(number if number is not None else text)
    except ValueError:
        _unfit()


def _decimal(precision, scale, number, text):
    try:
        exact = Decimal(text) if number is None else number
    except ArithmeticError:
        _unfit()
    rounded = exact.quantize(Decimal(1).scaleb(-scale), context=Context(prec=80))
    if abs(exact) >= Decimal(10) ** (precision - scale) or exact != rounded:
        _unfit()
    return str(rounded)


def _boolean(number, text):
    if number is not None:
        return bool(number) if number in (0, 1) else _unfit()
    return {"true": True, "false": False}[text.lower()] if text.lower() in ("true", "false") else _unfit()


def _unfit():
    raise Unfit


def to_date(kind, value):
    text = to_text(kind, value).strip()
    if kind == "datetime":
        text = text.removesuffix("T00:00:00.000000Z")
    return text if text in ("2026-01-31", "1999-12-01") else _unfit()


def to_time(kind, value):
    text = to_text(kind, value).strip()
    return {"10:30": "10:30:00"}.get(text) or (text if text in VALUES["time"] else _unfit())


def to_datetime(kind, value):
    if kind == "date":
        return f"{value}T00:00:00.000000Z"
    text = to_text(kind, value).strip()
    return text if "T" in text and text.endswith("Z") and len(text) == 27 else _unfit()


CONVERSIONS = {
    "string": to_text,
    "text": to_text,
    "enum": to_text,
    "json": lambda _, value: value,
    "integer": to_number_like(_integer),
    "number": to_number_like(_float),
    "boolean": to_number_like(_boolean),
    "date": to_date,
    "time": to_time,
    "datetime": to_datetime,
}


class Model:
    """The definition as it should be, and the rows as they should read."""

    def __init__(self):
        self.fields, self.rows, self.unique, self.indexes = {}, {}, [], []

    def changed(self, now, renamed, defaults):
        """Return the Model after a change, and how many values are lost; raise Unfit if rows prevent it."""
        after = Model()
        after.fields, after.unique, after.indexes = now["fields"], now["unique"], now["indexes"]
        origins = {name: renamed.get(name, name if name in self.fields else None) for name in now["fields"]}
        dropped = set(self.fields) - set(origins.values())
        lost = sum(row[name] is not None for row in self.rows.values() for name in dropped)
        for record_id, row in self.rows.items():
            after.rows[record_id] = {}
            for name, origin in origins.items():
                value, is_lost = self._follow(row, origin, now["fields"][name], name in defaults)
                lost += is_lost
                after.rows[record_id][name] = self._filled(value, origin, now["fields"][name], defaults.get(name))
        after.check_unique()
        return after, lost

    def _follow(self, row, origin, declared, has_default):
        """Return the converted value, and whether it is lost."""
        value = row[origin] if origin else None
        if value is None:
            return None, False
        was = self.fields[origin]
        try:
            return converted(was, declared, value), False
        except Unfit:
            if has_same_form(was, declared) or (declared.get("required") and not has_default):
                raise
            return None, True

    def _filled(self, value, origin, declared, default):
        if value is None and default is not None and (origin is None or declared.get("required")):
            return default
        if value is None and declared.get("required"):
            raise Unfit
        return value

    def check_unique(self):
        """Raise Unfit if values repeat where they must not."""
        for entry in [*self.unique, *([name] for name, kind in self.fields.items() if kind.get("unique"))]:
            names = [name for name in names_in(entry) if name != "created_by"]  # the same in all rows
            rows = [row for row in self.rows.values() if meets(rule_of(entry), row)]
            found = [tuple(map(repr, (row[name] for name in names))) for row in rows]
            full = [each for each in found if "None" not in each]
            if len(set(full)) < len(full):
                raise Unfit


def names_in(entry):
    """Return the names of the fields in an entry of `unique` or `indexes`."""
    terms = entry["fields"] if isinstance(entry, dict) else entry
    return [term.removeprefix("-") for term in terms]


def rule_of(entry):
    """Return the rule of an entry, which tests whether fields are null; empty if it has none."""
    return entry["where"] if isinstance(entry, dict) else {}


def meets(rule, row):
    return all((row[name] is None) == condition["isnull"] for name, condition in rule.items())


def with_names(entry, new_names):
    """Return an entry with other names of its fields."""
    if isinstance(entry, dict):
        rule = {new_names.get(name, name): condition for name, condition in entry["where"].items()}
        return {"fields": with_names(entry["fields"], new_names), "where": rule}
    pairs = zip(entry, names_in(entry), strict=True)
    return ["-" * term.startswith("-") + new_names.get(name, name) for term, name in pairs]


class Draft:
    """A change of a Model's definition, drawn move by move."""

    def __init__(self, data, model):
        self.draw, self.model = data.draw, model
        self.fields, self.renamed = deepcopy(model.fields), {}
        self.unique, self.indexes = deepcopy(model.unique), deepcopy(model.indexes)

    def move(self):
        """Make a move at random."""
        names = [name for name in self.fields if name not in self.renamed]
        moves = [
            self.drop,
            self.rename,
            self.retype,
            self.require,
            self.toggle,
            self.tighten,
            self.loosen,
            self.combine,
        ]
        if names and self.draw(st.booleans() | st.just(True)):
            self.draw(st.sampled_from(moves))(self.draw(st.sampled_from(names)))
        else:
            self.add()

    def add(self):
        kind = self.draw(st.sampled_from([*VALUES]))
        declared = declaration(kind)
        if self.draw(st.booleans()):
            declared["default"] = self.draw(
                st.sampled_from([each for each in values(declared) if fits(declared, each)])
            )
            declared |= {"required": True} if self.draw(st.booleans()) else {}
        self.fields[f"n{next(_names)}"] = declared

    def drop(self, name):
        if len(self.fields) > 1:
            del self.fields[name]

    def rename(self, name):
        if name in self.model.fields:
            new = f"r{next(_names)}"
            self.fields = {(new if each == name else each): kind for each, kind in self.fields.items()}
            self.fields[new] = self.fields[new] | {"renamed_from": name}
            self.renamed[new] = name
            for sets in (self.unique, self.indexes):
                sets[:] = [with_names(entry, {name: new}) for entry in sets]

    def retype(self, name):
        kept = {"required": True} if self.fields[name].get("required") else {}
        self.fields[name] = declaration(self.draw(st.sampled_from([*VALUES]))) | kept

    def require(self, name):
        rest = {key: each for key, each in self.fields[name].items() if key not in ("required", "default")}
        self.fields[name] = rest
        if not self.model.fields.get(name, {}).get("required"):
            rest["required"] = True
            good = [each for each in values(rest) if fits(rest, each)]
            if good and self.draw(st.booleans()):
                rest["default"] = self.draw(st.sampled_from(good))

    def toggle(self, name):
        option = self.draw(st.sampled_from(["unique", "index"]))
        if self.fields[name]["type"] not in PLAIN:
            self.fields[name][option] = not self.fields[name].get(option)

    def tighten(self, name):
        if "default" not in self.fields[name]:
            self.fields[name] |= TIGHTER.get(self.fields[name]["type"], {})

    def loosen(self, name):
        rest = {key: each for key, each in self.fields[name].items() if key not in ("min", "max", "max_length")}
        self.fields[name] = rest | ({"choices": ["a", "b"]} if rest["type"] == "enum" else {})

    def combine(self, _):
        names = [each for each in self.fields if self.fields[each]["type"] not in PLAIN]
        if len(names) > 1:
            ruling, *pair = self.draw(st.permutations([*names, "created_by"]))[:3]
            entry = ["-" * self.draw(st.booleans()) + name for name in pair]
            if ruling != "created_by" and self.draw(st.booleans()):
                entry = {"fields": entry, "where": {ruling: {"isnull": self.draw(st.booleans())}}}
            sets = self.draw(st.sampled_from([self.unique, self.indexes]))
            sets.remove(entry) if entry in sets else sets.append(entry)

    def _is_converted(self, name):
        """Return whether values change their type: a plan does not find out which of them will meet a rule."""
        before = self.model.fields.get(self.renamed.get(name, name))
        return before is not None and not has_same_form(before, self.fields[name])

    def definition(self):
        """Return the definition that was drawn."""
        usable = {name for name, kind in self.fields.items() if kind["type"] not in PLAIN}
        ruling = {name for name in usable if not self.fields[name].get("required") and not self._is_converted(name)}
        unique, indexes = (
            [each for each in sets if {*names_in(each)} <= {*usable, "created_by"} and {*rule_of(each)} <= ruling]
            for sets in (self.unique, self.indexes)
        )
        return {"fields": self.fields, "unique": unique, "indexes": indexes}


def fits(declared, value):
    try:
        within(declared, value)
    except Unfit:
        return False
    return True


def fresh_structure(definition):
    """Return the structure of a table made from the definition alone."""
    with database.connection_context(), database.atomic() as transaction:
        schema_changes.create_table(replace(definition, name="twin"))
        schema_changes.add_foreign_keys(replace(definition, name="twin"), definition.references)
        found = structure("twin")
        transaction.rollback()
    return found


def values_of(rows, fields):
    return {record_id: {field: row[field] for field in fields} for record_id, row in rows.items()}


def test_rows_in_place_follow_every_change(admin):
    @settings(
        max_examples=WALKS,
        deadline=None,
        database=None,
        derandomize="EVOLUTIONS" not in os.environ,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def walk(data):
        name, model = f"walk{next(_names)}", Model()
        kinds = data.draw(st.lists(st.sampled_from([*VALUES]), min_size=1, max_size=4))
        model.fields = {f"f{next(_names)}": declaration(kind) for kind in kinds}
        admin.declare(name, model.fields)
        for _ in range(ROWS):
            given_values = {
                field: data.draw(st.sampled_from([None, *values(declared)])) for field, declared in model.fields.items()
            }
            made = admin.make(name, **given_values)
            model.rows[made["id"]] = {field: made[field] for field in model.fields}
        for _ in range(STEPS):
            draft = Draft(data, model)
            for _ in range(data.draw(st.integers(1, 2))):
                draft.move()
            model = take_step(admin, name, model, draft.definition(), draft.renamed)
        admin.delete(f"/resources/{name}?confirm=true")

    walk()


def take_step(admin, name, model, now, renamed):
    """Make the change over REST, compare with the model, and return the model afterwards."""
    before = state(admin, name)
    defaults = {name: kind["default"] for name, kind in now["fields"].items() if "default" in kind}
    try:
        after, lost = model.changed(now, renamed, defaults)
    except Unfit:
        after, lost = None, 0
    answer = admin.post(f"/resources/{name}/plan", json=now)
    assert answer.status_code == 200, answer.json
    plan = answer.json["data"]
    assert state(admin, name) == before
    assert plan["possible"] == (after is not None), (plan, model.fields, now)
    if after is None:
        assert admin.put(f"/resources/{name}?confirm={plan['fingerprint']}", json=now).status_code == 409
        assert state(admin, name) == before
        return model
    assert sum(step["records"] for step in plan["steps"] if step["loses_data"]) == lost, (plan, model.fields, now)
    if lost:
        assert admin.put(f"/resources/{name}", json=now).status_code == 409
        assert admin.put(f"/resources/{name}?confirm=0123456789abcdef", json=now).status_code == 409
        assert state(admin, name) == before
    done = admin.put(f"/resources/{name}?confirm={plan['fingerprint']}", json=now)
    assert done.status_code == 200, (done.json, plan, model.fields, now)
    for declared in after.fields.values():
        declared.pop("renamed_from", None)
    found = read(admin, name)
    assert values_of(found, after.fields) == after.rows, (plan, model.fields, now)
    assert {record_id: row["created_at"] for record_id, row in found.items()} == {
        record_id: row["created_at"] for record_id, row in before[2].items()
    }
    with database.connection_context():
        there = structure(name)
    assert there == fresh_structure(read_definition({"name": name, **now})), (plan, model.fields, now)
    assert admin.post(f"/resources/{name}/plan", json=now).json["data"]["steps"] == []
    return after
