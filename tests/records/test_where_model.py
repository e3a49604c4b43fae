"""Conditions against a small model in plain Python: random definitions, data, grants and conditions.

For each walk some resources refer to each other and to users, have grants with rules, and a field that only editors may
read. The API must find exactly the rows that the model finds for a caller, and refuse what is unknown to them.
WHERE_WALKS=300 in the environment takes so many walks instead of a few, different ones at each run: `make test-walks`.
"""

import json
import os
from itertools import count
from operator import ge, gt, le, lt
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

WALKS = int(os.environ.get("WHERE_WALKS", "4"))
ROWS, QUESTIONS = 7, 6
ORDER = {"gt": gt, "gte": ge, "lt": lt, "lte": le}
TEXTS, NUMBERS = ["a", "b", "c"], [0, 1, 2]
OWN = {"s": TEXTS, "h": TEXTS, "n": NUMBERS, "m": NUMBERS}  # `h` is for editors
VALUE_OF = {"s": "string", "h": "string", "n": "integer", "m": "integer"}

_names = count(1)


class Unknown(Exception):
    """The caller may not use a name of the condition."""


class Resource:
    """A resource of the model: where its references lead, who may list it, and its rows by id."""

    def __init__(self, name, targets):
        self.name, self.targets = name, targets
        self.grants, self.rows = [], {}

    def declaration(self):
        fields = {name: {"type": kind} for name, kind in VALUE_OF.items()}
        fields["h"]["readable_by"] = ["editor"]
        fields |= {
            name: {"type": kind, "to": to, "on_delete": "set_null"} if kind == "reference" else {"type": kind, "to": to}
            for name, (kind, to) in self.targets.items()
        }
        return {"fields": fields, "access": {"list": self.grants, "read": self.grants, "create": ["member"]}}


class Caller:
    """Who asks: their id, their roles, and the client."""

    def __init__(self, person, roles):
        self.person, self.roles = person, roles
        self.id = person.id if person.name else None

    def sees(self, field):
        return field != "h" or not {"editor", "admin"}.isdisjoint(self.roles)


class Model:
    """The resources, and the meaning of conditions."""

    def __init__(self, resources):
        self.resources = resources

    def relations(self, resource):
        """Return {name: (kind, target, field)} of a resource, ways back under both names."""
        found = {}
        back = [
            (other.name, name)
            for other in self.resources.values()
            for name, (_, to) in other.targets.items()
            if to == resource.name
        ]
        for other, name in back:
            found[f"{other}__{name}"] = ("back", other, name)
            if sum(each == other for each, _ in back) == 1:
                found[other] = ("back", other, name)
        return found | {name: (kind, to, name) for name, (kind, to) in resource.targets.items()}

    def related(self, resource, row, relation):
        """Return the related rows."""
        kind, target, field = relation
        rows = self.resources[target].rows.values()
        if kind == "back":
            return [each for each in rows if row["id"] in ids_in(each[field])]
        return [each for each in rows if each["id"] in ids_in(row[field])]

    def scope(self, caller, resource):
        """Return the rules of a caller for a resource, those that can never be true left out; True for all rows."""
        if "admin" in caller.roles:
            return True
        rules = []
        for grant in resource.grants:
            role, where = (grant, {}) if isinstance(grant, str) else (grant["role"], grant["where"])
            if role == "public" or role in caller.roles:
                if where == {}:
                    return True
                if not self.never(where, caller):
                    rules.append(where)
        return rules

    def listed(self, caller, resource, row):
        """Return whether the caller may list a row."""
        rules = self.scope(caller, resource)
        return rules is True or any(self.holds(rule, resource, row, caller, None) for rule in rules)

    def lacks(self, where, caller):
        """Return whether a condition uses a value that the caller lacks."""
        return caller.id is None and "$user.id" in json.dumps(where)

    def never(self, where, caller):
        """Return whether a condition can never be true, because the caller lacks a value."""
        return any(self._never(name, value, caller) for name, value in where.items())

    def _never(self, name, value, caller):
        if name == "not":
            return self.lacks(value, caller)
        if name == "all":
            return any(self.never(each, caller) for each in value)
        if name == "any":
            return all(self.never(each, caller) for each in value)
        if isinstance(value, dict) and not value.keys().isdisjoint({"some", "none"}):
            return any(
                self.never(each, caller) if quantifier == "some" else self.lacks(each, caller)
                for quantifier, each in value.items()
            )
        return self.lacks(value, caller)

    def holds(self, where, resource, row, caller, asker):
        """Return whether a row meets a condition; `asker` narrows it to what they may list, None is an admin's rule."""
        return all(self._holds(name, value, resource, row, caller, asker) for name, value in where.items())

    def _holds(self, name, value, resource, row, caller, asker):
        if name == "not":
            return not self.lacks(value, caller) and not self.holds(value, resource, row, caller, asker)
        if name in ("any", "all"):
            return (any if name == "any" else all)(self.holds(each, resource, row, caller, asker) for each in value)
        *hops, last = name.split(".")
        for hop in hops:
            relation = self.relations(resource)[hop]
            target = self.resources[relation[1]]
            found = [each for each in self.related(resource, row, relation) if self._exists(each, target, asker)]
            resource, row = target, found[0] if found else None
            if row is None:
                break
        if isinstance(value, dict) and not value.keys().isdisjoint({"some", "none"}):
            return self._quantified(last, value, resource, row, caller, asker)
        operators = value if isinstance(value, dict) else {"eq": value}
        return all(self._compared(last, operator, operand, row, caller) for operator, operand in operators.items())

    def _exists(self, row, resource, asker):
        return asker is None or self.listed(asker, resource, row)

    def _quantified(self, name, value, resource, row, caller, asker):
        for quantifier, where in value.items():
            if self.lacks(where, caller) and (quantifier == "none" or self.never(where, caller)):
                return False
            if row is None:
                met = False
            else:
                relation = self.relations(resource)[name]
                target = self.resources[relation[1]]
                related = [each for each in self.related(resource, row, relation) if self._exists(each, target, asker)]
                met = any(self.holds(where, target, each, caller, asker) for each in related)
            if quantifier == "some" and not met:
                return False
            if quantifier == "none" and (row is None or met):
                return False
        return True

    def _compared(self, field, operator, operand, row, caller):
        if self.lacks(operand, caller):
            return False
        value = None if row is None else row[field]
        if operator == "isnull":
            return (value is None) == operand
        if isinstance(operand, dict):
            if row is None:
                return operator == "ne"
            operand = row[operand["field"]]
        elif operator != "in":
            operand = caller.id if operand == "$user.id" else operand
        if operator == "ne":
            return value != operand
        if operator == "eq":
            return value is not None and value == operand
        if operator == "in":
            return value in [caller.id if each == "$user.id" else each for each in operand] and value is not None
        return value is not None and operand is not None and ORDER[operator](value, operand)

    def require_known(self, where, resource, caller):
        """Raise Unknown for a field that is hidden from a caller, or a relation to what they may not list."""
        for name, value in where.items():
            if name == "not":
                self.require_known(value, resource, caller)
            elif name in ("any", "all"):
                for each in value:
                    self.require_known(each, resource, caller)
            else:
                self._require_path(name, value, resource, caller)

    def _require_path(self, name, value, resource, caller):
        *hops, last = name.split(".")
        for hop in hops:
            resource = self._follow(hop, resource, caller)
        if isinstance(value, dict) and not value.keys().isdisjoint({"some", "none"}):
            target = self._follow(last, resource, caller)
            for where in value.values():
                self.require_known(where, target, caller)
        elif not caller.sees(last) or "'h'" in str(value) and not caller.sees("h"):
            raise Unknown

    def _follow(self, name, resource, caller):
        target = self.resources[self.relations(resource)[name][1]]
        if not self.scope(caller, target):
            raise Unknown
        return target


