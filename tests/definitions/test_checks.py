"""The `checks` of a definition: conditions that each record must meet."""

import json

from tests.conftest import ON_SQLITE
from tests.helpers import PUBLIC, details_of, load, outcome, state

TRIPS = {
    "name": {"type": "string"},
    "starts": {"type": "date"},
    "ends": {"type": "date"},
    "price": {"type": "decimal"},
    "paid": {"type": "decimal"},
    "open": {"type": "boolean"},
}
DATES = {"ends": {"gte": {"field": "starts"}}}


def assert_unmet(answer, name, text, part="json"):
    """Assert that a write was refused because of a check."""
    assert (answer.status_code, details_of(answer)) == (422, {part: {name: [f"Check: {text}."]}})


def test_every_write_must_meet_the_checks(admin):
    checks = {
        "dates": DATES,
        "paid": {"any": [{"open": True}, {"paid": {"gte": {"field": "price"}}, "name": {"ne": "O'Neil 100%"}}]},
    }
    admin.declare("trips", TRIPS, access=PUBLIC, checks=checks)
    trip = admin.make("trips", starts="2026-01-01", ends="2026-01-01", price="5.00", paid="5.00", open=False)
    assert admin.make("trips", starts="2026-01-01")["ends"] is None
    text = "ends must be starts or greater"
    early = {"starts": "2026-01-02", "ends": "2026-01-01", "open": True}
    assert_unmet(admin.post("/trips", json=early), "dates", text)
    assert_unmet(admin.patch(f"/trips/{trip['id']}", json={"starts": "2026-01-02"}), "dates", text)
    assert_unmet(admin.put(f"/trips/{trip['id']}", json=early), "dates", text)
    text = "(open must be true or paid must be price or greater and name must be not O'Neil 100%)"
    assert_unmet(admin.patch(f"/trips/{trip['id']}", json={"paid": "4.99"}), "paid", text)
    assert_unmet(admin.patch(f"/trips/{trip['id']}", json={"name": "O'Neil 100%"}), "paid", text)
    assert admin.get(f"/trips/{trip['id']}").json["data"] == trip
    changes = {"name": "O'Neil 100", "starts": None}
    assert admin.patch(f"/trips/{trip['id']}", json=changes).json["data"]["version"] == 2
    operation = {"op": "create", "resource": "trips", "data": early}
    refused = admin.post("/batch", json={"operations": [operation]})
    problem = {"operations": {"0": {"data": {"dates": ["Check: ends must be starts or greater."]}}}}
    assert (refused.status_code, details_of(refused)) == (422, problem)
    rows = "name,starts,ends\na,2026-01-01,2026-01-02\nb,2026-01-02,2026-01-01\n"
    for query in ({"dry_run": "true"}, {}):
        answer = load(admin, rows, resource="trips", keep_good="true", **query)
        assert outcome(answer) == (2, 1, 0, 1)
        message = "dates: Check: ends must be starts or greater."
        assert answer.json["data"]["problems"] == [
            {"line": 3, "code": "check_failed", "message": message, "place": "dates"}
        ]


def test_every_operator_can_be_used(admin):
    fields = TRIPS | {
        "at": {"type": "datetime"},
        "size": {"type": "enum", "choices": ["S", "M"]},
        "code": {"type": "uuid"},
        "n": {"type": "integer"},
        "x": {"type": "number"},
        "total": {"type": "decimal", "computed": "price * n"},
    }
    code = "0198c0de-0000-7000-8000-000000000000"
    checks = {
        "a": {"at": {"gt": "2026-01-01T00:00:00Z"}, "created_at": {"gte": "2020-01-01T00:00:00Z"}},
        "b": {"size": {"in": ["S"]}, "code": {"ne": code}},
        "c": {"name": {"startswith": "a%?"}},
        "d": {"name": {"contains": "'"}},
        "e": {"name": {"icontains": "É"}},
        "f": {"not": {"n": 5}},
        "g": {"x": {"lt": 0.5, "gte": -1}},
        "h": {"any": [{"n": {"isnull": False}}, {"x": {"isnull": False}}]},
        "i": {"total": {"lte": "10.00"}},
        "j": {"price": {"in": ["1.00", "2.00", "5.00"]}},
        "k": {"open": True},
    }
    admin.declare("trips", fields, access=PUBLIC, checks=checks)
    good = {"at": "2026-01-01T00:00:01Z", "size": "S", "name": "a%?'é", "n": 2, "x": -1, "price": "5.00", "open": True}
    made = admin.make("trips", **good)
    for name, values in {
        "a": {"at": "2026-01-01T00:00:00Z"},
        "b": {"size": "M"},
        "c": {"name": "a%'é"},
        "d": {"name": "a%?é"},
        "e": {"name": "a%?'e"},
        "f": {"n": 5, "price": "1.00"},
        "g": {"x": 0.5},
        "h": {"x": None, "n": None},
        "i": {"n": 3},
        "j": {"price": "3.00"},
        "k": {"open": False},
    }.items():
        answer = admin.patch(f"/trips/{made['id']}", json=values)
        assert (answer.status_code, set(details_of(answer)["json"])) == (422, {name})
    assert admin.patch(f"/trips/{made['id']}", json={"code": code}).status_code == 422
    assert admin.get("/trips").json["data"] == [made]
    stored = admin.get("/resources/trips").json["data"]
    assert stored["checks"] == checks
    body = {"fields": stored["fields"], "access": PUBLIC, "checks": checks}
    assert admin.post("/resources/trips/plan", json=body).json["data"]["steps"] == []


