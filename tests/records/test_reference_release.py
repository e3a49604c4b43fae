"""Deleting a record sets references to it to null; the referring records get a new version."""

import pytest

from tests.helpers import OPEN


@pytest.fixture
def shelf(admin, alice):
    """A room, a shelf that is deleted with it, and a book whose reference to the shelf becomes null, in this order."""
    name = {"type": "string"}
    admin.declare("rooms", {"name": name}, access=OPEN)
    to_room = {"type": "reference", "to": "rooms", "on_delete": "cascade"}
    admin.declare("shelves", {"room": to_room, "inside": to_room | {"to": "shelves"}}, access=OPEN)
    to_shelf = {"type": "reference", "to": "shelves", "on_delete": "set_null"}
    admin.declare("books", {"shelf": to_shelf}, access=OPEN)
    room = alice.make("rooms", name="Study")
    shelf = alice.make("shelves", room=room["id"])
    return room, shelf, alice.make("books", shelf=shelf["id"])


def test_a_reference_set_to_null_is_a_new_version(shelf, alice):
    _, shelf, book = shelf
    alice.delete(f"/shelves/{shelf['id']}")
    after = alice.get(f"/books/{book['id']}").json["data"]
    assert after["shelf"] is None
    assert after["version"] == 2
    assert after["updated_at"] > book["updated_at"]


def test_a_reference_at_the_end_of_a_cascade_is_set_to_null_too(shelf, alice):
    room, outer, _ = shelf
    inner = alice.make("shelves", inside=outer["id"])
    book = alice.make("books", shelf=inner["id"])
    alice.delete(f"/rooms/{room['id']}")
    assert alice.get("/shelves").json["data"] == []
    assert alice.get(f"/books/{book['id']}").json["data"]["version"] == 2


def test_a_cycle_of_cascades_ends(shelf, alice):
    _, shelf, _ = shelf
    alice.patch(f"/shelves/{shelf['id']}", json={"inside": shelf["id"]})
    assert alice.delete(f"/shelves/{shelf['id']}").status_code == 200
    assert alice.get("/shelves").json["data"] == []