def ids_in(value):
    """Return the ids in the value of a reference or a list of references."""
    return value if isinstance(value, list) else [value]


def conditions(rnd, model, resource, depth, *, hops=2):
    """Return a random `where` for a resource; groups are at most `depth` deep."""
    return dict(member(rnd, model, resource, depth, hops) for _ in range(rnd.randint(1, 2)))


def member(rnd, model, resource, depth, hops):
    """Return one member of a `where`: (name, value)."""
    relations = model.relations(resource)
    single = [name for name, (kind, *_) in relations.items() if kind == "reference"]
    kinds = [comparison] * 3 + [group] * 2 * (depth > 0)
    kinds += [path] * 2 * (hops > 0 and single != []) + [quantified] * 2 * (depth > 0 and relations != {})
    make = rnd.choice(kinds)
    return make(rnd, model, resource, depth, hops, single if make is path else [*relations])


def group(rnd, model, resource, depth, hops, _names):
    name = rnd.choice(["any", "all", "not"])
    parts = [conditions(rnd, model, resource, depth - 1) for _ in range(rnd.randint(1, 2))]
    return name, parts[0] if name == "not" else parts


def path(rnd, model, resource, depth, hops, names):
    hop = rnd.choice(names)
    target = model.resources[model.relations(resource)[hop][1]]
    name, value = member(rnd, model, target, 0, hops - 1)
    return f"{hop}.{name}", value


def quantified(rnd, model, resource, depth, hops, names):
    name = rnd.choice(names)
    target = model.resources[model.relations(resource)[name][1]]
    where = rnd.choice([{}, conditions(rnd, model, target, depth - 1)])
    return name, {rnd.choice(["some", "none"]): where}


def comparison(rnd, *_):
    """Return (field, value or operators)."""
    field = rnd.choice([*OWN, "created_by", "n", "s"])
    if field == "created_by":
        return field, rnd.choice(["$user.id", {"ne": "$user.id"}, {"isnull": True}, {"in": ["$user.id"]}])
    operator = rnd.choice(["value", "eq", "ne", "in", "isnull", *ORDER])
    value = rnd.choice(OWN[field])
    if operator == "value":
        return field, value
    if operator == "isnull":
        return field, {operator: rnd.choice([True, False])}
    if operator == "in":
        return field, {operator: rnd.sample(OWN[field], rnd.randint(0, 2))}
    other = {"s": "h", "h": "s", "n": "m", "m": "n"}[field]
    return field, {operator: rnd.choice([value, value, {"field": other}])}


