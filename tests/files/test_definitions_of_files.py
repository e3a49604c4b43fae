"""What changes of definitions do to the files of records, and what their plans say of it."""

from backend.services.files.support import FileSupport, file_support
from tests.conftest import ON_SQLITE
from tests.helpers import details_of
from tests.parts.files import stage, states

PHOTO = {"type": "file", "types": ["image/*"]}
NAME = {"name": {"type": "string"}}


def plan_of(admin, name, fields, **rest):
    """Return (the texts of the steps, the plan)."""
    plan = admin.post(f"/resources/{name}/plan", json={"name": name, "fields": fields, **rest}).json["data"]
    return [step["text"] for step in plan["steps"]], plan


def replace(admin, name, fields, **rest):
    """Replace a definition, and confirm the plan."""
    path = f"/resources/{rest.pop('path', name)}"
    answer = admin.put(path, json={"name": name, "fields": fields, **rest})
    if answer.status_code == 409:
        confirm = answer.json["error"]["details"]["plan"]["fingerprint"]
        answer = admin.put(f"{path}?confirm={confirm}", json={"name": name, "fields": fields, **rest})
    assert answer.status_code == 200, answer.json


def test_files_follow_renames_of_their_field_and_resource(admin):
    admin.declare("places", {"a": PHOTO, "b": PHOTO, "c": PHOTO}, history=True)
    ids = {name: stage(admin) for name in "abc"}
    record = admin.make("places", **ids)
    fields = {"b": PHOTO | {"renamed_from": "a"}, "a": PHOTO | {"renamed_from": "b"}, "c": PHOTO}
    replace(admin, "spots", fields, renamed_from="places", path="places", history=True)
    found = admin.get(f"/spots/{record['id']}").json["data"]
    for now, was in (("b", "a"), ("a", "b"), ("c", "c")):
        assert found[now] == record[was] | {"url": f"/api/v1/spots/{record['id']}/{now}"}
        assert states()[ids[was]] == ("spots", record["id"], now)
    replaced = admin.patch(f"/spots/{record['id']}", json={"a": None}).json["data"]
    assert (replaced["a"], replaced["b"]["id"]) == (None, ids["a"])
    assert states()[ids["b"]] == "removed"
    changes = [entry["changes"] for entry in admin.get(f"/spots/{record['id']}/history").json["data"]]
    assert changes[0] == {"a": {"from": {"id": ids["b"], "name": "photo.png"}, "to": None}}


def test_dropping_a_field_or_a_resource_removes_its_files(admin):
    admin.declare("places", {"a": PHOTO, "b": PHOTO, **NAME})
    admin.declare("others", {"a": PHOTO})
    one, two, three, four = (stage(admin) for _ in range(4))
    record = admin.make("places", a=one, b=two)
    kept = admin.make("others", a=three)
    admin.make("others", a=four)
    texts, plan = plan_of(admin, "places", {"b": PHOTO, **NAME})
    assert (texts, plan["loses_data"]) == (["Drop the field a with its files in 1 record."], True)
    replace(admin, "places", {"b": PHOTO, **NAME})
    b = ("places", record["id"], "b")
    assert states() == {one: "removed", two: b, three: ("others", kept["id"], "a"), four: states()[four]}
    message = admin.delete("/resources/others").json["error"]["message"]
    assert message.startswith("The resource has 2 records and 2 files. ")
    assert admin.delete("/resources/others?confirm=true").status_code == 200
    assert states() == {one: "removed", two: b, three: "removed", four: "removed"}
    admin.declare("others", {"a": PHOTO})  # a new one has nothing to do with them
    assert admin.get("/others").json["data"] == []


def test_another_type_drops_the_files_and_files_replace_other_values(admin):
    admin.declare("places", {"a": PHOTO, **NAME})
    file_id = stage(admin)
    record = admin.make("places", a=file_id, name="0193e0f4-0000-7000-8000-00000000000a")
    texts, plan = plan_of(admin, "places", {"a": {"type": "json"}, "name": PHOTO})
    assert texts == [
        "Drop the field a with its files in 1 record.",
        "Drop the field name with its values in 1 record.",
        "Add the field a.",
        "Add the field name.",
    ]
    assert plan["loses_data"]
    replace(admin, "places", {"a": {"type": "json"}, "name": PHOTO})
    found = admin.get(f"/places/{record['id']}").json["data"]
    assert (found["a"], found["name"]) == (None, None)
    assert states() == {file_id: "removed"}


@ON_SQLITE
def test_a_field_declares_only_what_the_installation_supports(admin, monkeypatch):
    most = file_support.max_bytes
    options = PHOTO | {"max_bytes": most, "thumbs": ["200x200", "2000x1"]}
    admin.declare("places", {"a": options})
    for wrong, place, text in (
        ({"max_bytes": most + 1}, "max_bytes", "At most 50,000,000 bytes can be uploaded (LARDER_MAX_FILE_BYTES)."),
        ({"thumbs": ["9x9"]}, "thumbs", "Thumbnails need Pillow: install requirements-thumbnails.lock on the server."),
    ):
        if place == "thumbs":
            monkeypatch.setattr(FileSupport, "draws_thumbnails", False)
        answer = admin.post("/resources", json={"name": "others", "fields": {"a": PHOTO | wrong}})
        assert details_of(answer)["json"] == {"fields": {"a": {place: [text]}}}
    assert admin.post("/places", json={}).status_code == 201  # what is declared stays


def test_a_narrower_declaration_needs_files_that_fit(admin):
    admin.declare("places", {"a": PHOTO})
    for name in ("png", "gif"):
        admin.make("places", a=stage(admin, kind=f"image/{name}"))
    for narrower, count in (({"types": ["image/png"]}, 1), ({"max_bytes": 4}, 2)):
        texts, plan = plan_of(admin, "places", {"a": PHOTO | narrower})
        records = "1 record" if count == 1 else f"{count} records"
        assert texts == [f"Allow fewer values of a, although {records} would not fit."]
        assert not plan["possible"]
    texts, _ = plan_of(admin, "places", {"a": PHOTO | {"max_bytes": 5, "types": ["image/png", "image/gif"]}})
    assert texts == ["Allow fewer values of a."]
    replace(admin, "places", {"a": {"type": "file"}})
    texts, _ = plan_of(admin, "places", {"a": {"type": "file", "public": True}})
    assert texts == ["Change how the files of a are delivered."]
    texts, _ = plan_of(admin, "places", {"a": {"type": "file", "required": True}})
    assert texts == ["Require a."]
