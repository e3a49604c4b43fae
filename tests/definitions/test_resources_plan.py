"""`POST /resources/<name>/plan`, and what PUT does of a plan: the steps, what they cost, and the consent they need."""

import threading

import pytest

from backend.models.database import database
from backend.models.definition import Generation
from tests.conftest import ON_SQLITE
from tests.definitions.notes import NOTES, TITLE
from tests.helpers import details_of, state
from tests.parts.patience import patience


@pytest.fixture
def notes(admin):
    """A resource with three records in place."""
    admin.declare("notes", **NOTES)
    rows = [("Milk", 1, "m"), ("Tea", None, "t"), ("Oat biscuits", 30, None)]
    return [admin.make("notes", title=title, price=price, code=code) for title, price, code in rows]


def with_fields(**fields):
    """Return the definition with more fields, or with another declaration of some; None leaves one out."""
    changed = {name: kind for name, kind in (NOTES["fields"] | fields).items() if kind is not None}
    lists = {part: [each for each in NOTES[part] if set(each) <= set(changed)] for part in ("indexes", "unique")}
    return NOTES | lists | {"fields": changed}


def plan(person, definition, name="notes"):
    answer = person.post(f"/resources/{name}/plan", json=definition)
    assert answer.status_code == 200, answer.json
    return answer.json["data"]


def put(person, definition, name="notes", confirm=None):
    return person.put(f"/resources/{name}" + (f"?confirm={confirm}" if confirm else ""), json=definition)


def steps(found):
    """Return the steps of a plan, each in short."""
    marks = {"loses_data": "loses", "impossible": "impossible"}
    return [
        " ".join([step["action"], step["subject"] or "-", *(marks[mark] for mark in marks if step[mark])])
        + (f" {step['records']}" if step["records"] else "")
        for step in found["steps"]
    ]


PRICE = {"type": "integer", "index": True}
STEPS = {
    "nothing": (NOTES, []),
    "a new field": (with_fields(body={"type": "text"}), ["add_field body"]),
    "a new required field": (with_fields(body={"type": "text", "required": True}), ["add_field body impossible 3"]),
    "the same with a default": (
        with_fields(body={"type": "text", "required": True, "default": "-"}),
        ["add_field body"],
    ),
    "a field dropped": (with_fields(price=None), ["drop_field price loses 2", "drop_index title, price"]),
    "a field renamed": (
        with_fields(code=None, isbn={"type": "string", "unique": True, "renamed_from": "code"}),
        [*("rename_field isbn", "drop_unique title, code")],
    ),
    "another type": (with_fields(price={"type": "string", "index": True}), ["change_type price"]),
    "a type that some values do not fit": (
        with_fields(title={"type": "integer"}),
        ["allow_null title", "change_type title loses 3"],
    ),
    "the same of a required field": (
        with_fields(title={"type": "integer", "required": True}),
        ["change_type title impossible 3"],
    ),
    "no longer required": (with_fields(title=TITLE | {"required": False}), ["allow_null title"]),
    "now required": (with_fields(price=PRICE | {"required": True}), ["require price impossible 1"]),
    "now required with a default": (
        with_fields(price=PRICE | {"required": True, "default": 0}),
        ["require price", "change_default price"],
    ),
    "shorter than some": (with_fields(title=TITLE | {"max_length": 10}), ["change_constraints title impossible 1"]),
    "shorter than none": (with_fields(title=TITLE | {"max_length": 15}), ["change_constraints title"]),
    "longer": (with_fields(title=TITLE | {"max_length": 30}), ["change_constraints title"]),
    "a pattern": (with_fields(title=TITLE | {"pattern": "^[A-Z]"}), ["change_constraints title"]),
    "bounds": (with_fields(price=PRICE | {"max": 10}), ["change_constraints price impossible 1"]),
    "another default": (with_fields(price=PRICE | {"default": 1}), ["change_default price"]),
    "now unique": (with_fields(title=TITLE | {"unique": True}), ["add_unique title"]),
    "no longer unique": (with_fields(code={"type": "string"}), ["drop_unique code"]),
    "no longer indexed": (with_fields(price={"type": "integer"}), ["drop_index price"]),
    "a set of fields": (
        NOTES | {"unique": [], "indexes": [["price", "title"]]},
        ["drop_unique title, code", "drop_index title, price", "add_index price, title"],
    ),
    "rules for a field": (with_fields(price=PRICE | {"readable_by": ["editor"]}), ["change_rules price"]),
    "search": (NOTES | {"search": ["title"]}, ["change_search -"]),
    "access": (NOTES | {"access": {}}, ["change_access -"]),
    "words": (
        with_fields(title=TITLE | {"description": "In short"}) | {"description": "To buy"},
        ["describe title", "describe -"],
    ),
    "another order": (
        NOTES | {"fields": dict(reversed(NOTES["fields"].items()))},
        ["reorder -"],
    ),
    "options": (
        NOTES | {"require_if_match": True, "on_owner_delete": "cascade"},
        ["change_on_owner_delete -", "change_require_if_match -"],
    ),
}


