"""References to users: who may be referred to, what `expand` shows, and what the deletion of a user does."""

import pytest

from tests.conftest import Person
from tests.helpers import OPEN, UNKNOWN_ID, details_of, load, outcome

TITLE, ASSIGNEE = {"type": "string"}, {"type": "reference", "to": "users", "on_delete": "set_null"}


@pytest.fixture
def people(admin):
    """Ids by name, of the cast and of Zoe, who is not active."""
    listed = admin.get("/users").json["data"]
    zoe = {"email": "zoe@example.com", "name": "Zoe", "active": False}
    ids = {user["name"].lower(): user["id"] for user in listed}
    return ids | {"zoe": admin.post("/users", json=zoe | {"password": "correct horse battery"}).json["data"]["id"]}


@pytest.fixture
def tasks(admin):
    """Declares tasks, which have an assignee, with history."""
    admin.declare("tasks", {"title": TITLE, "assignee": ASSIGNEE}, access=OPEN, history=True)


def refused(answer):
    """Return the error of `assignee` in a 422."""
    assert answer.status_code == 422, answer.json
    return details_of(answer)["json"]["assignee"]


def test_a_member_refers_to_any_active_user(tasks, people, alice, admin):
    for name in ("alice", "bob", "admin"):
        assert alice.make("tasks", title=name, assignee=people[name])["assignee"] == people[name]
    for person in (alice, admin):
        for value in (people["zoe"], UNKNOWN_ID):
            assert refused(person.post("/tasks", json={"assignee": value})) == ["There is no such record of users."]
    assert len(alice.get("/tasks").json["data"]) == 3
    assert [each["title"] for each in alice.get(f"/tasks?assignee={people['bob']}").json["data"]] == ["bob"]


def test_a_record_keeps_a_user_who_becomes_inactive(tasks, people, alice, admin):
    task = alice.make("tasks", title="Dig", assignee=people["bob"])
    admin.patch(f"/users/{people['bob']}", json={"active": False})
    path = f"/tasks/{task['id']}"
    assert alice.put(path, json={"title": "Dug", "assignee": people["bob"]}).json["data"]["version"] == 2
    assert alice.patch(path, json={"assignee": None}).status_code == 200
    assert alice.patch(path, json={"assignee": people["bob"]}).status_code == 422


def test_expand_shows_what_the_directory_shows(tasks, people, alice, admin):
    task = alice.make("tasks", title="Dig", assignee=people["bob"])
    free = alice.make("tasks", title="Rest")
    for person in (alice, admin):
        shown = {"id": people["bob"], "name": "Bob"}
        assert person.get(f"/tasks/{task['id']}?expand=assignee").json["data"]["expand"] == {"assignee": shown}
        assert person.get(f"/tasks/{free['id']}?expand=assignee").json["data"]["expand"] == {"assignee": None}
    tasks_of = alice.get("/tasks?expand=assignee.tasks&sort=title").json["data"][0]["expand"]["assignee"]["expand"]
    assert [each["id"] for each in tasks_of["tasks"]["data"]] == [task["id"]]
    admin.patch(f"/users/{people['bob']}", json={"active": False})
    assert alice.get("/tasks?expand=assignee&sort=title").json["data"][0]["expand"]["assignee"] == shown


def test_deleting_a_user_settles_the_references_to_them(admin, alice, people):
    rest = {"access": OPEN, "history": True}
    for name, on_delete in (("kept", "set_null"), ("gone", "cascade")):
        field = ASSIGNEE | {"on_delete": on_delete}
        admin.declare(name, {"title": TITLE, "assignee": field, "boss": ASSIGNEE}, search=["title"], **rest)
    admin.declare("notes", {"gone": {"type": "reference", "to": "gone", "on_delete": "cascade"}}, **rest)
    kept = alice.make("kept", title="x", assignee=people["bob"], boss=people["alice"])
    gone = alice.make("gone", title="y", assignee=people["bob"])
    other = alice.make("gone", title="y", assignee=people["alice"])
    note = alice.make("notes", gone=gone["id"])
    assert admin.delete(f"/users/{people['bob']}").status_code == 200
    after = alice.get(f"/kept/{kept['id']}").json["data"]
    assert (after["assignee"], after["boss"], after["version"]) == (None, people["alice"], 2)
    change = {"from": people["bob"], "to": None}
    assert alice.get(f"/kept/{kept['id']}/history").json["data"][0]["changes"]["assignee"] == change
    assert alice.get(f"/notes/{note['id']}").status_code == 404
    assert [each["id"] for each in alice.get("/gone?q=y").json["data"]] == [other["id"]]


