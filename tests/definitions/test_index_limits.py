"""Values that are too long for an index: refused in words, with the same limit on both databases."""

import json

from tests.conftest import ON_SQLITE
from tests.helpers import OPEN, details_of

LONG = {"type": "string", "max_length": 10_000}
FITS = "".join(chr(0x4E00 + 7919 * number % 20_000) for number in range(800))  # 2,400 bytes that hardly compress
REFUSED = {"code": ["At most 2,400 bytes, because the field is in an index."]}


def test_the_longest_value_that_fits_is_kept_and_found(admin, alice):
    for number, options in enumerate(({"unique": True}, {"index": True})):
        admin.declare(f"codes{number}", {"code": LONG | options}, access=OPEN | {"list": ["owner"]})
        made = alice.make(f"codes{number}", code=FITS)
        assert alice.get(f"/codes{number}?sort=-code").json["data"] == [made]
    assert alice.post("/codes0", json={"code": FITS}).status_code == 409


def test_a_longer_one_is_refused_by_every_way_to_write(admin, alice):
    admin.declare("codes", {"code": LONG | {"unique": True}, "n": {"type": "integer"}}, access=OPEN)
    made, code = alice.make("codes", n=1), FITS + "x"
    for answer in (
        alice.post("/codes", json={"code": code}),
        alice.patch(f"/codes/{made['id']}", json={"code": code}),
        alice.put(f"/codes/{made['id']}", json={"code": code}),
    ):
        assert (answer.status_code, details_of(answer)) == (422, {"json": REFUSED})
    operations = [{"op": "create", "resource": "codes", "data": {"code": code}}]
    assert alice.post("/batch", json={"operations": operations}).status_code == 422
    lines = "\n".join(json.dumps(each) for each in ({"n": 2}, {"code": code}, {"code": "short"}))
    done = alice.post("/codes/import", data=lines, content_type="application/x-ndjson")
    assert "2,400 bytes" in done.text
    line = json.dumps({"id": made["id"], "code": code})
    done = alice.post("/codes/import?mode=upsert&key=id", data=line, content_type="application/x-ndjson")
    assert "2,400 bytes" in done.text
    assert alice.get("/codes").json["data"] == [made]


def test_texts_of_one_index_share_its_room(admin, alice):
    fields = dict.fromkeys("abcdefg", LONG) | {"n": {"type": "decimal", "precision": 18}}
    admin.declare("codes", fields, unique=[[*"abcdefg", "n"]], access=OPEN | {"list": ["owner"]})
    share = FITS[: 2400 // 7 // 3]
    alice.make("codes", **dict.fromkeys("abcdefg", share), n="1.50")
    assert alice.post("/codes", json={"a": share + "ab"}).status_code == 422


def test_no_index_is_added_over_values_that_are_too_long(admin, alice):
    admin.declare("codes", {"code": LONG}, access=OPEN)
    made = alice.make("codes", code=FITS + "x")
    for options in ({"unique": True}, {"index": True}):
        body = {"fields": {"code": LONG | options}, "access": OPEN}
        answer = admin.put("/resources/codes", json=body)
        assert answer.status_code == 409
        assert "Index code, which has more than 2,400 bytes in 1 record." in answer.json["error"]["message"]
    alice.patch(f"/codes/{made['id']}", json={"code": FITS})
    assert admin.put("/resources/codes", json=body).status_code == 200


@ON_SQLITE
def test_a_field_without_an_index_takes_what_its_type_takes(admin, alice):
    admin.declare("codes", {"code": LONG, "text": {"type": "text"}}, access=OPEN)
    assert alice.make("codes", code="x" * 10_000, text="x" * 100_000)["version"] == 1


def test_a_conversion_keeps_what_fits_into_the_index(admin, alice):
    admin.declare("codes", {"code": {"type": "json"}, "text": {"type": "text"}}, access=OPEN)
    alice.make("codes", code=FITS + "x", text=FITS + "x")
    kept = alice.make("codes", code="short", text="short")
    unique = LONG | {"unique": True}
    body = {"fields": {"code": unique, "text": unique}, "access": OPEN}
    plan = admin.post("/resources/codes/plan", json=body).json["data"]
    assert [(step["loses_data"], step["records"]) for step in plan["steps"] if step["loses_data"]] == [(True, 1)] * 2
    assert admin.put(f"/resources/codes?confirm={plan['fingerprint']}", json=body).status_code == 200
    assert sorted(each["code"] or "" for each in alice.get("/codes").json["data"]) == ["", "short"]
    assert alice.get(f"/codes/{kept['id']}").json["data"]["text"] == "short"


def test_a_default_must_fit_too(admin):
    body = {"name": "codes", "fields": {"code": LONG | {"index": True, "default": FITS + "x"}}}
    answer = admin.post("/resources", json=body)
    assert answer.status_code == 422
    assert "default" in details_of(answer)["json"]["fields"]["code"]
