"""Entries of `indexes` and `unique`: with system fields and with an order."""

from backend.models.database import database
from backend.services.definitions.indexes import indexes_of
from backend.services.definitions.stored import load_definitions
from tests.conftest import ON_SQLITE
from tests.helpers import CSV, load, outcome, read

FIELDS = {
    "slug": {"type": "string"},
    "status": {"type": "string", "required": True, "default": "new"},
    "due": {"type": "date"},
}
ACCESS = {action: ["member"] for action in ("list", "read", "create", "update", "delete")}
TAKEN = {"created_by": ["Already taken."], "slug": ["Already taken."]}


def body(**parts):
    return {"fields": FIELDS, "access": ACCESS, **parts}


def plan(admin, definition):
    """Return the texts of a plan's steps."""
    answer = admin.post("/resources/notes/plan", json=definition)
    assert answer.status_code == 200, answer.json
    return [step["text"] for step in answer.json["data"]["steps"]]


def test_values_are_unique_for_each_owner(admin, alice, bob):
    admin.declare("notes", FIELDS, access=ACCESS, unique=[["created_by", "slug"]])
    alice.make("notes", slug="tea")
    made = bob.make("notes", slug="tea")
    again = alice.post("/notes", json={"slug": "tea"})
    assert again.status_code == 409
    assert again.json["error"]["message"] == "Another record of notes has this created_by and slug."
    assert again.json["error"]["details"] == {"json": TAKEN}
    other = bob.make("notes", slug="milk")
    assert bob.patch(f"/notes/{other['id']}", json={"slug": "tea"}).status_code == 409
    assert admin.delete(f"/users/{alice.id}").status_code == 200
    assert admin.delete(f"/users/{bob.id}").status_code == 200
    assert read(admin, "notes")[made["id"]]["created_by"] is None


def test_an_import_finds_what_is_taken(admin, alice, bob):
    admin.declare("notes", FIELDS, access=ACCESS, unique=[["created_by", "slug"]])
    alice.make("notes", slug="tea")
    answer = load(alice, "slug\ntea\nmilk\nmilk\n", resource="notes", dry_run="true")
    assert [row["line"] for row in answer.json["data"]["problems"]] == [2, 4]
    assert outcome(load(bob, "slug\ntea\nmilk\n", resource="notes")) == (2, 2, 0, 0)
    answer = load(admin, f"slug,created_by\ntea,{bob.id}\ntea,\ntea,\n", CSV, "notes", keep_good="true")
    assert [row["line"] for row in answer.json["data"]["problems"]] == [2]


def test_a_plan_names_the_rows_that_repeat_values(admin, alice, bob):
    admin.declare("notes", FIELDS, access=ACCESS)
    for person in (alice, bob, alice):
        last = person.make("notes", slug="tea")
    wanted = body(unique=[["slug", "created_by"]], indexes=[["status", "-due"], ["-created_at"]])
    answer = admin.put("/resources/notes", json=wanted)
    assert answer.status_code == 409
    (step,) = [each for each in answer.json["error"]["details"]["plan"]["steps"] if each["impossible"]]
    assert step["text"] == "Require unique values of slug and created_by, although 1 record would repeat values."
    assert step["ids"] == [last["id"]]
    alice.patch(f"/notes/{last['id']}", json={"slug": None})
    assert plan(admin, wanted) == [
        "Index status and -due.",
        "Index -created_at.",
        "Require unique values of slug and created_by.",
    ]
    assert admin.put("/resources/notes", json=wanted).status_code == 200
    assert plan(admin, wanted) == []
    stored = admin.get("/resources/notes").json["data"]
    assert (stored["unique"], stored["indexes"]) == (wanted["unique"], wanted["indexes"])


def test_a_renamed_field_keeps_its_sets(admin, alice):
    sets = {"unique": [["created_by", "slug"]], "indexes": [["status", "-due"]]}
    admin.declare("notes", FIELDS, access=ACCESS, **sets)
    alice.make("notes", slug="tea")
    names = {"slug": "code", "due": "ends"}
    fields = {names.get(name, name): field for name, field in FIELDS.items()}
    for old, new in names.items():
        fields[new] = fields[new] | {"renamed_from": old}
    wanted = body(fields=fields, unique=[["created_by", "code"]], indexes=[["status", "-ends"]])
    assert plan(admin, wanted) == ["Rename the field slug to code.", "Rename the field due to ends."]
    assert admin.put("/resources/notes", json=wanted).status_code == 200
    assert alice.post("/notes", json={"code": "tea"}).status_code == 409
    with database.connection_context():
        assert indexes_of(load_definitions()["notes"]).keys() <= database.index_names()


def test_a_set_is_dropped_and_its_order_changed(admin):
    admin.declare("notes", FIELDS, access=ACCESS, unique=[["created_by", "slug"]], indexes=[["status", "due"]])
    wanted = body(indexes=[["status", "-due"]])
    assert plan(admin, wanted) == [
        "Allow repeated values of created_by and slug.",
        "Drop the index of status and due.",
        "Index status and -due.",
    ]
    assert admin.put("/resources/notes", json=wanted).status_code == 200
    assert plan(admin, wanted) == []


@ON_SQLITE
def test_refuses_entries_that_cannot_be(admin):
    for part, entry, message in (
        ("unique", ["slug", "version"], "Cannot be part of a unique set: version."),
        ("unique", ["updated_at"], "Cannot be part of a unique set: updated_at."),
        ("unique", ["id", "slug"], "Cannot be part of a unique set: id."),
        ("indexes", ["due", "-due"], "Each entry lists 1 to 8 different fields."),
        ("indexes", ["--due"], "No such field: -due."),
        ("indexes", ["-"], "No such field: ."),
        ("indexes", [], "Each entry lists 1 to 8 different fields."),
    ):
        answer = admin.post("/resources", json={"name": "notes", **body(**{part: [entry]})})
        assert (answer.status_code, answer.json["error"]["details"]) == (422, {"json": {part: [message]}}), entry
    answer = admin.post("/resources", json={"name": "notes", **body(indexes=[["-due"], ["-due"]])})
    assert answer.json["error"]["details"] == {"json": {"indexes": ["Listed twice: -due."]}}
