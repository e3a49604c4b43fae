"""The label of a resource: the text field that is shown for a record."""

import pytest

from backend.models.database import database
from backend.services import documents
from backend.services.access.actors import SYSTEM
from tests.conftest import ON_SQLITE
from tests.helpers import details_of

TEXT, NUMBER, LONG = {"type": "string"}, {"type": "integer"}, {"type": "text"}
UNIQUE, HIDDEN = {"type": "string", "unique": True}, {"type": "string", "readable_by": ["editor"]}
LISTED = {"list": ["public"]}
# Each with the fields of a resource, and its label if none is declared.
DEFAULTS = [
    ({"title": TEXT, "name": LONG, "email": {"type": "email"}}, "name"),
    ({"email": {"type": "email"}, "label": TEXT, "code": UNIQUE}, "label"),
    ({"name": NUMBER, "title": {"type": "enum", "choices": ["a"]}, "email": {"type": "email"}}, "email"),
    ({"body": LONG, "code": UNIQUE, "slug": UNIQUE}, "code"),
    ({"pages": NUMBER, "site": {"type": "url"}, "body": LONG}, "site"),
    ({"tags": {"type": "list", "of": "string"}, "day": {"type": "date"}, "number": {"type": "sequence"}}, None),
    ({"name": HIDDEN, "title": UNIQUE | HIDDEN, "body": LONG}, "body"),
    ({"secret": HIDDEN, "pages": NUMBER}, None),
    ({"name": {"type": "string", "writable_by": ["editor"]}}, "name"),
    ({"pages": NUMBER, "shown": {"type": "string", "computed": "concat('p. ', pages)"}}, "shown"),
]


@pytest.fixture
def notes(admin):
    """Notes, whose label is a computed text."""
    fields = {"name": TEXT, "pages": NUMBER, "shown": {"type": "string", "computed": "concat(name, ' ', pages)"}}
    return admin.declare("notes", fields, label="shown", access=LISTED)


def label(person, name="notes"):
    """Return the label of a resource, as a person sees it."""
    resources = person.get("/schema").json["data"]["resources"]
    return next(each["label"] for each in resources if each["name"] == name)


def apply(resources):
    """Apply a file and return the outcome of each resource."""
    with database.connection_context():
        return dict(documents.apply_document(SYSTEM, {"resources": resources}))


def put(admin, **body):
    return admin.put("/resources/notes", json={"access": LISTED, **body})


def test_a_change_of_the_label_changes_nothing_else(notes, admin, alice):
    assert (notes["label"], label(alice)) == ("shown", "shown")
    note = admin.make("notes", name="Milk", pages=2)
    body = {"fields": notes["fields"], "access": LISTED, "label": "name"}
    plan = admin.post("/resources/notes/plan", json=body).json["data"]
    assert [(step["action"], step["text"]) for step in plan["steps"]] == [("change_label", "Show name for a record.")]
    assert not plan["loses_data"]
    assert put(admin, **body).json["data"]["label"] == "name"
    assert label(alice) == "name"
    assert put(admin, fields=notes["fields"]).status_code == 200
    assert "label" not in admin.get("/resources/notes").json["data"]
    assert label(alice) == "name"  # the default
    versions = admin.get("/resources/notes/versions").json["data"]
    assert [each["definition"].get("label") for each in versions] == [None, "name", "shown"]
    assert admin.get(f"/notes/{note['id']}").json["data"] == note


@ON_SQLITE
def test_refuses_what_is_no_text_field(notes, admin):
    for wrong in ("shwn", "pages", "created_by", "", 7):
        answer = put(admin, fields=notes["fields"], label=wrong)
        assert (answer.status_code, [*answer.json["error"]["details"]["json"]]) == (422, ["label"])
    assert details_of(put(admin, fields=notes["fields"], label="shwn")) == {
        "json": {"label": ["Not a text field of this resource: shwn. Did you mean shown?"]}
    }
    without = {name: field for name, field in notes["fields"].items() if name != "shown"}
    assert put(admin, fields=without, label="shown").status_code == 422
    assert put(admin, fields=without | {"shown": NUMBER}, label="shown").status_code == 422
    assert admin.get("/resources/notes").json["data"] == notes


def test_follows_the_new_name_of_its_field(notes, admin, alice):
    assert put(admin, fields=notes["fields"], label="name").status_code == 200
    renamed = {name: field for name, field in notes["fields"].items() if name != "name"}
    body = {"access": LISTED, "label": "name", "fields": {"title": TEXT | {"renamed_from": "name"}, **renamed}}
    plan = admin.post("/resources/notes/plan", json=body).json["data"]
    assert "change_label" not in [step["action"] for step in plan["steps"]]
    assert apply({"notes": body}) == {"notes": "changed"}
    assert (admin.get("/resources/notes").json["data"]["label"], label(alice)) == ("title", "title")
    assert apply({"notes": body}) == {"notes": "unchanged"}
    swapped = {"shown": TEXT | {"renamed_from": "title"}, "pages": NUMBER, "title": LONG}
    swapped["title"] = renamed["shown"] | {"renamed_from": "shown", "computed": "concat(shown, ' ', pages)"}
    answer = put(admin, fields=swapped, label="shown")
    assert (answer.status_code, label(alice)) == (200, "shown"), answer.json


@ON_SQLITE
def test_without_a_label_there_is_a_default(admin, stranger):
    for number, (fields, _) in enumerate(DEFAULTS):
        admin.declare(f"notes{number}", fields, access=LISTED)
    found = [label(stranger, f"notes{number}") for number in range(len(DEFAULTS))]
    assert found == [expected for _, expected in DEFAULTS]


@ON_SQLITE
def test_who_may_not_read_the_label_sees_the_default_of_what_they_may_read(admin, alice, edith):
    admin.declare("notes", {"body": TEXT, "secret": HIDDEN, "title": TEXT}, access=LISTED, label="secret")
    admin.declare("books", {"note": {"type": "reference", "to": "notes"}}, access=LISTED)
    assert (label(edith), label(alice)) == ("secret", "title")
    for person, expected in ((edith, "secret"), (alice, "title")):
        books = person.get("/schema").json["data"]["resources"][0]
        assert books["fields"][1]["to_label"] == expected