def test_a_deleted_user_leaves_lists_of_users(admin, alice, people):
    team = {"type": "references", "to": "users"}
    admin.declare("tasks", {"title": TITLE, "team": team}, access=OPEN, history=True)
    task = alice.make("tasks", team=[people["bob"], people["alice"]])
    (expanded,) = alice.get("/tasks?expand=team").json["data"]
    assert [each["name"] for each in expanded["expand"]["team"]] == ["Bob", "Alice"]
    assert alice.post("/tasks", json={"team": [people["zoe"]]}).status_code == 422
    assert admin.delete(f"/users/{people['bob']}").status_code == 200
    after = alice.get(f"/tasks/{task['id']}").json["data"]
    assert (after["team"], after["version"]) == ([people["alice"]], 2)


def test_restrict_refuses_to_delete_a_user_and_names_what_the_actor_may_see(admin, people, app):
    field = ASSIGNEE | {"on_delete": "restrict"}
    admin.declare("tasks", {"assignee": field}, access={"create": ["member"]})
    admin.make("tasks", assignee=people["bob"])
    admin.post("/roles", json={"name": "clerk", "permissions": ["users:read", "users:write"]})
    admin.patch(f"/users/{people['edith']}", json={"roles": ["editor", "clerk"]})
    for person, what in ((admin, "tasks"), (Person(app, "edith"), "other records")):
        answer = person.delete(f"/users/{people['bob']}")
        assert (answer.status_code, answer.json["error"]["message"]) == (
            409,
            f"The user is still referenced by {what}.",
        )
    assert admin.get(f"/users/{people['bob']}").status_code == 200
    (task,) = admin.get("/tasks").json["data"]
    admin.delete(f"/tasks/{task['id']}")
    assert admin.delete(f"/users/{people['bob']}").status_code == 200


def test_rows_are_imported_by_id_and_by_address(tasks, people, alice, admin):
    ids = f"title,assignee\na,{people['bob']}\nb,\n"
    assert outcome(load(alice, ids, resource="tasks")) == (2, 2, 0, 0)
    by_address = "title,assignee_email\nc,Bob@Example.com\n"
    assert outcome(load(admin, by_address, resource="tasks")) == (1, 1, 0, 0)
    answer = load(alice, by_address, resource="tasks")
    assert answer.status_code == 422
    assert "assignee_email" in answer.json["error"]["message"]
    wrong = load(admin, "title,assignee_email\nd,zoe@example.com\ne,no@example.com\n", resource="tasks")
    assert details_of(wrong)["rows"] == {
        line: [f"assignee: There is no record of users with the email {name}@example.com."]
        for line, name in (("2", "zoe"), ("3", "no"))
    }
    exported = alice.get("/tasks/export?fields=title,assignee&sort=title").text.split()
    assert [line.strip("\ufeff") for line in exported[1:]] == [f"a,{people['bob']}", "b,", f"c,{people['bob']}"]


def test_a_file_keeps_a_user_who_has_become_inactive(tasks, people, alice, admin):
    tasks = [alice.make("tasks", title=name, assignee=people[name]) for name in ("bob", "alice")]
    admin.patch(f"/users/{people['bob']}", json={"active": False})
    exported = alice.get("/tasks/export?fields=id,assignee").text.replace(",", ",New,").replace("id,New", "id,title")
    assert outcome(load(alice, exported, resource="tasks", mode="upsert", key="id")) == (2, 0, 2, 0)
    after = alice.get("/tasks?sort=id").json["data"]
    assert [(each["title"], each["assignee"]) for each in after] == [
        ("New", people["bob"]),
        ("New", people["alice"]),
    ]
    moved = f"id,assignee\n{tasks[1]['id']},{people['bob']}\n"
    answer = load(alice, moved, resource="tasks", mode="upsert", key="id")
    assert details_of(answer)["rows"] == {"2": [f"assignee: There is no record of users with the id {people['bob']}."]}


