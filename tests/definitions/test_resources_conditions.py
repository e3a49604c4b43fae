"""`If-Match` of definitions, and the plan of a new resource."""

from tests.definitions.notes import NOTES
from tests.helpers import assert_failure, stored_state

TITLE = {"title": {"type": "string"}}
WIDER = {"fields": TITLE | {"pages": {"type": "integer"}}}


def test_a_definition_changes_only_if_it_is_the_one_that_was_read(admin):
    first = admin.post("/resources", json={"name": "notes", "fields": TITLE}).headers["ETag"]
    assert first == admin.get("/resources/notes").headers["ETag"] == '"1"'
    assert admin.get("/resources/notes", headers={"Accept": "application/yaml"}).headers["ETag"] == first
    changed = admin.put("/resources/notes", json=WIDER, headers={"If-Match": first})
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    before = stored_state()
    for method, body in [("PUT", {"fields": TITLE}), ("DELETE", None)]:
        refused = admin.send(method, "/resources/notes", json=body, headers={"If-Match": first})
        assert_failure(refused, 412, "PRECONDITION_FAILED")
        assert refused.json["error"]["message"] == "The definition has changed since you read it; read it again."
    assert admin.put("/resources/none", json=WIDER, headers={"If-Match": first}).status_code == 404
    assert stored_state() == before
    assert admin.put("/resources/notes", json=WIDER, headers={"If-Match": "*"}).status_code == 200
    assert admin.delete("/resources/notes", headers={"If-Match": '"1", "2"'}).status_code == 200
    assert admin.post("/resources", json={"name": "notes", "fields": TITLE}).headers["ETag"] == '"4"'


def test_the_plan_of_a_new_resource_creates_nothing(admin):
    before = stored_state()
    plan = admin.post("/resources/plan", json={"name": "notes", **NOTES}).json["data"]
    assert [(step["action"], step["resource"]) for step in plan["steps"]] == [("create_resource", "notes")]
    assert (plan["possible"], plan["loses_data"], plan["advice"]) == (True, False, [])
    text = "name: notes\nfields:\n  title: {type: string}\n"
    assert admin.post("/resources/plan", data=text, content_type="application/yaml").status_code == 200
    wrong = admin.post("/resources/plan", json={"name": "notes", "fields": {"title": {"type": "txt"}}})
    assert list(wrong.json["error"]["details"]["json"]["fields"]["title"]) == ["type"]
    renamed = admin.post("/resources/plan", json={"name": "notes", "renamed_from": "papers", "fields": TITLE})
    assert renamed.status_code == 422
    assert stored_state() == before
    admin.declare("notes", TITLE)
    assert_failure(admin.post("/resources/plan", json={"name": "notes", "fields": TITLE}), 409, "CONFLICT")
