"""Files are attached to records by ordinary writes, and removed by them."""

import hashlib
from dataclasses import replace

from backend import create_app
from tests.conftest import ON_SQLITE, Person
from tests.helpers import OPEN, UNKNOWN_ID, details_of
from tests.parts.files import stage, states

PHOTO = {"type": "file", "types": ["image/*"], "max_bytes": 10}
PLACES = {"name": {"type": "string"}, "photo": PHOTO, "plan": {"type": "file"}}


def test_a_record_has_what_is_known_of_its_file(admin, alice, bob):
    admin.declare("places", PLACES, access=OPEN)
    photo = stage(alice, 'a "b".png')
    made = alice.make("places", name="Home", photo=photo)
    assert made["photo"] == {
        **{"id": photo, "name": 'a "b".png', "type": "image/png", "bytes": 5},
        "sha256": hashlib.sha256(b"bytes").hexdigest(),
        "url": f"/api/v1/places/{made['id']}/photo",
    }
    assert made["plan"] is None
    path = f"/places/{made['id']}"
    assert bob.get(path).json["data"] == made
    assert bob.get("/places").json["data"] == [made]
    assert bob.get("/places?fields=photo").json["data"] == [{"photo": made["photo"]}]
    assert states() == {photo: ("places", made["id"], "photo")}


@ON_SQLITE
def test_a_url_begins_with_the_public_path(settings, admin):
    under_path = Person(create_app(replace(settings, public_url="http://localhost:8000/larder/")), "admin")
    under_path.declare("places", PLACES, access=OPEN)
    made = under_path.make("places", photo=stage(under_path))
    assert made["photo"]["url"] == f"/larder/api/v1/places/{made['id']}/photo"


def test_a_write_replaces_and_removes_files(admin, alice, bob):
    admin.declare("places", PLACES, access=OPEN)
    one, two, three = (stage(alice) for _ in range(3))
    made = alice.make("places", photo=one, plan=two)
    path = f"/places/{made['id']}"
    changed = alice.patch(path, json={"photo": three}).json["data"]
    assert (changed["photo"]["id"], changed["plan"]["id"]) == (three, two)
    assert states() == {one: "removed", two: ("places", made["id"], "plan"), three: ("places", made["id"], "photo")}
    # Everybody who may write a record can send it back as it was read.
    sent = {name: changed[name] for name in PLACES}
    replaced = bob.put(path, json=sent).json["data"]
    assert (replaced["photo"], replaced["plan"]) == (changed["photo"], changed["plan"])
    assert bob.patch(path, json={"photo": three.upper()}).status_code == 200
    assert bob.put(path, json={"name": "Home", "plan": two}).json["data"]["photo"] is None
    assert states() == {one: "removed", two: ("places", made["id"], "plan"), three: "removed"}
    assert bob.delete(path).status_code == 200
    assert states() == dict.fromkeys([one, two, three], "removed")


def test_a_file_that_cannot_be_attached_is_refused(admin, alice, bob):
    admin.declare("places", PLACES, access=OPEN)
    used, large, text, other, removed, two = (
        stage(alice),
        stage(alice, content=b"eleven byte"),
        stage(alice, kind="text/plain"),
        stage(bob),
        stage(alice),
        stage(alice),
    )
    made = alice.make("places", photo=removed)
    alice.patch(f"/places/{made['id']}", json={"photo": used})
    before = states()
    missing = "There is no such file for you to attach: upload one first, with POST /api/v1/files."
    wrong = {
        used: "This file is in use: each belongs to one field of one record. Upload it once more.",
        large: "At most 10 bytes; this file has 11.",
        text: "This file is text/plain. Allowed: image/*.",
        **dict.fromkeys([UNKNOWN_ID, other, removed], missing),
    }
    for method, path in (("POST", "/places"), ("PATCH", f"/places/{alice.make('places')['id']}")):
        for file_id, message in wrong.items():
            answer = alice.send(method, path, json={"photo": file_id})
            assert (answer.status_code, details_of(answer)) == (422, {"json": {"photo": [message]}}), message
        answer = alice.send(method, path, json={"photo": two, "plan": two})
        assert details_of(answer) == {"json": {"plan": [wrong[used]]}}
    for value in ("x", 1, [], {}, True, [two], {"id": 1}):
        assert list(details_of(alice.post("/places", json={"photo": value}))["json"]) == ["photo"], value
    assert states() == before
