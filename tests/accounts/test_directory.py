"""The directory: which callers see which users, and what of them."""

import hashlib
import json
import re

import pytest
import yaml

from backend.models.api_key import ApiKey
from backend.models.database import database
from backend.models.user import User
from tests.conftest import ON_SQLITE, PASSWORD, Person
from tests.helpers import details_of

PROFILE = {
    "team": {"type": "string"},
    "level": {"type": "integer"},
    "rate": {"type": "decimal", "scale": 2},
    "since": {"type": "date"},
    "seen": {"type": "datetime"},
    "remote": {"type": "boolean"},
    "weight": {"type": "number"},
    "notes": {"type": "json"},
    "begins": {"type": "time"},
    "skills": {"type": "list", "of": "string"},
    "key": {"type": "string"},  # also the name of a parameter
}
SHOWN = [name for name in PROFILE if name != "key"]


def change(admin, fields, directory):
    """Change the settings of users, and return the answer's data."""
    answer = admin.put("/users/settings", json={"fields": fields, "directory": directory})
    assert answer.status_code == 200, answer.json
    return answer.json["data"]


def seen(person, query=""):
    answer = person.get(f"/directory{query}")
    assert answer.status_code == 200, answer.json
    return answer.json["data"]


def names(person, query):
    return [each["name"] for each in seen(person, query)]


def give(admin, name, **profile):
    (user,) = admin.get(f"/users?email={name}@example.com").json["data"]
    assert admin.patch(f"/users/{user['id']}", json={"profile": profile}).status_code == 200
    return user["id"]


def test_members_see_the_names_of_active_users_unless_the_settings_say_otherwise(admin, alice, stranger):
    assert admin.get("/users/settings").json["data"] == {
        "fields": {},
        "directory": {"roles": ["member"], "fields": ["name"]},
    }
    zoe = {"email": "zoe@example.com", "name": "Zoe", "active": False, "password": PASSWORD}
    assert admin.post("/users", json=zoe).status_code == 201
    people = seen(alice, "?sort=name")
    assert [each["name"] for each in people] == ["Admin", "Alice", "Bob", "Edith"]
    assert {tuple(each) for each in people} == {("id", "name")}
    assert seen(admin, "?sort=name") == people
    assert stranger.get("/directory").status_code == 401


def test_the_list_has_the_parameters_of_lists(admin, alice):
    assert names(alice, "?sort=-name&per_page=2&fields=name") == ["Edith", "Bob"]
    answer = alice.get("/directory?sort=name&per_page=3").json
    assert answer["meta"]["total"] == 4
    cursor = answer["meta"]["next_cursor"]
    assert names(alice, f"?sort=name&per_page=3&cursor={cursor}") == ["Edith"]
    assert names(alice, "?q=B%20oB") == names(alice, "?name=Bob") == names(alice, "?name__startswith=B") == ["Bob"]
    assert names(alice, "?q=i&sort=name") == ["Admin", "Alice", "Edith"]
    assert names(alice, "?q=i%20x") == names(alice, "?q=%25") == names(alice, "?q=example") == []
    assert len(names(alice, "?q=%20")) == 4


@pytest.mark.parametrize("query", ["email=a", "email__contains=a", "active=true", "sort=email", "fields=email", "x=1"])
def test_what_is_not_shown_is_unknown(admin, alice, query):
    for person in (alice, admin):
        answer = person.get(f"/directory?{query}")
        assert answer.status_code == 422
        assert list(details_of(answer)["query"]) == [query.split("=")[0]]


