"""Links to records that the caller may not read: left out of every answer, kept by every write."""

import json

import pytest

from tests.helpers import PUBLIC, details_of, load, outcome
from tests.parts.changes import Follower

TAGS = {"name": {"type": "string", "unique": True}, "team": {"type": "string"}, "owner": {"type": "uuid"}}
NOT_SECRET = {"role": "public", "where": {"team": {"ne": "secret"}}}
TASKS = {"title": {"type": "string"}, "tags": {"type": "references", "to": "tags"}}


@pytest.fixture
def tags(admin):
    """Declare tags, of which x and y are for admins, and tasks with tags; return ids of tags by name."""
    admin.declare("tags", TAGS, access=PUBLIC | {"read": [NOT_SECRET]})
    admin.declare("tasks", TASKS, access=PUBLIC, history=True, feed=True)
    teams = dict.fromkeys("abc", "open") | dict.fromkeys("xy", "secret")
    return {name: admin.make("tags", name=name, team=team)["id"] for name, team in teams.items()}


def names(tags, ids):
    """Return the names of tags as one text."""
    by_id = {tag: name for name, tag in tags.items()}
    return "".join(by_id[each] for each in ids)


def test_every_answer_leaves_them_out(tags, admin, alice, stranger):
    follower = Follower(alice, "tasks", data="true")
    task = admin.make("tasks", title="t", tags=[tags[name] for name in "xayb"])
    path = f"/tasks/{task['id']}"
    answers = [
        alice.get(path).json["data"],
        alice.get("/tasks").json["data"][0],
        stranger.get("/tasks?fields=tags").json["data"][0],
        json.loads(alice.get("/tasks/export?format=ndjson").data),
        alice.patch(path, json={"title": "u"}).json["data"],
        alice.patch(path, json={"tags": {"remove": [tags["c"]]}}).json["data"],
        alice.put(path, json={"title": "u", "tags": [tags["a"], tags["b"]]}).json["data"],
    ]
    operation = {"op": "update", "resource": "tasks", "id": task["id"], "data": {"title": "v"}}
    answers += [each["data"] for each in alice.post("/batch", json={"operations": [operation]}).json["data"]]
    changes = follower.read(4)
    assert "tags" not in [name for change in changes for name in change["fields"]]
    answers += [change["data"] for change in changes]
    assert [names(tags, each["tags"]) for each in answers] == ["ab"] * len(answers)
    assert alice.get("/tasks/export?fields=tags").data.decode("utf-8-sig").split() == [
        "tags",
        f"{tags['a']}|{tags['b']}",
    ]
    assert names(tags, admin.get(path).json["data"]["tags"]) == "xayb"


def test_writes_keep_them_in_their_places(tags, admin, alice):
    path = f"/tasks/{admin.make('tasks')['id']}"

    def after(method, change, before="xaybc"):
        admin.patch(path, json={"tags": [tags[name] for name in before]})
        answer = alice.send(method, path, json=change)
        assert answer.status_code == 200, answer.json
        return names(tags, answer.json["data"]["tags"]), names(tags, admin.get(path).json["data"]["tags"])

    a, b, c = (tags[name] for name in "abc")
    assert after("PUT", {"tags": [c, a]}) == ("ca", "xcya")
    assert after("PATCH", {"tags": [b, a, c]}) == ("bac", "xbyac")
    assert after("PUT", {"title": "nothing"}) == ("", "xy")
    assert after("PATCH", {"tags": {"add": [c, a], "remove": [b]}}, "xayb") == ("ac", "xayc")
    assert after("PATCH", {"tags": {"add": [b]}}, "ya") == ("ab", "yab")
    assert after("PATCH", {"tags": {"remove": [tags["x"], a]}}) == ("bc", "xbyc")


def test_they_cannot_be_added_nor_guessed(tags, admin, alice):
    with_x, without = admin.make("tasks", tags=[tags["x"]]), admin.make("tasks")
    nobody = "00000000-0000-7000-8000-000000000000"
    for task in (with_x, without):
        path = f"/tasks/{task['id']}"
        for change in ([tags["x"]], {"add": [tags["x"]]}, [nobody], {"add": [nobody]}):
            answer = alice.patch(path, json={"tags": change})
            assert details_of(answer)["json"] == {"tags": ["There is no such record of tags."]}
        for change in ({"remove": [tags["x"]]}, []):
            answer = alice.patch(path, json={"tags": change})
            assert (answer.json["data"]["tags"], answer.json["data"]["version"]) == ([], 1)
    rows = f"tags\n{tags['x']}\n"
    assert "There is no record of tags" in details_of(load(alice, rows, resource="tasks"))["rows"]["2"][0]
    assert load(alice, "tags_name\nx\n", resource="tasks").status_code == 422
    content = f"id,tags\n{with_x['id']},{tags['a']}\n{without['id']},\n"
    assert outcome(load(alice, content, resource="tasks", mode="upsert", key="id")) == (2, 0, 2, 0)
    assert names(tags, admin.get(f"/tasks/{with_x['id']}").json["data"]["tags"]) == "xa"