def test_records_move_to_where_users_have_other_ids(people, admin, app, tmp_path):
    team = {"type": "references", "to": "users"}
    admin.declare("tasks", {"title": TITLE, "assignee": ASSIGNEE, "team": team}, access=OPEN)
    members = [people["bob"], people["alice"]]
    admin.make("tasks", title="a", assignee=people["bob"], team=members)
    admin.make("tasks", title="b")
    runner = app.test_cli_runner()
    for name in ("tasks.csv", "tasks.ndjson"):
        file = tmp_path / name
        assert runner.invoke(args=["records", "export", "tasks", str(file), "--addresses"]).exit_code == 0
        assert people["bob"] not in file.read_text().replace(f"{people['admin']}", "")
        for task in admin.get("/tasks").json["data"]:
            admin.delete(f"/tasks/{task['id']}")
        done = runner.invoke(args=["records", "import", "tasks", str(file)])
        assert (done.exit_code, "2 written" in done.output) == (0, True), done.output
        found = [(each["assignee"], each["team"]) for each in admin.get("/tasks?sort=title").json["data"]]
        assert found == [(people["bob"], members), (None, [])]


def test_the_command_line_deletes_a_user(tasks, people, alice, app):
    alice.make("tasks", assignee=people["bob"])
    runner = app.test_cli_runner()
    assert runner.invoke(args=["users", "delete", "bob@example.com"], input="n\n").exit_code == 1
    done = runner.invoke(args=["users", "delete", "bob@example.com", "--yes"])
    assert (done.exit_code, done.output) == (0, "deleted bob@example.com\n")
    assert [(each["assignee"], each["version"]) for each in alice.get("/tasks").json["data"]] == [(None, 2)]
    assert runner.invoke(args=["users", "delete", "bob@example.com", "--yes"]).exit_code == 1


def test_records_that_the_user_owns_are_settled_before_those_that_refer_to_them(admin, people, alice, bob):
    field = ASSIGNEE | {"on_delete": "restrict"}
    admin.declare("tasks", {"assignee": field}, access=OPEN, on_owner_delete="cascade")
    bob.make("tasks", assignee=people["bob"])
    other = alice.make("tasks", assignee=people["bob"])
    assert admin.delete(f"/users/{people['bob']}").status_code == 409
    assert alice.get("/tasks").json["meta"]["total"] == 2
    alice.patch(f"/tasks/{other['id']}", json={"assignee": None})
    assert admin.delete(f"/users/{people['bob']}").status_code == 200
    assert [each["id"] for each in alice.get("/tasks").json["data"]] == [other["id"]]


def test_a_grant_compares_with_the_user(admin, people, alice, bob):
    mine = [{"role": "member", "where": {"assignee": "$user.id"}}]
    access = {"list": mine, "read": mine, "update": mine, "create": ["member"]}
    admin.declare("tasks", {"title": TITLE, "assignee": ASSIGNEE}, access=access)
    task = bob.make("tasks", title="Dig", assignee=people["alice"])
    assert [each["id"] for each in alice.get("/tasks").json["data"]] == [task["id"]]
    assert bob.get("/tasks").json["data"] == []
    assert alice.patch(f"/tasks/{task['id']}", json={"assignee": people["bob"]}).status_code == 403


def test_a_field_becomes_a_reference_to_users_and_ceases_to_be_one(admin, people):
    admin.declare("tasks", {"title": TITLE, "assignee": {"type": "uuid"}}, access=OPEN)
    task = admin.make("tasks", title="a", assignee=people["bob"])
    wrong = admin.make("tasks", title="b", assignee=UNKNOWN_ID)
    body = {"fields": {"title": TITLE, "assignee": ASSIGNEE}, "access": OPEN}
    plan = admin.post("/resources/tasks/plan", json=body).json["data"]
    assert not plan["possible"]
    assert [step["text"] for step in plan["steps"] if step["impossible"]] == [
        "Let assignee refer to users, which lacks the records that 1 record would refer to."
    ]
    assert admin.put("/resources/tasks", json=body).status_code == 409
    admin.delete(f"/tasks/{wrong['id']}")
    assert admin.put("/resources/tasks", json=body).status_code == 200
    renamed = {"title": TITLE, "owner": ASSIGNEE | {"renamed_from": ["assignee"], "on_delete": "cascade"}}
    assert admin.put("/resources/tasks", json=body | {"fields": renamed}).status_code == 200
    assert admin.get("/tasks").json["data"][0]["owner"] == people["bob"]
    assert (
        admin.put("/resources/tasks", json={"fields": {"title": TITLE, "owner": {"type": "uuid"}}}).status_code == 200
    )
    assert admin.delete(f"/users/{people['bob']}").status_code == 200
    assert admin.get(f"/tasks/{task['id']}").json["data"]["owner"] == people["bob"]