def test_shown_profile_fields_filter_and_sort_by_their_types(admin, alice):
    change(admin, PROFILE, {"fields": ["name", *SHOWN]})
    notes = {"a": [1, None, "ü"]}
    values = {"level": 10, "rate": "10.50", "since": "2026-01-31", "remote": True, "weight": 2, "notes": notes}
    values |= {"begins": "09:30:00", "skills": ["sql", "ü"]}
    give(admin, "alice", team="Red", seen="2026-01-01T02:00:00+02:00", **values)
    give(admin, "bob", team="blue", level=9, rate="-0.05", since="2025-12-31", seen="2026-01-01T00:00:01Z")
    found = seen(alice, "?name=Alice")[0]
    moment = "2026-01-01T00:00:00.000000Z"
    assert {name: found[name] for name in SHOWN} == values | {"team": "Red", "weight": 2.0, "seen": moment}
    assert seen(alice, "?name=Edith")[0] | dict.fromkeys(("id", "name")) == dict.fromkeys(("id", "name", *SHOWN))
    both = {"level": "9", "rate": "-0.05", "since": "2025-12-31", "team__in": "blue", "remote__isnull": "true"}
    for name, value in both.items():
        assert names(alice, f"?{name}={value}&name__in=Alice,Bob") == ["Bob"], name
    for name in ("level", "rate", "since"):
        assert names(alice, f"?sort={name}&name__in=Alice,Bob,Edith") == ["Bob", "Alice", "Edith"], name
        answer = alice.get(f"/directory?sort=-{name}&per_page=1&name__in=Alice,Bob").json
        cursor = answer["meta"]["next_cursor"]
        assert names(alice, f"?sort=-{name}&per_page=1&name__in=Alice,Bob&cursor={cursor}") == ["Bob"], name
    assert names(alice, "?sort=seen&per_page=2") == ["Alice", "Bob"]
    assert names(alice, "?level__gte=10") == names(alice, "?rate__gt=9.99") == names(alice, "?q=RED") == ["Alice"]
    assert names(alice, "?remote=true") == names(alice, "?weight__lt=2.5") == ["Alice"]
    assert names(alice, "?skills__has=ü") == names(alice, "?begins__lte=09:30") == ["Alice"]
    assert names(alice, "?skills__has=js") == []
    assert alice.get("/directory?sort=notes").status_code == 422


def test_refused_settings_change_nothing(admin):
    before = admin.get("/users/settings").json["data"]
    wrong = [
        ({"roles": ["nobody"]}, "roles"),
        ({"roles": ["public"]}, "roles"),
        ({"fields": ["password_hash"]}, "fields"),
        ({"fields": ["active"]}, "fields"),
        ({"fields": ["key"]}, "fields"),
        ({"fields": ["name", "name"]}, "fields"),
        ({"fields": "name"}, "fields"),
        ({"roles": [1]}, "roles"),
        ({"role": []}, "role"),
    ]
    for directory, part in wrong:
        answer = admin.put("/users/settings", json={"fields": PROFILE, "directory": directory})
        assert answer.status_code == 422, directory
        (details,) = details_of(answer).values()
        assert list(details["directory"]) == [part]
    assert admin.get("/users/settings").json["data"] == before


def test_the_directory_stays_if_only_fields_are_sent_and_names_only_what_exists(admin):
    shown = {"roles": ["editor", "clerk"], "fields": ["team"]}
    admin.post("/roles", json={"name": "clerk", "permissions": []})
    team = {"team": {"type": "string"}}
    assert change(admin, team, shown) == {"fields": team, "directory": shown}
    answer = admin.put("/users/settings", json={"fields": team | {"level": {"type": "integer"}}})
    assert answer.json["data"]["directory"] == shown
    assert "fields" in details_of(admin.put("/users/settings", json={"fields": {}}))["json"]["directory"]
    assert admin.delete("/roles/clerk").status_code == 409
    trail = admin.get("/audit?action=directory.update").json["data"]
    assert [each["details"]["after"] for each in trail] == [shown]


