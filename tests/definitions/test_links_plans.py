"""Fields with lists of references in plans: what is added, dropped, renamed and converted, with links in place."""

import pytest

from backend.models.database import database
from backend.services import documents
from backend.services.access.actors import SYSTEM
from backend.services.errors import Invalid
from tests.conftest import ON_SQLITE
from tests.helpers import structure

LINKS = {"type": "references", "to": "tags"}
TITLE = {"title": {"type": "string"}}


@pytest.fixture
def tags(admin):
    """Declare tags, and tasks with a list of them; return the ids of the tags."""
    admin.declare("tags", {"name": {"type": "string"}})
    admin.declare("tasks", TITLE | {"tags": LINKS}, history=True)
    return [admin.make("tags", name=name)["id"] for name in "abc"]


def apply(document):
    """Apply a file."""
    with database.connection_context():
        documents.apply_document(SYSTEM, document)


def tables():
    with database.connection_context():
        return {name for name in database.get_tables() if name.startswith("larder_links_")}


def plan(admin, fields, resource="tasks", **rest):
    """Return the steps of a plan: (action, subject, loses data, impossible, records)."""
    answer = admin.post(f"/resources/{resource}/plan", json={"fields": fields, "history": True, **rest})
    assert answer.status_code == 200, answer.json
    parts = ("action", "subject", "loses_data", "impossible", "records")
    return answer.json["data"], [tuple(step[part] for part in parts) for step in answer.json["data"]["steps"]]


def change(admin, fields, resource="tasks", **rest):
    """Apply a change that may lose data, and return the steps of its plan."""
    found, steps = plan(admin, fields, resource, **rest)
    answer = admin.put(
        f"/resources/{resource}?confirm={found['fingerprint']}", json={"fields": fields, "history": True} | rest
    )
    assert answer.status_code == 200, answer.json
    return [step for step in steps if step[0] not in ("drop_index", "add_index")]


def lists(admin, name="tasks", field="tags"):
    return [each[field] for each in admin.get(f"/{name}?sort=id").json["data"]]


def test_a_list_is_added_and_dropped(tags, admin):
    a, b, _ = tags
    admin.make("tasks", title="one", tags=[b, a])
    admin.make("tasks", title="two")
    before = tables()
    assert change(admin, TITLE | {"tags": LINKS, "more": LINKS}) == [("add_field", "more", False, False, 0)]
    assert len(tables()) == 2
    assert lists(admin, field="more") == [[], []]
    required = TITLE | {"tags": LINKS, "must": LINKS | {"required": True}}
    assert plan(admin, required)[1][1] == ("add_field", "must", False, True, 2)
    assert change(admin, TITLE | {"tags": LINKS}) == [("drop_field", "more", False, False, 0)]
    assert (tables(), lists(admin)) == (before, [[b, a], []])
    assert change(admin, TITLE) == [("drop_field", "tags", True, False, 1)]
    assert tables() == set()
    assert admin.delete("/resources/tags?confirm=true").status_code == 200


def test_a_list_keeps_its_links_when_anything_is_renamed(tags, admin):
    a, b, c = tags
    fields = TITLE | {"tags": LINKS, "also": LINKS}
    change(admin, fields)
    task = admin.make("tasks", title="one", tags=[b, a], also=[c])
    renamed = TITLE | {"labels": LINKS | {"renamed_from": "tags"}, "also": LINKS}
    assert change(admin, renamed)[0][0] == "rename_field"
    assert lists(admin, field="labels") == [[b, a]]
    swapped = TITLE | {"labels": LINKS | {"renamed_from": "also"}, "also": LINKS | {"renamed_from": "labels"}}
    change(admin, swapped)
    assert (lists(admin, field="labels"), lists(admin, field="also")) == ([[c]], [[b, a]])
    current = {"fields": admin.get("/resources/tasks").json["data"]["fields"], "history": True}
    assert admin.put("/resources/tasks", json={"name": "chores", "renamed_from": "tasks", **current}).status_code == 200
    answer = admin.put(
        "/resources/tags", json={"name": "marks", "renamed_from": "tags", "fields": {"name": {"type": "string"}}}
    )
    assert answer.status_code == 200, answer.json
    assert lists(admin, "chores", "also") == [[b, a]]
    fields = admin.get("/resources/chores").json["data"]["fields"]
    assert {fields[name]["to"] for name in ("labels", "also")} == {"marks"}
    admin.delete(f"/marks/{a}")
    job = admin.patch(f"/chores/{task['id']}", json={"labels": {"add": [b]}}).json["data"]
    assert (job["labels"], job["also"]) == ([c, b], [b])
    assert admin.delete(f"/chores/{task['id']}").status_code == 200
    assert admin.delete("/resources/chores").status_code == 200
    assert tables() == set()


def test_two_resources_swap_their_names(tags, admin):
    a, b, _ = tags
    admin.declare("chores", {"tags": LINKS, "before": {"type": "references", "to": "chores"}})
    admin.make("tasks", title="one", tags=[a])
    job = admin.make("chores", tags=[b])["id"]
    admin.patch(f"/chores/{job}", json={"before": [job]})
    document = {
        "resources": {
            "chores": {"renamed_from": "tasks", "history": True, "fields": TITLE | {"tags": LINKS}},
            "tasks": {
                "renamed_from": "chores",
                "fields": {"tags": LINKS, "before": {"type": "references", "to": "tasks"}},
            },
        }
    }
    apply(document)
    assert (lists(admin, "chores"), lists(admin), lists(admin, field="before")) == ([[a]], [[b]], [[job]])
    assert len(tables()) == 3