def test_a_list_has_as_many_as_the_caller_sees(tags, admin, alice):
    fields = {"tags": {"type": "references", "to": "tags", "max": 2, "required": True}}
    admin.declare("boards", fields, access=PUBLIC)
    path = f"/boards/{admin.make('boards', tags=[tags['x'], tags['a']])['id']}"
    a, b, c = (tags[name] for name in "abc")
    assert details_of(alice.patch(path, json={"tags": {"remove": [a]}}))["json"] == {
        "tags": ["At least one is required."]
    }
    assert alice.patch(path, json={"tags": {"add": [b]}}).json["data"]["tags"] == [a, b]
    assert details_of(alice.patch(path, json={"tags": {"add": [c]}}))["json"] == {"tags": ["At most 2."]}
    assert names(tags, admin.get(path).json["data"]["tags"]) == "xab"


def test_without_a_grant_to_read_the_target_the_list_is_empty(tags, admin, alice):
    admin.put("/resources/tags", json={"fields": TAGS, "access": {"list": ["public"]}})
    task = admin.make("tasks", tags=[tags["a"]])
    assert alice.get(f"/tasks/{task['id']}").json["data"]["tags"] == []
    assert alice.get("/tasks").json["data"][0]["tags"] == []
    assert alice.patch(f"/tasks/{task['id']}", json={"tags": [tags["a"]]}).status_code == 422
    assert alice.put(f"/tasks/{task['id']}", json={"tags": []}).json["data"]["tags"] == []
    assert admin.get(f"/tasks/{task['id']}").json["data"]["tags"] == [tags["a"]]


def test_what_is_shown_follows_the_grants_at_once(tags, admin, alice, bob):
    mine = {"role": "member", "where": {"owner": "$user.id"}}
    admin.put("/resources/tags", json={"fields": TAGS, "access": PUBLIC | {"read": [mine]}})
    for name, person in (("a", alice), ("b", bob)):
        admin.patch(f"/tags/{tags[name]}", json={"owner": person.id})
    path = f"/tasks/{admin.make('tasks', tags=[tags['a'], tags['b']])['id']}"
    seen = [names(tags, each.get(path).json["data"]["tags"]) for each in (alice, bob, admin)]
    assert seen == ["a", "b", "ab"]
    tag = alice.get(path).headers["ETag"]
    admin.patch(f"/tags/{tags['b']}", json={"owner": alice.id})
    # The version of the task is the same, so the ETag cannot say what the caller sees now.
    again = alice.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, names(tags, again.json["data"]["tags"])) == (200, "ab")
    assert admin.get(path, headers={"If-None-Match": tag}).status_code == 304


def test_history_shows_the_ids_that_the_caller_may_read_today(tags, admin, alice):
    path = f"/tasks/{admin.make('tasks', title='t', tags=[tags['x'], tags['a']])['id']}"
    admin.patch(path, json={"tags": {"add": [tags["y"]]}})
    admin.patch(path, json={"tags": {"remove": [tags["a"], tags["y"]], "add": [tags["b"]]}, "title": "u"})

    def seen(person):
        entries = person.get(f"{path}/history").json["data"]
        values = [each["changes"].get("tags") for each in entries]
        return [
            each and [each[part] if each[part] is None else names(tags, each[part]) for part in ("from", "to")]
            for each in values
        ]

    assert seen(admin) == [["xay", "xb"], ["xa", "xay"], [None, "xa"]]
    assert seen(alice) == [["a", "b"], None, [None, "a"]]
    admin.delete(f"/tags/{tags['a']}")
    assert seen(alice) == [["", "b"], None, [None, ""]]
    fields = {"title": TASKS["title"], "labels": TASKS["tags"] | {"renamed_from": "tags"}}
    answer = admin.put("/resources/tasks", json={"fields": fields, "access": PUBLIC, "history": True})
    assert answer.status_code == 200, answer.json
    admin.put("/resources/tags", json={"name": "marks", "fields": TAGS, "access": PUBLIC, "renamed_from": "tags"})
    assert seen(alice) == [["xay", "xb"], ["xa", "xay"], [None, "xa"]]
    admin.put("/resources/marks", json={"fields": TAGS, "access": PUBLIC | {"read": []}})
    assert seen(alice) == [None, None, [None, ""]]