# Who sees bob, to whom a task refers: in the list, and with `expand`. Who may refer to him, and to themselves.
# `key` is an API key of alice, `other` one of edith that has only the role editor.
TABLE = """
stranger  {}                                     401  null               422  -
alice     {}                                     200  ["name"]           201  201
key       {}                                     200  ["name"]           201  201
other     {}                                     403  null               422  201
admin     {}                                     200  ["name"]           201  201
alice     {"roles": ["editor"]}                  403  null               422  201
edith     {"roles": ["editor"]}                  200  ["name"]           201  201
key       {"roles": ["editor"]}                  403  null               422  201
other     {"roles": ["editor"]}                  200  ["name"]           201  201
admin     {"roles": ["editor"]}                  200  ["name"]           201  201
alice     {"roles": []}                          403  null               422  201
edith     {"roles": []}                          403  null               422  201
admin     {"roles": []}                          200  ["name"]           201  201
stranger  {"roles": []}                          401  null               422  -
alice     {"fields": []}                         200  []                 201  201
admin     {"fields": []}                         200  []                 201  201
alice     {"fields": ["email"]}                  200  ["email"]          201  201
edith     {"fields": ["name", "team"]}           200  ["name", "team"]   201  201
"""


@pytest.fixture
def callers(app, admin):
    """The people by name, and what each sends as `headers` if it is an API key."""
    people = {name: Person(app, name) for name in ("admin", "alice", "edith")} | {"stranger": Person(app)}
    for name, owner, roles in (("key", "alice", ["member"]), ("other", "edith", ["editor"])):
        people[name] = person = Person(app, owner)
        with app.app_context(), database.connection_context():
            secret, user = f"ldr_{name}".ljust(40, "x"), User.by_email(person.email)
            digest = hashlib.sha256(secret.encode()).hexdigest()
            ApiKey.create(user_id=user.id, name=name, hint="ldr_", key_hash=digest, roles=roles)
        person._token = secret
    return people


def test_every_caller_sees_what_the_table_says(admin, callers):
    access = {action: ["public"] for action in ("list", "read", "create")}
    assignee = {"type": "reference", "to": "users", "on_delete": "cascade"}
    admin.declare("tasks", {"assignee": assignee}, access=access)
    change(admin, {"team": {"type": "string"}}, {})
    ids = {name: give(admin, name, team="red") for name in ("admin", "alice", "edith", "bob")}
    ids |= {"key": ids["alice"], "other": ids["edith"]}
    task = admin.make("tasks", assignee=ids["bob"])
    values = {"name": "Bob", "email": "bob@example.com", "team": "red"}
    for line in TABLE.strip().splitlines():
        name, directory, status, shown, to_bob, to_self = re.split("  +", line)
        change(admin, {"team": {"type": "string"}}, json.loads(directory))
        person, fields = callers[name], json.loads(shown)
        expected = None if fields is None else {"id": ids["bob"]} | {each: values[each] for each in fields}
        listed = person.get("/directory")
        assert listed.status_code == int(status), line
        if status == "200":
            assert [each for each in listed.json["data"] if each["id"] == ids["bob"]] == [expected], line
        for path in ("/tasks?expand=assignee", f"/tasks/{task['id']}?expand=assignee"):
            data = person.get(path).json["data"]
            record = data if isinstance(data, dict) else next(each for each in data if each["id"] == task["id"])
            assert record["expand"] == {"assignee": expected}, line
        for value, wanted in ((ids["bob"], to_bob), (ids.get(name), to_self)):
            if wanted != "-":
                assert str(person.post("/tasks", json={"assignee": value}).status_code) == wanted, line