@pytest.mark.parametrize("what", STEPS)
@ON_SQLITE
def test_names_each_step_and_the_records_it_concerns(admin, notes, what):
    changed, expected = STEPS[what]
    before = state(admin, "notes")
    assert steps(plan(admin, changed)) == expected
    assert state(admin, "notes") == before


def test_shows_the_first_records_concerned(admin, notes):
    for number in range(7):
        admin.make("notes", title=f"Tin {number}", price=None)
    (step,) = plan(admin, with_fields(price=PRICE | {"required": True}))["steps"]
    assert (step["records"], len(step["ids"])) == (8, 5)
    assert step["ids"][0] == notes[1]["id"]
    assert "8 records" in step["text"]


def test_a_change_that_existing_records_prevent_is_refused_with_the_plan(admin, notes):
    before, generation = state(admin, "notes"), Generation.current()
    for changed, _ in (STEPS[what] for what in ("a new required field", "now required", "bounds")):
        answer = put(admin, changed, confirm=plan(admin, changed)["fingerprint"])
        assert (answer.status_code, answer.json["error"]["code"]) == (409, "CONFLICT")
        assert details_of(answer)["plan"]["possible"] is False
    assert (state(admin, "notes"), Generation.current()) == (before, generation)


def test_nothing_is_lost_without_the_fingerprint_of_this_very_plan(admin, notes):
    changed, before = STEPS["a field dropped"][0], state(admin, "notes")
    another = plan(admin, with_fields(price=None, code=None))["fingerprint"]
    for confirm in (None, "true", another):
        answer = put(admin, changed, confirm=confirm)
        assert answer.status_code == 409
        assert "Drop the field price with its values in 2 records." in answer.json["error"]["message"]
    assert state(admin, "notes") == before
    fingerprint = details_of(put(admin, changed))["plan"]["fingerprint"]
    assert put(admin, changed, confirm=fingerprint).status_code == 200
    assert "price" not in admin.get("/notes").json["data"][0]


def test_a_plan_that_is_out_of_date_confirms_nothing(admin, notes):
    changed = STEPS["a field dropped"][0]
    fingerprint = plan(admin, changed)["fingerprint"]
    put(admin, NOTES | {"description": "Another change meanwhile"})
    assert put(admin, changed, confirm=fingerprint).status_code == 409


def test_a_plan_confirms_no_more_losses_than_it_showed(admin, notes):
    changed = STEPS["a field dropped"][0]
    fingerprint = plan(admin, changed)["fingerprint"]
    admin.make("notes", title="Rice", price=None)  # it would lose nothing
    assert plan(admin, changed)["fingerprint"] == fingerprint
    third = admin.make("notes", title="Salt", price=3)
    answer = put(admin, changed, confirm=fingerprint)
    assert answer.status_code == 409
    assert "A different plan was confirmed" in answer.json["error"]["message"]
    assert "with its values in 3 records" in answer.json["error"]["message"]
    assert admin.get(f"/notes/{third['id']}").json["data"]["price"] is not None
    fingerprint = details_of(answer)["plan"]["fingerprint"]
    assert put(admin, changed, confirm=fingerprint).status_code == 200