def test_rows_in_place_and_renames_are_planned(admin):
    admin.declare("trips", TRIPS)
    ids = [
        admin.make("trips", starts=starts, ends=ends)["id"]
        for starts, ends in [("2026-01-02", "2026-01-01"), (None, "2026-01-01"), ("2026-01-01", "2026-01-02")]
    ]

    def plan(fields, checks):
        answer = admin.post("/resources/trips/plan", json={"fields": fields, "checks": checks})
        assert answer.status_code == 200, answer.json
        return [(step["action"], step["text"], step["ids"]) for step in answer.json["data"]["steps"]]

    def change(fields, checks, status=200):
        answer = admin.put("/resources/trips", json={"fields": fields, "checks": checks})
        assert answer.status_code == status, answer.json
        if status == 200:
            assert plan(fields, checks) == []
        return answer

    text = "Add the check dates: ends must be starts or greater, which 1 record would not meet."
    assert plan(TRIPS, {"dates": DATES}) == [("add_check", text, ids[:1])]
    before = state(admin, "trips")
    change(TRIPS, {"dates": DATES}, 409)
    assert state(admin, "trips") == before
    admin.patch(f"/trips/{ids[0]}", json={"ends": None})
    text = "Add the check dates: ends must be starts or greater."
    assert plan(TRIPS, {"dates": DATES}) == [("add_check", text, [])]
    change(TRIPS, {"dates": DATES})
    assert admin.patch(f"/trips/{ids[0]}", json={"ends": "2026-01-01"}).status_code == 422
    renamed = {"begins": TRIPS["starts"] | {"renamed_from": "starts"}} | TRIPS
    del renamed["starts"]
    text = "Rename the field starts to begins."
    assert plan(renamed, {"dates": DATES}) == [("rename_field", text, [])]
    change(renamed, {"dates": DATES})
    stored = {"ends": {"gte": {"field": "begins"}}}
    assert admin.get("/resources/trips").json["data"]["checks"] == {"dates": stored}
    refused = admin.patch(f"/trips/{ids[0]}", json={"ends": "2026-01-01"})
    assert_unmet(refused, "dates", "ends must be begins or greater")
    without = {name: field for name, field in renamed.items() if name != "ends"}
    answer = change(without, {"dates": stored}, 422)
    problem = {"checks": {"dates": ["where.ends: There is no such field."]}}
    assert details_of(answer)["json"] == problem
    later = {"dates": {"ends": {"gt": {"field": "begins"}}}, "named": {"name": {"isnull": True}}}
    assert [action for action, *_ in plan(renamed, later)] == ["change_check", "add_check"]
    change(renamed, later)
    assert admin.patch(f"/trips/{ids[0]}", json={"ends": "2026-01-02"}).status_code == 422
    moments = renamed | {"begins": {"type": "datetime"}, "ends": {"type": "datetime"}}
    assert "change_check" not in [action for action, *_ in plan(moments, later)]
    change(moments, later)
    assert admin.patch(f"/trips/{ids[0]}", json={"ends": "2026-01-02T00:00:00Z"}).status_code == 422
    rule = {"paid": {"any": [{"status": "open"}, {"paid": {"isnull": False}}]}}
    with_status = moments | {"status": {"type": "string", "default": "open"}}
    assert plan(with_status, rule)[-1][2] == []
    shut = with_status | {"status": {"type": "string", "default": "shut"}}
    assert plan(shut, rule)[-1][2] == sorted(ids)
    change(with_status, rule)
    assert admin.patch(f"/trips/{ids[0]}", json={"ends": "2026-01-02T00:00:00Z"}).status_code == 200
    assert plan(with_status, {}) == [("drop_check", "Drop the check paid.", [])]
    body = {"name": "tours", "renamed_from": "trips", "fields": with_status, "checks": rule}
    assert admin.put("/resources/trips", json=body).status_code == 200
    refused = admin.patch(f"/tours/{ids[0]}", json={"status": "shut"})
    assert_unmet(refused, "paid", "(status must be open or paid must be a value)")


