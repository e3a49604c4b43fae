"""Field rules: `readable_by` and `writable_by`, and the profile fields that people may set of themselves."""

import pytest

from tests.conftest import ON_SQLITE
from tests.helpers import OPEN, details_of

FIELDS = {
    "title": {"type": "string", "required": True},
    "salary": {"type": "integer", "readable_by": ["editor"], "default": 7},
    "grade": {"type": "string", "writable_by": ["editor"], "default": "new"},
    "wish": {"type": "string", "readable_by": ["editor"], "writable_by": ["member"]},
    "badge": {"type": "string", "readable_by": []},
}
PUBLIC_PART = {"title", "grade"}
EDITORS_PART = PUBLIC_PART | {"salary", "wish"}
SYSTEM = {"id", "created_at", "updated_at", "created_by", "version"}


@pytest.fixture
def staff(admin):
    """A resource in which not everybody may read and write everything."""
    admin.declare("staff", FIELDS, access=OPEN)


def fields(record):
    """Return the names of a record's declared fields."""
    return set(record) - SYSTEM


def problems(response):
    """Return what a 422 says about the body."""
    assert response.status_code == 422, response.json
    return details_of(response)["json"]


def test_everybody_gets_the_fields_they_may_read(staff, admin, alice, edith):
    path = f"/staff/{admin.make('staff', title='x', salary=1, wish='more', badge='k')['id']}"
    for person, expected in ((alice, PUBLIC_PART), (edith, EDITORS_PART), (admin, set(FIELDS))):
        assert fields(person.get(path).json["data"]) == expected
        assert fields(person.get("/staff").json["data"][0]) == expected
        assert fields(person.patch(path, json={"title": "y"}).json["data"]) == expected
        assert fields(person.put(path, json={"title": "z"}).json["data"]) == expected
        assert fields(person.make("staff", title="new")) == expected


def test_what_one_may_not_set_gets_its_default_and_keeps_its_value(staff, admin, alice):
    made = alice.make("staff", title="x", wish="more")
    shown = admin.get(f"/staff/{made['id']}").json["data"]
    assert (shown["salary"], shown["grade"], shown["wish"], shown["badge"]) == (7, "new", "more", None)
    admin.patch(f"/staff/{made['id']}", json={"salary": 99, "grade": "old", "badge": "k"})
    assert alice.put(f"/staff/{made['id']}", json={"title": "y"}).status_code == 200
    shown = admin.get(f"/staff/{made['id']}").json["data"]
    assert (shown["salary"], shown["grade"], shown["wish"], shown["badge"]) == (99, "old", None, "k")


def test_what_one_may_not_set_is_refused_and_nothing_changes(staff, admin, alice, edith):
    path = f"/staff/{admin.make('staff', title='x')['id']}"
    before = admin.get(path).json["data"]
    calls = ((alice.post, "/staff"), (alice.put, path), (alice.patch, path))
    for send, target in calls:
        errors = problems(send(target, json={"title": "y", "salary": 1, "grade": "top", "badge": "k", "nope": 1}))
        unknown = ["Unknown field."]
        assert errors == {
            "salary": unknown,
            "badge": unknown,
            "nope": unknown,
            "grade": ["You may not set this field."],
        }
    assert problems(edith.patch(path, json={"badge": "k"})) == {"badge": ["Unknown field."]}
    assert edith.patch(path, json={"salary": 1, "grade": "top"}).status_code == 200
    assert [each for each in admin.get("/staff").json["data"] if each["title"] != "x"] == []
    assert admin.get(path).json["data"]["badge"] == before["badge"]


def test_a_new_role_shows_more_from_the_next_request_on(staff, admin, alice):
    path = f"/staff/{alice.make('staff', title='x')['id']}"
    assert "salary" not in alice.get(path).json["data"]
    admin.patch(f"/users/{alice.id}", json={"roles": ["editor"]})
    assert alice.get(path).json["data"]["salary"] == 7
    admin.patch(f"/users/{alice.id}", json={"roles": []})
    assert "salary" not in alice.get(path).json["data"]