def test_a_renamed_field_keeps_its_values_its_constraints_and_its_old_name(admin, notes):
    changed = with_fields(code=None, isbn={"type": "string", "unique": True, "renamed_from": "code"})
    for _ in range(2):  # the second time there is nothing left to do
        assert put(admin, changed).json["data"]["version"] == 2
    assert [note["isbn"] for note in admin.get("/notes").json["data"]] == ["m", "t", None]
    assert admin.post("/notes", json={"title": "Salt", "isbn": "m"}).status_code == 409
    again = with_fields(code=None, ean={"type": "string", "unique": True, "renamed_from": "isbn"})
    fields = put(admin, again).json["data"]["fields"]
    assert fields["ean"]["renamed_from"] == ["isbn", "code"]


def test_a_renamed_resource_keeps_its_records_and_those_who_refer_to_it(admin, notes):
    admin.declare("lines", {"note": {"type": "reference", "to": "notes", "on_delete": "cascade"}})
    line = admin.make("lines", note=notes[0]["id"])
    changed = NOTES | {"name": "items", "renamed_from": "notes"}
    assert steps(plan(admin, changed)) == ["follow_rename note", "rename_resource -"]
    assert put(admin, NOTES | {"name": "items"}).status_code == 422
    assert put(admin, changed).json["data"]["name"] == "items"
    assert admin.get("/notes").status_code == 404
    assert [item["title"] for item in admin.get("/items").json["data"]] == ["Milk", "Tea", "Oat biscuits"]
    assert admin.get("/resources/lines").json["data"]["fields"]["note"]["to"] == "items"
    assert admin.post("/lines", json={"note": notes[1]["id"]}).status_code == 201
    assert admin.delete(f"/items/{notes[0]['id']}").status_code == 200
    assert admin.get(f"/lines/{line['id']}").status_code == 404
    admin.declare("notes", NOTES["fields"])  # the old name is free, its indexes too


def test_a_reference_may_point_elsewhere_if_its_values_are_there(admin, notes):
    admin.declare("lines", {"note": {"type": "uuid"}, "name": {"type": "string"}})
    admin.make("lines", note=notes[0]["id"])
    stray = admin.make("lines", note="0193e0f4-0000-7000-8000-000000000000")
    to_notes = {"fields": {"note": {"type": "reference", "to": "notes"}, "name": {"type": "string"}}}
    found = plan(admin, to_notes, "lines")
    assert (found["possible"], found["steps"][-1]["ids"]) == (False, [stray["id"]])
    admin.delete(f"/lines/{stray['id']}")
    assert put(admin, to_notes, "lines").status_code == 200
    assert admin.delete(f"/notes/{notes[0]['id']}").status_code == 409


def test_rebuilding_a_table_deletes_no_referring_records(admin, notes):
    """SQLite builds a table again; `on_delete` must not touch the records that refer to it."""
    admin.declare(
        "lines",
        {
            "cascading": {"type": "reference", "to": "notes", "on_delete": "cascade"},
            "kept": {"type": "reference", "to": "notes", "on_delete": "set_null"},
        },
    )
    line = admin.make("lines", cascading=notes[0]["id"], kept=notes[1]["id"])
    assert put(admin, with_fields(price={"type": "decimal", "scale": 3})).status_code == 200
    assert admin.get(f"/lines/{line['id']}").json["data"] == line
    assert admin.get(f"/notes/{notes[0]['id']}").json["data"]["price"] == "1.000"
    assert admin.delete(f"/notes/{notes[1]['id']}").status_code == 200
    assert admin.get(f"/lines/{line['id']}").json["data"]["kept"] is None
    assert admin.delete(f"/notes/{notes[0]['id']}").status_code == 200
    assert admin.get(f"/lines/{line['id']}").status_code == 404
    assert admin.post("/lines", json={"cascading": notes[0]["id"]}).status_code == 422