def grants(rnd, model, resource):
    """Return who may list a resource."""
    roles = rnd.sample(["public", "member", "editor"], rnd.randint(1, 3))
    return [rnd.choice([role, {"role": role, "where": conditions(rnd, model, resource, 2)}]) for role in roles]


def build(rnd, admin):
    """Declare random resources, and return the Model with their names."""
    names = [f"r{next(_names)}" for _ in range(rnd.randint(2, 3))]
    kinds = (("x", "reference"), ("y", "reference"), ("t", "references"))
    resources = {
        name: Resource(name, {field: (kind, rnd.choice(names)) for field, kind in kinds if rnd.random() < 0.6})
        for name in names
    }
    model = Model(resources)
    for resource in resources.values():
        resource.grants = grants(rnd, model, resource)
    for name in names:
        admin.declare(name, {"s": {"type": "string"}})
    # References need their targets, rules the references.
    for resource in resources.values():
        replace(admin, resource.name, resource.declaration() | {"access": {}})
    for resource in resources.values():
        replace(admin, resource.name, resource.declaration())
    return model


def replace(admin, name, body):
    response = admin.put(f"/resources/{name}", json=body)
    assert response.status_code == 200, response.json


def fill(rnd, model, authors):
    """Create random rows, by random authors, and link them."""
    for resource in model.resources.values():
        for _ in range(ROWS):
            author = rnd.choice(authors)
            values = {field: rnd.choice([None, *choices]) for field, choices in OWN.items() if author.sees(field)}
            made = author.person.make(resource.name, **values)
            resource.rows[made["id"]] = {"h": None} | made
    for resource in model.resources.values():
        for row in resource.rows.values():
            changes = {field: links(rnd, kind, model.resources[to]) for field, (kind, to) in resource.targets.items()}
            if changes:
                response = authors[0].person.patch(f"/{resource.name}/{row['id']}", json=changes)
                assert response.status_code == 200, response.json
                row |= changes


def links(rnd, kind, target):
    """Return a random value of a reference or a list of references."""
    ids = [*target.rows]
    return rnd.choice([None, *ids]) if kind == "reference" else rnd.sample(ids, rnd.randint(0, 3))


def ask(model, caller, resource, where):
    """Compare what the API finds with what the model finds."""
    query = {"where": json.dumps(where), "sort": "id", "per_page": 50, "fields": "id"}
    response = caller.person.get(f"/{resource.name}", query_string=query)
    rules = model.scope(caller, resource)
    what = (caller.person.name, resource.name, where, resource.grants)
    if not rules:
        assert response.status_code in (401, 403), what
        return
    try:
        model.require_known(where, resource, caller)
    except Unknown:
        assert response.status_code == 422, what
        return
    expected = [
        row["id"]
        for row in resource.rows.values()
        if model.listed(caller, resource, row) and model.holds(where, resource, row, caller, caller)
    ]
    assert response.status_code == 200, (what, response.json)
    assert [row["id"] for row in response.json["data"]] == sorted(expected), what
    assert response.json["meta"]["total"] == len(expected)
    path = f"/{resource.name}/aggregate"
    assert caller.person.get(path, query_string={"where": query["where"]}).json["data"] == [{"count": len(expected)}]


def test_finds_what_a_model_finds(admin, alice, edith, stranger):
    callers = [
        Caller(admin, {"admin", "member"}),
        Caller(alice, {"member"}),
        Caller(edith, {"member", "editor"}),
        Caller(stranger, set()),
    ]

    @settings(
        max_examples=WALKS,
        deadline=None,
        database=None,
        derandomize="WHERE_WALKS" not in os.environ,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**32))
    def walk(seed):
        rnd = Random(seed)
        for caller in callers:
            caller.person.forget_token()  # many walks take longer than a token is valid
        model = build(rnd, admin)
        fill(rnd, model, callers[:2])
        for resource in model.resources.values():
            for caller in callers:
                for row_id, row in resource.rows.items():
                    status = caller.person.get(f"/{resource.name}/{row_id}").status_code
                    assert (status == 200) == model.listed(caller, resource, row), (caller.person.name, resource.grants)
                for _ in range(QUESTIONS):
                    ask(model, caller, resource, conditions(rnd, model, resource, 3))
        drop(admin, model)

    walk()


def drop(admin, model):
    """Drop the resources; rules lead through them, and they may refer to each other."""
    for resource in model.resources.values():
        replace(admin, resource.name, resource.declaration() | {"access": {}})
    for name in model.resources:
        body = {"fields": {"s": {"type": "string"}}}
        plan = admin.post(f"/resources/{name}/plan", json=body).json["data"]
        replace(admin, f"{name}?confirm={plan['fingerprint']}", body)
    for name in model.resources:
        assert admin.delete(f"/resources/{name}?confirm=true").status_code == 200