def test_a_rule_of_a_field_can_be_changed_with_records_in_place(staff, admin, alice):
    path = f"/staff/{alice.make('staff', title='x')['id']}"
    opened = FIELDS | {"salary": {"type": "integer", "default": 7}}
    assert admin.put("/resources/staff", json={"fields": opened, "access": OPEN}).status_code == 200
    assert alice.get(path).json["data"]["salary"] == 7


@ON_SQLITE
def test_refuses_rules_of_fields_that_make_no_sense(admin):
    wrong = [
        ({"readable_by": ["nobody"]}, "readable_by"),
        ({"writable_by": ["public"]}, "writable_by"),
        ({"readable_by": "editor"}, "readable_by"),
        ({"required": True, "readable_by": ["editor"]}, "writable_by"),
        ({"required": True, "writable_by": ["editor"]}, "writable_by"),
    ]
    for options, to_blame in wrong:
        body = {"name": "staff", "fields": {"salary": {"type": "integer"} | options}, "access": OPEN}
        assert list(problems(admin.post("/resources", json=body))["fields"]["salary"]) == [to_blame], options


@ON_SQLITE
def test_a_required_field_may_be_left_to_those_who_create(admin, alice, edith):
    salary = {"type": "integer", "required": True, "writable_by": ["editor"]}
    admin.declare("staff", {"salary": salary}, access=OPEN | {"create": ["editor"]})
    assert edith.make("staff", salary=1)["salary"] == 1
    assert alice.post("/staff", json={"salary": 1}).status_code == 403
    assert problems(edith.post("/staff", json={})) == {"salary": ["A value is required."]}


@ON_SQLITE
def test_a_role_that_a_field_names_cannot_be_deleted(admin):
    admin.post("/roles", json={"name": "payroll", "permissions": []})
    admin.declare("staff", {"salary": {"type": "integer", "readable_by": ["payroll"]}})
    assert admin.delete("/roles/payroll").status_code == 409
    admin.post("/roles", json={"name": "coach", "permissions": []})
    admin.put("/users/settings", json={"fields": {"goal": {"type": "string", "writable_by": ["coach"]}}})
    assert admin.delete("/roles/coach").status_code == 409


PROFILE = {
    "team": {"type": "string", "max_length": 5},
    "level": {"type": "integer", "min": 1},
    "budget": {"type": "decimal", "description": "What they may spend"},
    "nickname": {"type": "string", "writable_by": ["member"]},
}


@pytest.fixture
def profiles(admin):
    """Accounts have the fields of PROFILE."""
    response = admin.put("/users/settings", json={"fields": PROFILE})
    assert response.status_code == 200, response.json


def test_admins_set_profiles(profiles, admin, alice):
    values = {"team": "red", "level": 2, "budget": "1.5"}
    path = f"/users/{alice.id}"
    assert admin.patch(path, json={"profile": values}).json["data"]["profile"] == values | {"budget": "1.50"}
    assert admin.patch(path, json={"profile": {"level": None}}).json["data"]["profile"] == {
        "team": "red",
        "budget": "1.50",
    }
    assert alice.get("/auth/me").json["data"]["profile"] == {"team": "red", "budget": "1.50"}
    assert admin.get("/users?email=alice@example.com").json["data"][0]["profile"]["team"] == "red"
    account = {"email": "carol@example.com", "name": "Carol", "password": "correct horse battery"}
    assert admin.post("/users", json=account | {"profile": {"team": "blue"}}).json["data"]["profile"] == {
        "team": "blue"
    }
    assert admin.put(path, json={"email": alice.email, "name": "A"}).json["data"]["profile"] == {}