@ON_SQLITE
def test_a_check_that_is_not_valid_is_refused(admin):
    owner = {"owner": {"type": "reference", "to": "trips"}}
    for where, problem in [
        ({}, "where: Must be an object of conditions."),
        ({"nowhere": 1}, "where.nowhere: There is no such field."),
        ({"owner.name": "a"}, "where.owner.name: There is no such field."),
        ({"trips": {"some": {"name": "a"}}}, "where.trips: There is no such field."),
        ({"name": "$user.email"}, "where.name: Values of the user cannot be used here."),
        ({"price": {"gte": "x"}}, 'where.price.gte: Write a decimal such as 12.50 or "12.50".'),
    ]:
        answer = admin.post("/resources", json={"name": "trips", "fields": TRIPS | owner, "checks": {"c": where}})
        assert answer.status_code == 422
        assert details_of(answer)["json"] == {"checks": {"c": [problem]}}
    answer = admin.post("/resources", json={"name": "trips", "fields": TRIPS, "checks": {"c": []}})
    assert details_of(answer)["json"] == {"checks": {"c": ["where: Must be an object of conditions."]}}
    too_many = {f"c{i}": DATES for i in range(33)}
    assert admin.post("/resources", json={"name": "trips", "fields": TRIPS, "checks": too_many}).status_code == 422


def test_a_check_reveals_no_hidden_field(admin, alice, edith):
    hidden = {"readable_by": ["editor"]}
    fields = {"salary": {"type": "integer"} | hidden, "bonus": {"type": "integer"}}
    checks = {"bonus": {"bonus": {"lte": {"field": "salary"}}}}
    body = {"name": "pay", "fields": fields, "checks": checks, "access": PUBLIC}
    answer = admin.post("/resources", json=body)
    message = "Everybody who may set bonus could find out salary: limit `writable_by` of bonus."
    assert (answer.status_code, details_of(answer)["json"]) == (422, {"checks": {"bonus": [message]}})
    body["fields"]["bonus"]["writable_by"] = ["editor"]
    body["fields"]["salary"]["default"] = -1
    body["fields"]["bonus"]["default"] = 0
    assert admin.post("/resources", json=body).status_code == 201
    refused = alice.post("/pay", json={})
    unnamed = {"_schema": ["These values do not meet a check of the resource."]}
    assert (refused.status_code, details_of(refused)["json"]) == (422, unnamed)
    assert_unmet(edith.post("/pay", json={}), "bonus", "bonus must be salary or less")
    assert edith.post("/pay", json={"salary": 5, "bonus": 5}).status_code == 201
    assert "salary" not in json.dumps(alice.get("http://localhost/openapi.json").json["components"])


def test_a_deletion_that_would_break_a_check_is_refused(admin):
    admin.declare("places", {"name": {"type": "string"}})
    fields = TRIPS | {"place": {"type": "reference", "to": "places", "on_delete": "set_null"}}
    fields |= {"guide": {"type": "reference", "to": "users", "on_delete": "set_null"}}
    somewhere = {"any": [{"place": {"isnull": False}}, {"guide": {"isnull": False}}]}
    admin.declare("trips", fields, access=PUBLIC, checks={"somewhere": somewhere})
    place = admin.make("places")
    trip = admin.make("trips", place=place["id"])
    refused = admin.delete(f"/places/{place['id']}")
    message = "The record cannot be deleted: without it, another record would not meet a check of its resource."
    assert (refused.status_code, refused.json["error"]["message"]) == (409, message)
    assert admin.get(f"/trips/{trip['id']}").json["data"] == trip
    admin.patch(f"/trips/{trip['id']}", json={"guide": admin.id})
    assert admin.delete(f"/places/{place['id']}").status_code == 200
    assert admin.get(f"/trips/{trip['id']}").json["data"]["place"] is None