def test_narrower_lists_are_prevented_by_longer_ones(tags, admin):
    task = admin.make("tasks", title="one", tags=tags)
    admin.make("tasks", title="two")
    assert plan(admin, TITLE | {"tags": LINKS | {"max": 2}})[1][0] == ("change_constraints", "tags", False, True, 1)
    assert plan(admin, TITLE | {"tags": LINKS | {"max": 200}})[1][0][:4] == ("change_constraints", "tags", False, False)
    required = TITLE | {"tags": LINKS | {"required": True}}
    assert plan(admin, required)[1][0] == ("require", "tags", False, True, 1)
    admin.patch(f"/tasks/{task['id']}", json={"tags": tags[:2]})
    change(admin, TITLE | {"tags": LINKS | {"max": 2}})
    assert admin.patch(f"/tasks/{task['id']}", json={"tags": tags}).status_code == 422


def test_another_target_must_have_the_records(tags, admin):
    admin.declare("marks", {"name": {"type": "string"}})
    marks = TITLE | {"tags": {"type": "references", "to": "marks"}}
    task = admin.make("tasks", title="one", tags=tags[:1])
    assert plan(admin, marks)[1][0] == ("change_target", "tags", False, True, 1)
    admin.post("/marks/import?mode=upsert&key=id", data=f"id,name\n{tags[0]},a\n", content_type="text/csv")
    assert change(admin, marks) == [("change_target", "tags", False, False, 0)]
    assert lists(admin) == [tags[:1]]
    assert admin.patch(f"/tasks/{task['id']}", json={"tags": tags[1:2]}).status_code == 422
    admin.delete(f"/tags/{tags[0]}")
    assert lists(admin) == [tags[:1]]
    admin.delete(f"/marks/{tags[0]}")
    assert lists(admin) == [[]]


def test_a_reference_becomes_a_list_and_back(tags, admin):
    a, b, _ = tags
    one = {"type": "reference", "to": "tags"}
    assert change(admin, TITLE | {"tag": one | {"renamed_from": "tags"}})[0][0] == "rename_field"
    task = admin.make("tasks", title="one", tag=a)
    admin.make("tasks", title="two")
    several = TITLE | {"tags": LINKS | {"renamed_from": "tag"}}
    assert change(admin, several)[1] == ("change_type", "tags", False, False, 0)
    assert lists(admin) == [[a], []]
    assert change(admin, TITLE | {"tags": one}) == [("change_type", "tags", False, False, 0)]
    assert lists(admin) == [a, None]
    change(admin, TITLE | {"tags": LINKS})
    admin.patch(f"/tasks/{task['id']}", json={"tags": [b, a]})
    assert change(admin, TITLE | {"tags": one}) == [("change_type", "tags", True, False, 1)]
    assert (lists(admin), tables()) == ([None, None], set())


def test_texts_and_json_become_lists_and_back(tags, admin):
    a, b, c = tags
    admin.make("tasks", title=f"{b}|{a}")
    admin.make("tasks", title="none of these")
    admin.make("tasks", title=None)
    links = {"title": LINKS}
    assert plan(admin, links)[1][1] == ("change_type", "title", True, False, 1)
    change(admin, links)
    assert lists(admin, field="title") == [[b, a], [], []]
    change(admin, {"title": {"type": "json"}})
    assert lists(admin, field="title") == [[b, a], [], []]
    assert change(admin, links) == [
        ("change_type", "title", False, False, 0),
        ("change_target", "title", False, False, 0),
    ]
    change(admin, {"title": {"type": "string"}})
    assert lists(admin, field="title") == [f"{b}|{a}", "", ""]
    admin.patch(f"/tasks/{admin.get('/tasks?sort=id').json['data'][0]['id']}", json={"title": f"{c}|{admin.id}"})
    assert plan(admin, links)[1][1] == ("change_target", "title", False, True, 1)


def test_the_junction_table_is_made_alike_in_every_way(tags, admin):
    with database.connection_context():
        (table,) = [name for name in database.get_tables() if name.startswith("larder_links_")]
        created = structure(table)
    change(admin, TITLE | {"tags": {"type": "reference", "to": "tags"}})
    change(admin, TITLE | {"tags": LINKS})
    with database.connection_context():
        assert structure(table) == created
        assert {each.dest_table for each in database.get_foreign_keys(table)} == {"tags", "tasks"}


def test_long_names_have_tables_of_their_own(admin):
    long = "n" * 62
    admin.declare("tags", {"name": {"type": "string"}})
    for last in "ab":
        admin.declare(long + last, {long + "a": LINKS, long + "b": LINKS})
    assert len(tables()) == 4
    tag = admin.make("tags", name="x")["id"]
    assert admin.make(long + "b", **{long + "b": [tag]})[long + "b"] == [tag]


@ON_SQLITE
def test_a_target_cannot_be_dropped(tags, admin):
    assert admin.delete("/resources/tags?confirm=true").status_code == 409
    for document, message in (
        ({"tags": None}, "There is no resource tags."),
        ({"a": {"fields": {"b": {"type": "references", "to": "a", "required": True}}}}, "form a circle"),
    ):
        with pytest.raises(Invalid) as refused:
            apply({"resources": document})
        assert message in str(refused.value.errors)