def test_refuses_values_that_a_profile_does_not_take(profiles, admin, alice):
    path = f"/users/{alice.id}"
    for wrong in ({"team": "purple"}, {"level": 0}, {"level": "2"}, {"nope": 1}, {"roles": ["admin"]}):
        errors = problems(admin.patch(path, json={"profile": wrong}))
        assert list(errors["profile"]) == list(wrong)
    assert admin.get(path).json["data"]["profile"] == {}


def test_people_set_only_those_values_of_their_profile_that_say_so(profiles, admin, alice):
    answer = alice.patch("/auth/me", json={"profile": {"nickname": "Al"}})
    assert answer.json["data"]["profile"] == {"nickname": "Al"}
    for name in ("team", "level"):
        errors = problems(alice.patch("/auth/me", json={"name": "Eve", "profile": {"nickname": "E", name: 1}}))
        assert errors == {"profile": {name: ["You may not set this field."]}}
    assert alice.get("/auth/me").json["data"]["profile"] == {"nickname": "Al"}
    account = {"email": "eve@example.com", "name": "Eve", "password": "correct horse battery"}
    assert alice.post("/auth/register", json=account | {"profile": {"team": "red"}}).status_code == 422


def test_values_of_a_dropped_field_do_not_return_with_a_new_field_of_its_name(profiles, admin, alice):
    path = f"/users/{alice.id}"
    admin.patch(path, json={"profile": {"team": "red", "level": 2}})
    fewer = {name: kind for name, kind in PROFILE.items() if name != "team"}
    assert admin.put("/users/settings", json={"fields": fewer}).status_code == 409
    assert admin.put("/users/settings?confirm=true", json={"fields": fewer}).status_code == 200
    assert admin.put("/users/settings", json={"fields": PROFILE}).status_code == 200
    assert admin.get(path).json["data"]["profile"] == {"level": 2}


@ON_SQLITE
def test_refuses_profile_fields_that_make_no_sense(profiles, admin, alice):
    admin.patch(f"/users/{alice.id}", json={"profile": {"team": "red"}})
    wrong = {
        "id": {"type": "string"},
        "roles": {"type": "string"},
        "Team": {"type": "string"},
        "a": {"type": "nope"},
        "b": {"type": "string", "required": True},
        "c": {"type": "reference", "to": "notes"},
        "d": {"type": "string", "writable_by": ["nobody"]},
        "e": {"type": "string", "readable_by": ["editor"]},
    }
    for name, declaration in wrong.items():
        errors = problems(admin.put("/users/settings", json={"fields": PROFILE | {name: declaration}}))
        assert list(errors["fields"]) == [name]
    for declaration in ({"type": "integer"}, {"type": "string", "max_length": 2}):
        assert admin.put("/users/settings", json={"fields": PROFILE | {"team": declaration}}).status_code == 409
    assert admin.get("/users/settings").json["data"]["fields"] == PROFILE


def test_the_settings_of_users_need_a_permission_and_leave_a_trace(profiles, admin, alice, stranger):
    for person, status in ((stranger, 401), (alice, 403)):
        assert person.get("/users/settings").status_code == status
        assert person.put("/users/settings", json={"fields": {}}).status_code == status
    assert admin.get("/users/settings").json["data"]["fields"] == PROFILE
    (entry,) = admin.get("/audit?action=user_settings.update").json["data"]
    assert sorted(entry["details"]["after"]) == sorted(PROFILE)


def test_files_hold_profile_fields_and_rules(app, admin, tmp_path):
    file = tmp_path / "resources.yml"
    file.write_text(
        "users: {fields: {team: {type: string}}}\n"
        "resources:\n  notes:\n    fields: {team: {type: string}}\n"
        "    access: {list: [{role: member, where: {team: $user.team}}]}\n"
    )
    for expected in (["changed users", "created notes"], ["unchanged users", "unchanged notes"]):
        result = app.test_cli_runner().invoke(args=["resources", "apply", str(file)])
        assert result.output.split("\n")[:2] == expected
    exported = app.test_cli_runner().invoke(args=["resources", "export"]).output
    assert "team: $user.team" in exported
    assert exported.startswith("users:")
