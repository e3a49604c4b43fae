"""`references`: lists of ids in answers and writes, their order and versions, what a deletion does to them."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import ON_SQLITE, Person
from tests.helpers import NDJSON, PUBLIC, UNKNOWN_ID, details_of, load, outcome

TAGS = {"name": {"type": "string", "unique": True}}
TASKS = {"title": {"type": "string"}, "tags": {"type": "references", "to": "tags", "max": 4}}


@pytest.fixture
def tags(admin):
    """Declare tags, and tasks with tags; return ids of tags by name."""
    admin.declare("tags", TAGS, access=PUBLIC)
    admin.declare("tasks", TASKS, access=PUBLIC, history=True)
    return {name: admin.make("tags", name=name)["id"] for name in "abcdef"}


def state(person, task):
    """Return (tags, version) of a task."""
    data = person.get(f"/tasks/{task['id']}").json["data"]
    return data["tags"], data["version"]


def refused(answer):
    assert answer.status_code == 422, answer.json
    return details_of(answer)["json"]["tags"]


def test_a_list_is_written_whole_and_read_in_its_order(tags, alice):
    a, b, c = tags["a"], tags["b"], tags["c"]
    task = alice.make("tasks", title="t", tags=[b.upper(), a])
    assert (task["tags"], task["version"], alice.make("tasks", title="none")["tags"]) == ([b, a], 1, [])
    assert [each["tags"] for each in alice.get("/tasks?sort=title").json["data"]] == [[], [b, a]]
    changed = alice.patch(f"/tasks/{task['id']}", json={"tags": [c, b]}).json["data"]
    assert (changed["tags"], changed["title"], changed["version"]) == ([c, b], "t", 2)
    replaced = alice.put(f"/tasks/{task['id']}", json={"title": "u", "tags": [b, c]}).json["data"]
    assert (replaced["tags"], replaced["version"]) == ([b, c], 3)
    assert alice.put(f"/tasks/{task['id']}", json={"title": "u"}).json["data"]["tags"] == []


def test_a_change_adds_at_the_end_and_removes(tags, alice):
    a, b, c = tags["a"], tags["b"], tags["c"]
    path = f"/tasks/{alice.make('tasks', tags=[b, a])['id']}"
    added = alice.patch(path, json={"tags": {"add": [c, b]}}).json["data"]
    assert (added["tags"], added["version"]) == ([b, a, c], 2)
    removed = alice.patch(path, json={"tags": {"remove": [b, UNKNOWN_ID]}}).json["data"]
    assert (removed["tags"], removed["version"]) == ([a, c], 3)
    both = alice.patch(path, json={"tags": {"add": [b], "remove": [a]}, "title": "x"}).json["data"]
    assert (both["tags"], both["title"], both["version"]) == ([c, b], "x", 4)


def test_the_version_stays_if_nothing_changes(tags, alice):
    task = alice.make("tasks", tags=[tags["a"], tags["b"]])
    for same in ([tags["a"], tags["b"]], {"add": [tags["b"]]}, {"remove": [tags["c"]]}, {"add": [], "remove": []}):
        answer = alice.patch(f"/tasks/{task['id']}", json={"tags": same})
        assert (answer.status_code, answer.headers["ETag"]) == (200, '"1"'), same
        assert answer.json["data"] == task
    path, fresh = f"/tasks/{task['id']}", {"If-Match": '"1"'}
    assert alice.patch(path, json={"tags": []}, headers=fresh).headers["ETag"] == '"2"'
    assert alice.patch(path, json={"tags": {"add": [tags["a"]]}}, headers=fresh).status_code == 412
    assert state(alice, task) == ([], 2)
    assert alice.get(path, headers={"If-None-Match": '"2"'}).status_code == 304


def test_a_list_that_is_not_valid_changes_nothing(tags, alice):
    a, b = tags["a"], tags["b"]
    task = alice.make("tasks", title="t", tags=[a])
    path, many = f"/tasks/{task['id']}", [tags[name] for name in "abcde"]
    missing, repeated = ["There is no such record of tags."], ["Each record at most once."]
    for value, message in (
        ([b, UNKNOWN_ID], missing),
        ({"add": [UNKNOWN_ID]}, missing),
        ([b, b], repeated),
        ([b, b.upper()], repeated),
        ({"add": [b], "remove": [b]}, ["An id is both added and removed."]),
        ({}, ["Must be an array of ids, or an object with `add` and `remove`."]),
        ({"plus": [b]}, ["Must be an array of ids, or an object with `add` and `remove`."]),
        (many, ["Must have at most 4 values."]),
        ({"add": many}, ["At most 4."]),
        (b, ["Must be an array."]),
        (None, ["Must not be null."]),
    ):
        assert refused(alice.patch(path, json={"title": "u", "tags": value})) == message, value
    assert refused(alice.patch(path, json={"tags": ["x"]})) == {
        "0": ["Must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057."]
    }
    assert refused(alice.patch(path, json={"tags": {"add": [1]}})) == {
        "add": {"0": ["Must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057."]}
    }
    for value in ({"add": [b]}, [UNKNOWN_ID], None, many):
        assert alice.post("/tasks", json={"tags": value}).status_code == 422, value
        assert alice.put(path, json={"tags": value}).status_code == 422, value
    assert (state(alice, task), alice.get("/tasks").json["meta"]["total"]) == (([a], 1), 1)


def test_a_required_list_has_at_least_one(tags, admin, alice):
    admin.declare("boards", {"tags": {"type": "references", "to": "tags", "required": True}}, access=PUBLIC)
    assert refused(alice.post("/boards", json={})) == ["A value is required."]
    assert refused(alice.post("/boards", json={"tags": []})) == ["At least one is required."]
    path = f"/boards/{alice.make('boards', tags=[tags['a']])['id']}"
    for value in ([], {"remove": [tags["a"]]}):
        assert refused(alice.patch(path, json={"tags": value})) == ["At least one is required."]
    assert load(alice, f"tags\n{tags['a']}\n", resource="boards").status_code == 200
    assert load(alice, '{"tags": []}\n', NDJSON, "boards").status_code == 422


def test_a_deleted_target_takes_its_links_away(tags, alice):
    a, b, c = tags["a"], tags["b"], tags["c"]
    first, second = alice.make("tasks", tags=[a, b, c]), alice.make("tasks", tags=[c])
    alice.delete(f"/tags/{b}")
    assert (state(alice, first), state(alice, second)) == (([a, c], 2), ([c], 1))
    operations = [{"op": "delete", "resource": "tags", "id": each} for each in (a, c)]
    assert alice.post("/batch", json={"operations": operations}).status_code == 200
    assert (state(alice, first)[0], state(alice, second)) == ([], ([], 2))
    (last, *_) = alice.get(f"/tasks/{second['id']}/history").json["data"]
    assert (last["version"], last["changes"]) == (2, {"tags": {"from": [c], "to": []}})


def test_deletions_follow_links_and_references_together(tags, admin, alice):
    admin.declare("owners", {"name": {"type": "string"}}, access=PUBLIC)
    fields = {"owner": {"type": "reference", "to": "owners", "on_delete": "cascade"}}
    fields |= {"after": {"type": "references", "to": "steps"}, "also": {"type": "references", "to": "steps"}}
    admin.declare("steps", fields, access=PUBLIC, history=True)
    owner = alice.make("owners", name="o")["id"]
    one, two = alice.make("steps", owner=owner)["id"], alice.make("steps", owner=owner)["id"]
    alice.patch(f"/steps/{one}", json={"after": [two, one]})
    three = alice.make("steps", after=[two, one], also=[one])
    assert alice.delete(f"/owners/{owner}").status_code == 200
    left = alice.get(f"/steps/{three['id']}").json["data"]
    assert (left["after"], left["also"], left["version"]) == ([], [], 2)
    assert alice.get("/steps").json["meta"]["total"] == 1
    entries = alice.get(f"/steps/{three['id']}/history").json["data"]
    assert entries[0]["changes"] == {"after": {"from": [two, one], "to": []}, "also": {"from": [one], "to": []}}


def test_a_batch_links_to_records_that_it_creates(tags, alice):
    task = alice.make("tasks", tags=[tags["a"]])
    operations = [
        {"op": "create", "resource": "tags", "data": {"name": "new"}},
        {"op": "create", "resource": "tasks", "data": {"tags": [{"$ref": 0}, tags["b"]]}},
        {"op": "update", "resource": "tasks", "id": task["id"], "data": {"tags": {"add": [{"$ref": 0}]}}},
    ]
    new, created, changed = (
        each["data"] for each in alice.post("/batch", json={"operations": operations}).json["data"]
    )
    assert (created["tags"], changed["tags"]) == ([new["id"], tags["b"]], [tags["a"], new["id"]])
    for value in ([{"$ref": 1}], {"add": [[{"$ref": 0}]]}, [{"$ref": 7}], {"$ref": 0}):
        operations[0]["data"]["name"], operations[1]["data"]["tags"] = "newer", value
        assert alice.post("/batch", json={"operations": operations}).status_code == 422, value
    assert alice.get("/tasks").json["meta"]["total"] == 2


def test_changes_at_the_same_time_lose_nothing(tags, admin, app):
    admin.declare("wide", {"tags": {"type": "references", "to": "tags"}}, access=PUBLIC)
    path = f"/wide/{admin.make('wide')['id']}"
    ids = [*tags.values(), *(admin.make("tags", name=f"n{i}")["id"] for i in range(6))]

    def add(tag):
        return Person(app).patch(path, json={"tags": {"add": [tag]}}).status_code

    with ThreadPoolExecutor(4) as threads:
        assert [*threads.map(add, ids)] == [200] * 12
    data = admin.get(path).json["data"]
    assert (sorted(data["tags"]), data["version"]) == (sorted(ids), 13)


def test_files_have_ids_or_values_of_a_unique_field(tags, alice):
    a, b, c = tags["a"], tags["b"], tags["c"]
    content = f"title,tags\none,{b}|{a}\ntwo,\nthree,\\N\nfour,{c}\n"
    assert outcome(load(alice, content, resource="tasks")) == (4, 4, 0, 0)
    assert outcome(load(alice, "title,tags_name\nfive,c | a\n", resource="tasks")) == (1, 1, 0, 0)
    lines = f'{{"title": "six", "tags": ["{a}"]}}\n{{"title": "seven", "tags_name": ["b", "c"]}}\n'
    assert outcome(load(alice, lines, NDJSON, "tasks")) == (2, 2, 0, 0)
    listed = {each["title"]: each["tags"] for each in alice.get("/tasks").json["data"]}
    assert listed == {
        "one": [b, a],
        "two": [],
        "three": [],
        "four": [c],
        "five": [c, a],
        "six": [a],
        "seven": [b, c],
    }
    exported = alice.get("/tasks/export?fields=title,tags&sort=id").data.decode("utf-8-sig").splitlines()
    assert exported[:3] == ["title,tags", f"one,{b}|{a}", 'two,""']
    assert outcome(load(alice, "\n".join(exported), resource="tasks", dry_run="true")) == (7, 7, 0, 0)


def test_a_file_changes_the_lists_of_records(tags, admin, alice):
    a, b, c = tags["a"], tags["b"], tags["c"]
    one, two = alice.make("tasks", title="one", tags=[a]), alice.make("tasks", title="two", tags=[b])
    content = f"id,tags\n{one['id']},{b}|{c}\n{two['id']},\n"
    assert outcome(load(alice, content, resource="tasks", mode="upsert", key="id")) == (2, 0, 2, 0)
    assert (state(alice, one), state(alice, two)) == (([b, c], 2), ([], 2))
    content = f"id,title,tags\n{one['id']},x,{a}\n{one['id']},y,{c}\n"
    assert outcome(load(alice, content, resource="tasks", mode="upsert", key="id")) == (2, 0, 2, 0)
    assert state(alice, one) == ([c], 4)
    (last, *_) = alice.get(f"/tasks/{one['id']}/history").json["data"]
    assert last["changes"] == {"title": {"from": "x", "to": "y"}, "tags": {"from": [a], "to": [c]}}


def test_a_row_with_a_list_that_is_not_valid_is_reported(tags, admin, alice):
    rows = ["a|a", "a|nope", "a|b|c|d|e", "|"]
    answer = load(alice, "tags_name\n" + "\n".join(rows), resource="tasks", dry_run="true")
    assert [each["message"] for each in answer.json["data"]["problems"]] == [
        'tags: Each record at most once. Found: "a|a".',
        "tags: There is no record of tags with the name nope.",
        'tags: Must have at most 4 values. Found: "a|b|c|d|e".',
        'tags: Each record at most once. Found: "|".',
    ]
    lines = '{"tags": "a"}\n{"tags": [1]}\n{"tags": null}\n'
    answer = load(alice, lines, NDJSON, "tasks", dry_run="true")
    assert [each["line"] for each in answer.json["data"]["problems"]] == [1, 2]
    admin.declare("steps", {"name": {"type": "string", "unique": True}, "after": {"type": "references", "to": "steps"}})
    content = "name,after_name\none,\ntwo,one\nthree,two|one\n"
    assert outcome(load(admin, content, resource="steps")) == (3, 3, 0, 0)
    named = {each["id"]: each for each in admin.get("/steps?sort=name").json["data"]}
    assert {each["name"]: [named[other]["name"] for other in each["after"]] for each in named.values()} == {
        "one": [],
        "two": ["one"],
        "three": ["two", "one"],
    }


@ON_SQLITE
def test_what_such_a_field_cannot_do_is_refused(tags, admin, alice):
    for options, wrong in (
        ({"unique": True}, "unique"),
        ({"index": True}, "index"),
        ({"default": [tags["a"]]}, "default"),
        ({"max": 0}, "max"),
        ({"max": 1001}, "max"),
        ({"to": "nowhere"}, "to"),
        ({"on_delete": "cascade"}, "on_delete"),
    ):
        fields = {"tags": {"type": "references", "to": "tags"} | options}
        answer = admin.post("/resources", json={"name": "notes", "fields": fields})
        assert [*details_of(answer)["json"]["fields"]["tags"]] == [wrong], options
    for part in ({"indexes": [["title", "tags"]]}, {"unique": [["tags"]]}, {"search": ["tags"]}):
        answer = admin.post("/resources", json={"name": "notes", "fields": TASKS} | part)
        assert [*details_of(answer)["json"]] == [*part], part
    for query in ("sort=tags", f"tags={tags['a']}", "tags__isnull=true"):
        assert alice.get(f"/tasks?{query}").status_code == 422, query
    for query in ("group_by=tags", "sum=tags", "min=tags"):
        assert alice.get(f"/tasks/aggregate?{query}").status_code == 422, query
    assert load(alice, "title\nx\n", resource="tasks", mode="upsert", key="tags").status_code == 422
