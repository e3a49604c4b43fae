"""Imports attach files, and exports name them."""

import json

from tests.helpers import CSV, NDJSON, OPEN, UNKNOWN_ID, details_of, load, outcome
from tests.parts.files import stage, states

PLACES = {"name": {"type": "string", "unique": True}, "photo": {"type": "file", "types": ["image/*"]}}
MISSING = "There is no such file for you to attach: upload one first, with POST /api/v1/files."
EXAMPLE = "01890a5d-ac96-774b-bcce-b302099a8057"
USED = "This file is in use: each belongs to one field of one record. Upload it once more."


def test_an_import_attaches_files(admin, alice, bob):
    admin.declare("places", PLACES, access=OPEN)
    one, two, three, other = stage(alice), stage(alice), stage(alice), stage(bob)
    content = f"name,photo\na,{one}\nb,{two}\nc,\n"
    assert outcome(load(alice, content, resource="places", dry_run="true")) == (3, 3, 0, 0)
    assert states() == dict.fromkeys([one, two, three, other])
    assert outcome(load(alice, content, resource="places")) == (3, 3, 0, 0)
    a, b, c = alice.get("/places?sort=name").json["data"]
    assert [each["photo"] and each["photo"]["id"] for each in (a, b, c)] == [one, two, None]
    lines = f'{{"name": "a", "photo": "{three}"}}\n{{"name": "c"}}\n{{"name": "b", "photo": null}}\n'
    assert outcome(load(alice, lines, NDJSON, "places", mode="upsert", key="name")) == (3, 0, 3, 0)
    assert states() == {one: "removed", two: "removed", three: ("places", a["id"], "photo"), other: None}


def test_a_row_with_a_file_that_cannot_be_attached_is_refused(admin, alice, bob):
    admin.declare("places", PLACES, access=OPEN)
    one, other, text = stage(alice), stage(bob), stage(alice, kind="text/plain")
    before = states()
    content = f"name,photo\na,{one}\nb,{one}\nc,{other}\nd,{UNKNOWN_ID}\ne,{text}\nf,x\n"
    assert outcome(load(alice, content, resource="places", dry_run="true")) == (6, 1, 0, 5)
    assert details_of(load(alice, content, resource="places"))["rows"] == {
        "3": [f"photo: {USED}"],
        "4": [f"photo: {MISSING}"],
        "5": [f"photo: {MISSING}"],
        "6": ["photo: This file is text/plain. Allowed: image/*."],
        "7": [f'photo: Must be a UUID such as {EXAMPLE}. Found: "x".'],
    }
    assert states() == before


def test_an_export_is_imported_again_and_changes_nothing(admin, alice):
    admin.declare("places", PLACES, access=OPEN)
    alice.make("places", name="a", photo=stage(alice, "=1 #2.png"))
    alice.make("places", name="b")
    before, files = alice.get("/places?sort=name").json["data"], states()
    exported = {form: alice.get(f"/places/export?format={form}&fields=name,photo").data for form in ("csv", "ndjson")}
    photo = before[0]["photo"]
    assert f"a,'=1 #2.png {photo['url']}#{photo['id']}" in exported["csv"].decode()
    assert json.loads(exported["ndjson"].splitlines()[0])["photo"] == photo
    for form, kind in (("csv", CSV), ("ndjson", NDJSON)):
        assert outcome(load(alice, exported[form], kind, "places", mode="upsert", key="name")) == (2, 0, 2, 0)
        assert [each["photo"] for each in alice.get("/places?sort=name").json["data"]] == [photo, None]
        assert states() == files
    # Elsewhere, the same file is not there.
    admin.declare("others", PLACES, access=OPEN)
    answer = load(alice, exported["csv"], CSV, "others")
    assert details_of(answer)["rows"] == {"2": [f"photo: {USED}"]}