def test_a_definition_may_be_sent_back_unchanged(admin, notes):
    got = admin.get("/resources/notes").json["data"]
    assert put(admin, got).json["data"] == got


def test_keeps_every_version_with_who_and_when(admin, alice, notes):
    put(admin, NOTES | {"description": "To buy"})
    admin.delete("/resources/notes?confirm=true")
    versions = admin.get("/resources/notes/versions").json["data"]
    assert [each["version"] for each in versions] == [3, 2, 1]
    assert versions[0]["definition"] is None
    assert versions[1]["definition"] == NOTES | {"description": "To buy"}
    assert {each["created_by"] for each in versions} == {admin.id}
    assert admin.get("/resources/nothing/versions").status_code == 404
    assert alice.get("/resources/notes/versions").status_code == 403


def test_a_change_waits_for_a_limited_time(admin, notes):
    """Somebody holds the lock that the change needs: it would be made when that is over, a minute later."""
    before = state(admin, "notes")
    holding, done = threading.Event(), threading.Event()

    def hold():
        with database.connection_context(), database.atomic() as transaction:
            database.execute_sql("UPDATE notes SET price = 5")
            holding.set()
            done.wait(60)
            transaction.rollback()

    holder = threading.Thread(target=hold)
    holder.start()
    holding.wait()
    with patience(wait_seconds=0.2):
        answer = put(admin, STEPS["another type"][0])
    done.set()
    holder.join()
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "UNAVAILABLE")
    assert "Retry-After" in answer.headers
    assert state(admin, "notes") == before


def test_a_record_in_a_different_form_has_a_different_etag(admin, notes):
    path = f"/notes/{notes[0]['id']}"
    before = admin.get(path).headers["ETag"]
    assert put(admin, with_fields(body={"type": "text", "default": "-"})).status_code == 200
    answer = admin.get(path, headers={"If-None-Match": before})
    assert (answer.status_code, answer.json["data"]["body"]) == (200, "-")
    now = answer.headers["ETag"]
    assert admin.get(path, headers={"If-None-Match": now}).status_code == 304
    assert admin.patch(path, json={"price": 7}, headers={"If-Match": now}).status_code == 200
    assert admin.patch(path, json={"price": 8}, headers={"If-Match": now}).status_code == 412
    version = admin.get(path).json["data"]["version"]
    assert admin.patch(path, json={"price": 8}, headers={"If-Match": f'"{version}"'}).status_code == 200


@ON_SQLITE
def test_no_grant_outlives_the_field_it_names(admin, alice, notes):
    rule = {"list": [{"role": "member", "where": {"price": {"gte": 30}}}]}
    assert put(admin, NOTES | {"access": rule}).status_code == 200
    without = with_fields(price=None) | {"access": rule}
    assert admin.post("/resources/notes/plan", json=without).status_code == 422
    assert put(admin, without).status_code == 422
    renamed = with_fields(price=None, cost=PRICE | {"renamed_from": "price"})
    assert put(admin, renamed | {"access": rule}).status_code == 422
    cost_rule = {"list": [{"role": "member", "where": {"cost": {"gte": 30}}}]}
    assert put(admin, renamed | {"access": cost_rule}).status_code == 200
    assert [note["title"] for note in alice.get("/notes").json["data"]] == ["Oat biscuits"]


@ON_SQLITE
def test_no_former_name_and_no_default_reaches_the_database_as_sql(admin, notes):
    before = state(admin, "notes")
    hostile = 'x" TEXT; DROP TABLE notes; --'
    for field in ({"type": "string", "renamed_from": hostile}, {"type": "string", "default": hostile}):
        answer = put(admin, with_fields(more=field))
        assert answer.status_code in (200, 422)
    for name in (hostile, "notes; --", "a__b", "__new"):
        assert admin.post("/resources/notes/plan", json=with_fields(**{name: {"type": "string"}})).status_code == 422
        assert put(admin, NOTES | {"name": name, "renamed_from": "notes"}).status_code == 422
        assert put(admin, NOTES | {"search": [name]}).status_code == 422
    assert len(state(admin, "notes")[2]) == len(before[2])