def test_conditions_reach_only_what_the_directory_shows(admin, callers):
    access = {action: ["public"] for action in ("list", "read")}
    admin.declare("tasks", {"assignee": {"type": "reference", "to": "users"}}, access=access)
    change(admin, {"team": {"type": "string"}}, {"fields": ["team"]})
    ids = {name: give(admin, name, team=team) for name, team in (("alice", "red"), ("bob", "red"), ("edith", "blue"))}
    for each in ids.values():
        admin.make("tasks", assignee=each)

    def found(name, where):
        answer = callers[name].get("/tasks", query_string={"where": json.dumps(where)})
        if answer.status_code != 200:
            return answer.status_code
        return sorted(name for task in answer.json["data"] for name in ids if ids[name] == task["assignee"])

    assert found("key", {"assignee.team": "red"}) == found("admin", {"assignee.team": "red"}) == ["alice", "bob"]
    assert [each["id"] for each in seen(callers["alice"], "?team=red&sort=id")] == [ids["alice"], ids["bob"]]
    for where in ({"assignee.name": "Bob"}, {"assignee.email__contains": "b"}, {"assignee.email": {"contains": "b"}}):
        assert found("alice", where) == found("admin", where) == 422
    assert callers["admin"].get("/tasks?expand=assignee&expand.assignee.fields=email").status_code == 422
    assert found("stranger", {"assignee.team": "red"}) == 422
    change(admin, {"team": {"type": "string"}}, {"roles": ["editor"], "fields": ["team"]})
    assert found("alice", {"assignee.team": {"in": ["red", "blue"]}}) == ["alice"]
    assert found("other", {"assignee.team": {"in": ["red", "blue"]}}) == ["alice", "bob", "edith"]
    admin.patch(f"/users/{ids['bob']}", json={"active": False})
    assert found("other", {"assignee.team": {"in": ["red", "blue"]}}) == ["alice", "edith"]


def _references(part):
    """Yield what each `$ref` in a part of the document refers to."""
    if isinstance(part, dict):
        yield from [part["$ref"]] if isinstance(part.get("$ref"), str) else []
    if isinstance(part, dict | list):
        for each in part.values() if isinstance(part, dict) else part:
            yield from _references(each)


def _target(document, reference):
    for name in reference.removeprefix("#/").split("/"):
        document = document.get(name, {})
    return document


@ON_SQLITE
def test_the_document_has_what_the_directory_shows(admin, alice, stranger):
    admin.declare("tasks", {"assignee": {"type": "reference", "to": "users"}}, access={"read": ["public"]})
    for fields in (["name"], ["team", "email"]):
        change(admin, {"team": {"type": "string"}}, {"fields": fields})
        for person in (admin, stranger):
            document = person.get("http://localhost/openapi.json").json
            assert set(document["components"]["schemas"]["DirectoryUser"]["properties"]) == {"id", *fields}
            parameters = {each["name"] for each in document["paths"]["/api/v1/directory"]["get"]["parameters"]}
            assert {"q", "sort", "cursor", *fields} <= parameters
            assert not [each for each in _references(document) if not _target(document, each)]
            assert ("email" in parameters) == ("email" in fields)
            expanded = document["components"]["schemas"]["Task"]["properties"]["expand"]["properties"]
            assert expanded["assignee"]["anyOf"][0] == {"$ref": "#/components/schemas/DirectoryUser"}


def test_files_declare_and_export_the_directory(app, admin, tmp_path):
    file, runner = tmp_path / "users.yml", app.test_cli_runner()
    file.write_text("users: {directory: {roles: [editor], fields: [name, team]}, fields: {team: {type: string}}}")
    plan = runner.invoke(args=["resources", "plan", str(file)]).output
    assert "Show users to editor, with name, team." in plan
    assert runner.invoke(args=["resources", "apply", str(file)]).exit_code == 0
    shown = {"roles": ["editor"], "fields": ["name", "team"]}
    assert admin.get("/users/settings").json["data"]["directory"] == shown
    exported = yaml.safe_load(runner.invoke(args=["resources", "export"]).output)
    assert exported["users"] == {"fields": {"team": {"type": "string"}}, "directory": shown}
    assert "unchanged" in runner.invoke(args=["resources", "apply", str(file)]).output
    file.write_text("users: {directory: {roles: [nobody]}}")
    assert "There is no nobody" in runner.invoke(args=["resources", "apply", str(file)]).output
    file.write_text("users: {directory: {roles: []}}")
    assert "Show users to no role but admin, with name." in runner.invoke(args=["resources", "plan", str(file)]).output
