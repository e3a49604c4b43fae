"""`text`: texts as long as a request may be."""

from tests.conftest import ON_SQLITE
from tests.field_types.contract import FieldTypeContract
from tests.helpers import CSV, PUBLIC, details_of, load, outcome


class TestText(FieldTypeContract):
    kept = [(text, text) for text in ("", "one\ntwo", "x" * 300_000, "ß" * 1000)]
    refused = [0, False, [], {}, "a\0b", "\ud800"]
    rows = ["Straße", "STRASSE", None, "long " * 10_000, ""]
    filters = {
        "=Straße": ["Straße"],
        "__ne=": ["Straße", "STRASSE", None, "long " * 10_000],
        "__in=,Straße": ["Straße", ""],
        "__in=": [],
        "__gt=a": ["long " * 10_000],
        "__lte=STRASSE": ["STRASSE", ""],
        "__contains=g l": ["long " * 10_000],
        "__icontains=stra": ["Straße", "STRASSE"],
        "__startswith=Str": ["Straße"],
    }
    refused_filters = ["=\0"]
    ascending = ["", "STRASSE", "Straße", "long " * 10_000, None]
    narrower = [{"min_length": 1}, {"max_length": 9}, {"pattern": "a"}]
    searchable = True
    refused_options = [
        ({"unique": True}, "unique"),
        ({"index": True}, "index"),
        ({"index": True, "max_length": 2_401}, "index"),
        ({"max_length": 10_000_001}, "max_length"),
        ({"default": []}, "default"),
    ]


SHORT = {"type": "text", "max_length": 2_400}
REASON = "A text in an index needs a max_length of at most 2,400."


@ON_SQLITE
def test_an_index_needs_a_stated_length(admin):
    for part in ("unique", "indexes"):
        body = {"name": "notes", "fields": {"note": {"type": "text"}, "n": {"type": "integer"}}, part: [["n", "note"]]}
        answer = admin.post("/resources", json=body)
        assert answer.status_code == 422
        assert details_of(answer)["json"] == {part: [f"note: {REASON}"]}
    answer = admin.post("/resources", json={"name": "notes", "fields": {"note": {"type": "text", "unique": True}}})
    assert details_of(answer)["json"]["fields"]["note"] == {"unique": [REASON]}


def test_a_text_of_a_stated_length_is_unique_indexed_and_sorted_whole(admin):
    fields = {"note": SHORT | {"unique": True}, "other": SHORT, "n": {"type": "integer"}}
    admin.declare("notes", fields, indexes=[["n", "other"]], access=PUBLIC)
    texts = ["x" * 500 + end for end in ("c", "a", "b")]
    for text in texts:
        admin.make("notes", note=text, other=text, n=1)
    assert admin.post("/notes", json={"note": texts[0]}).status_code == 409
    assert admin.post("/notes", json={"note": "ä" * 1_201}).status_code == 422
    found, cursor = [], ""
    while cursor is not None:
        page = admin.get(
            "/notes", query_string={"sort": "note", "per_page": 1} | ({"cursor": cursor} if cursor else {})
        )
        found += [note["note"] for note in page.json["data"]]
        cursor = page.json["meta"]["next_cursor"]
    assert found == sorted(texts)
    assert outcome(load(admin, f"note,n\n{texts[0]},7\n", CSV, "notes", mode="upsert", key="note")) == (1, 0, 1, 0)


def test_an_index_waits_until_no_text_is_too_long(admin):
    admin.declare("notes", {"note": {"type": "text"}}, access=PUBLIC)
    made = [admin.make("notes", note=text) for text in ("x" * 2_401, "ä" * 1_300)]
    body = {"fields": {"note": SHORT | {"unique": True}}, "access": PUBLIC}
    answer = admin.put("/resources/notes", json=body)
    assert answer.status_code == 409
    steps = details_of(answer)["plan"]["steps"]
    assert [(step["action"], step["impossible"], step["records"]) for step in steps] == [
        ("add_index", True, 2),
        ("change_constraints", True, 1),
        ("add_unique", False, 0),
    ]
    for note in made:
        admin.patch(f"/notes/{note['id']}", json={"note": note["id"]})
    assert admin.put("/resources/notes", json=body).status_code == 200
