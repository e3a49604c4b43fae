"""The largest definitions: each limit is accepted, and one more is refused with the limit."""

from backend.services.definitions import checks
from tests.conftest import ON_SQLITE

TITLE = {"title": {"type": "string"}}


def fields(count, **options):
    """Return so many integer fields."""
    return {f"n{i}": {"type": "integer"} | options for i in range(count)}


def field(**options):
    """Return the definition of a resource with one field."""
    return {"fields": {"value": options}}


def resource(**options):
    """Return the definition of a resource with a title and these options."""
    return {"fields": TITLE | fields(9), **options}


def rule_values(count):
    """Return grants whose rules have so many values together."""
    lists = [range(start, min(start + 200, count)) for start in range(0, count, 200)]
    groups = [lists[start : start + 30] for start in range(0, len(lists), 30)]
    return [{"role": "member", "where": {"any": [{"n0": {"in": [*each]}} for each in part]}} for part in groups]


def grants(count):
    """Return so many different grants."""
    return [{"role": "member", "where": {"n0": i}} for i in range(count)]


# (the limit, the definition with so many of something)
LIMITS = {
    "fields": (200, lambda count: {"fields": fields(count)}),
    "fields of an index": (8, lambda count: resource(indexes=[[f"n{i}" for i in range(count)]])),
    "checks": (32, lambda count: resource(checks={f"c{i}": {"n0": {"gte": i}} for i in range(count)})),
    "grants": (50, lambda count: resource(access={"read": grants(count)})),
    "values of rules": (10_000, lambda count: resource(access={"read": rule_values(count)})),
    "description": (2000, lambda count: resource(description="x" * count)),
    "string": (20_000, lambda count: field(type="string", max_length=count)),
    "text": (10_000_000, lambda count: field(type="text", max_length=count)),
    "digits": (38, lambda count: field(type="decimal", precision=count)),
    "choices": (200, lambda count: field(type="enum", choices=[f"c{i}" for i in range(count)])),
    "items": (200, lambda count: field(type="list", of="integer", max=count)),
    "characters of an item": (600, lambda count: field(type="list", of="string", max_length=count)),
    "pattern": (500, lambda count: field(type="string", pattern="x" * count)),
    "expression": (500, lambda count: field(type="integer", computed="1" + "0" * 10 + " " * (count - 13) + "+1")),
}


def limits_of(details):
    """Return all limits that the problems of a response have."""
    if isinstance(details, list):
        return [each.get("limit") for each in details]
    return [limit for part in details.values() for limit in limits_of(part)]


@ON_SQLITE
def test_the_limits_of_a_definition(admin):
    admin.declare("things", TITLE)
    for name, (most, make) in LIMITS.items():
        fits = admin.post("/resources/things/plan", json=make(most))
        assert fits.status_code == 200, (name, fits.json)
        refused = admin.post("/resources/things/plan", json=make(most + 1))
        assert (refused.status_code, limits_of(refused.json["error"]["details"])) == (422, [most]), name


@ON_SQLITE
def test_the_number_of_resources_is_limited(admin, monkeypatch):
    monkeypatch.setattr(checks, "MAX_RESOURCES", 2)
    for name, status in (("a", 201), ("b", 201), ("c", 422)):
        answer = admin.post("/resources", json={"name": name, "fields": TITLE})
        assert answer.status_code == status, name
    assert limits_of(answer.json["error"]["details"]) == [2]
    assert [each["name"] for each in admin.get("/resources").json["data"]] == ["a", "b"]


@ON_SQLITE
def test_the_number_of_profile_fields_is_limited(admin):
    assert admin.put("/users/settings", json={"fields": fields(50)}).status_code == 200
    answer = admin.put("/users/settings", json={"fields": fields(51)})
    assert (answer.status_code, limits_of(answer.json["error"]["details"])) == (422, [50])
