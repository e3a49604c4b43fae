"""`GET /client.ts`: the types of a client in TypeScript, for whoever asks."""

from dataclasses import replace

from backend import create_app
from backend.models.database import database
from tests.conftest import ON_SQLITE, Person
from tests.helpers import OPEN

FIELDS = {
    "title": {"type": "string", "required": True, "description": "Ends no comment: */ x"},
    "state": {"type": "enum", "choices": ["open", 'it\'s "done"', ""]},
    "price": {"type": "decimal"},
    "number": {"type": "sequence"},
    "tags": {"type": "list", "of": "string"},
    "extra": {"type": "json"},
    "photo": {"type": "file"},
    "book": {"type": "reference", "to": "books"},
    "secret": {"type": "string", "readable_by": ["editor"]},
    "seen": {"type": "string", "writable_by": ["editor"]},
}


def declare(admin):
    """Declare books, and notes with fields that only editors may see or set."""
    admin.declare("books", {"name": {"type": "string"}}, access={"list": ["editor"], "read": ["editor"]})
    admin.declare("notes", FIELDS, access=OPEN | {"list": ["public"], "read": ["member"]})


def interface(text, name):
    """Return the lines of a component, without their indentation."""
    _, _, rest = text.partition(f"\n  {name}: {{\n")
    return [line.strip() for line in rest.partition("\n  };\n")[0].splitlines()]


def test_has_the_types_of_what_the_caller_sees(admin, alice, edith, stranger):
    declare(admin)
    text = alice.get("/client.ts").text
    row = interface(text, "Note")
    assert "title: string;" in row
    assert 'state: "open" | "it\'s \\"done\\"" | "" | null;' in row
    assert {"price: string | null;", "number: number;", "tags: Array<string> | null;", "extra: unknown;"} <= {*row}
    assert "/** Ends no comment: *\\/ x */" in row
    assert 'photo: Schemas["AttachedFile"] | null;' in row
    body = interface(text, "NoteCreate")
    assert "photo?: string | null;" in body
    assert {"title: string;", "price?: string | null;", "book?: string | null;"} <= {*body}
    assert not {"number", "seen", "secret", "id"} & {line.partition(":")[0].rstrip("?") for line in body}
    assert "title?: string;" in interface(text, "NoteUpdate")
    for person, resources, hidden in (
        (alice, ["notes"], True),
        (edith, ["books", "notes"], False),
        (stranger, ["notes"], True),
    ):
        text = person.get("/client.ts").text
        assert [name for name in ("books", "notes") if f"\n  {name}: {{" in text] == resources, person.name
        assert bool({"secret:", "secret?:"} & {*text.split()}) != hidden, person.name
    assert "seen?: string | null;" in interface(edith.get("/client.ts").text, "NoteCreate")


def test_answers_304_until_something_changes(admin, alice):
    declare(admin)
    first = alice.get("/client.ts")
    assert (first.status_code, first.mimetype) == (200, "text/plain")
    tag = {"If-None-Match": first.headers["ETag"]}
    same = alice.get("/client.ts", headers=tag)
    assert (same.status_code, same.data) == (304, b"")
    assert first.headers["Cache-Control"] == "private, no-cache"
    admin.declare("pens", {"color": {"type": "string"}}, access=OPEN)
    changed = alice.get("/client.ts", headers=tag)
    assert changed.status_code == 200
    assert "\n  pens: {" in changed.text
    assert alice.get("/client.ts?x=1").status_code == 422


@ON_SQLITE
def test_may_require_a_sign_in(settings, alice):
    app = create_app(replace(settings, public_docs=False))
    assert Person(app).get("/client.ts").json["error"]["code"] == "UNAUTHENTICATED"
    assert Person(app, "alice").get("/client.ts").status_code == 200
    database.close_all()
