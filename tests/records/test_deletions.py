"""Deletes that reach far: chains and circles of references, of any depth, by every way to delete."""

import pytest

from backend.models.database import database
from backend.utils.ids import uuid7
from tests.conftest import ON_SQLITE
from tests.helpers import OPEN

DEPTH = 1_100  # SQLite nests 1,000 triggers


def reference(to, on_delete="cascade", **options):
    return {"type": "reference", "to": to, "on_delete": on_delete, **options}


def fill(resource, rows, owner=None):
    """Insert records with these references, a dict each, past the API; return their ids."""
    ids = [row.get("id") or uuid7() for row in rows]
    system = {"created_at": "2026-01-01T00:00:00.000000Z", "updated_at": "2026-01-01T00:00:00.000000Z", "version": 1}
    values = [system | {"created_by": owner} | row | {"id": each} for each, row in zip(ids, rows, strict=True)]
    listed, places = ", ".join(f'"{name}"' for name in values[0]), ", ".join([database.param] * len(values[0]))
    with database.connection_context(), database.atomic():
        statement = f'INSERT INTO "{resource}" ({listed}) VALUES ({places})'
        database.execute_many(statement, [[*each.values()] for each in values])
    return ids


def chain(resource, length, owner=None, **rest):
    """Make records that each refer to the one before as their `parent`; return their ids."""
    ids = [uuid7() for _ in range(length)]
    pairs = zip(ids, [None, *ids], strict=False)
    return fill(resource, [{"id": each, "parent": parent, **rest} for each, parent in pairs], owner)


def count(person, resource):
    return person.get(f"/{resource}?per_page=1").json["meta"]["total"]


@pytest.fixture
def nodes(admin):
    """A resource whose records are deleted with their `parent` or `other`, with a history and a search."""
    fields = {"name": {"type": "string"}, "parent": reference("nodes"), "other": reference("nodes")}
    admin.declare("nodes", fields, access=OPEN, history=True, search=["name"])
    admin.declare("labels", {"node": reference("nodes", "set_null")}, access=OPEN)
    admin.declare("locks", {"node": reference("nodes", "restrict")}, access=OPEN)


def test_a_chain_of_any_depth_is_deleted_with_its_first(nodes, admin, alice):
    ids = chain("nodes", DEPTH)
    kept = alice.make("nodes", name="kept")
    label = alice.make("labels", node=ids[-1])
    assert alice.delete(f"/nodes/{ids[0]}").status_code == 200
    assert [each["id"] for each in alice.get("/nodes").json["data"]] == [kept["id"]]
    after = alice.get(f"/labels/{label['id']}").json["data"]
    assert (after["node"], after["version"]) == (None, 2)
    for each in (ids[0], ids[1], ids[-1]):
        (entry,) = admin.get(f"/nodes/{each}/history").json["data"]
        assert (entry["action"], entry["changed_by"]) == ("delete", alice.id)
        assert entry["changes"].get("parent", {}).get("from") == (None if each == ids[0] else ids[ids.index(each) - 1])


def test_a_chain_is_deleted_by_a_batch_and_with_its_owner_too(admin, alice, bob):
    admin.declare("nodes", {"parent": reference("nodes")}, access=OPEN, on_owner_delete="cascade")
    chain("nodes", DEPTH, owner=bob.id)
    first, *_ = chain("nodes", DEPTH, owner=alice.id)
    operations = [{"op": "delete", "resource": "nodes", "id": first}]
    assert alice.post("/batch", json={"operations": operations}).status_code == 200
    assert count(alice, "nodes") == DEPTH
    assert admin.delete(f"/users/{bob.id}").status_code == 200
    assert count(alice, "nodes") == 0


def test_a_ring_of_any_length_is_deleted(nodes, admin, alice):
    ids = chain("nodes", DEPTH)
    assert alice.patch(f"/nodes/{ids[0]}", json={"parent": ids[-1]}).status_code == 200
    assert alice.delete(f"/nodes/{ids[DEPTH // 2]}").status_code == 200
    assert count(alice, "nodes") == 0
    entry = admin.get(f"/nodes/{ids[0]}/history").json["data"][0]
    assert (entry["action"], entry["changes"]["parent"]["from"]) == ("delete", ids[-1])


def test_a_record_that_two_references_lead_to_is_deleted_once(nodes, admin, alice):
    ids = chain("nodes", DEPTH)
    for each, other in ((ids[1], ids[-1]), (ids[-1], ids[0]), (ids[5], ids[5])):
        assert alice.patch(f"/nodes/{each}", json={"other": other}).status_code == 200
    assert alice.delete(f"/nodes/{ids[0]}").status_code == 200
    assert count(alice, "nodes") == 0
    for each in (ids[1], ids[5], ids[-1]):
        actions = [entry["action"] for entry in admin.get(f"/nodes/{each}/history").json["data"]]
        assert actions == ["delete", "update"]


def test_required_references_between_long_chains(admin, alice):
    """A record is found early by one reference and again, at the end of the chain, by a required one."""
    admin.declare("nodes", {"parent": reference("nodes")}, access=OPEN)
    fields = {"top": reference("nodes"), "node": reference("nodes", required=True), "parent": reference("leaves")}
    admin.declare("leaves", fields, access=OPEN)
    ids = chain("nodes", DEPTH)
    (leaf,) = fill("leaves", [{"top": ids[0], "node": ids[-1]}])
    below = chain("leaves", DEPTH - 50, node=ids[-2])
    alice.patch(f"/leaves/{below[0]}", json={"parent": leaf})
    assert alice.delete(f"/nodes/{ids[0]}").status_code == 200
    assert (count(alice, "nodes"), count(alice, "leaves")) == (0, 0)


@ON_SQLITE
def test_a_chain_that_alternates_between_two_resources_is_deleted(admin, alice):
    admin.declare("odds", {"parent": reference("odds")}, access=OPEN)
    admin.declare("evens", {"parent": reference("odds")}, access=OPEN)
    admin.put("/resources/odds", json={"fields": {"parent": reference("evens")}, "access": OPEN})
    first = parent = alice.make("odds")["id"]
    for depth in range(1, DEPTH):
        (parent,) = fill("evens" if depth % 2 else "odds", [{"parent": parent}])
    assert alice.delete(f"/odds/{first}").status_code == 200
    assert (count(alice, "odds"), count(alice, "evens")) == (0, 0)


def test_a_restricting_reference_deep_in_a_chain_keeps_everything(nodes, admin, alice):
    ids = chain("nodes", DEPTH)
    label, lock = alice.make("labels", node=ids[0]), alice.make("locks", node=ids[-1])
    answer = alice.delete(f"/nodes/{ids[0]}")
    assert answer.status_code == 409
    message = "A record that would be deleted with it is still referenced by locks."
    assert answer.json["error"]["message"] == message
    assert count(alice, "nodes") == DEPTH
    assert alice.get(f"/labels/{label['id']}").json["data"] == label
    assert admin.get(f"/nodes/{ids[5]}/history").json["data"] == []
    alice.delete(f"/locks/{lock['id']}")
    assert alice.delete(f"/nodes/{ids[0]}").status_code == 200


def test_records_that_restrict_each_other_go_with_their_owner(admin, alice, bob):
    access = OPEN | {"delete": ["owner"]}
    admin.declare("nodes", {"parent": reference("nodes", "restrict")}, access=access, on_owner_delete="cascade")
    ids = chain("nodes", 20, owner=bob.id)
    held = alice.make("nodes", parent=ids[3])
    answer = admin.delete(f"/users/{bob.id}")
    assert answer.status_code == 409
    message = "One of the records of nodes that the user owns is still referenced by nodes."
    assert answer.json["error"]["message"] == message
    assert count(alice, "nodes") == 21
    alice.delete(f"/nodes/{held['id']}")
    assert admin.delete(f"/users/{bob.id}").status_code == 200
    assert count(alice, "nodes") == 0


def test_a_refusal_names_only_what_the_actor_may_see(admin, alice, bob):
    admin.declare("nodes", {"name": {"type": "string"}}, access=OPEN)
    seen = {"secrets": {"create": ["member"]}, "diaries": dict.fromkeys(OPEN, ["owner"]) | {"create": ["member"]}}
    for name, access in (seen | {"locks": OPEN}).items():
        admin.declare(name, {"node": reference("nodes", "restrict")}, access=access)
    node = alice.make("nodes")
    path = f"/nodes/{node['id']}"
    assert bob.post("/secrets", json={"node": node["id"]}).status_code == 201
    assert bob.post("/diaries", json={"node": node["id"]}).status_code == 201

    def holders(person):
        answer = person.delete(path)
        assert answer.status_code == 409
        return answer.json["error"]["message"].removeprefix("The record is still referenced by ")

    assert [holders(person) for person in (alice, bob, admin)] == ["other records.", "diaries.", "diaries, secrets."]
    alice.make("locks", node=node["id"])
    assert holders(alice) == "locks."
    batch = {"operations": [{"op": "delete", "resource": "nodes", "id": node["id"]}]}
    assert "secrets" not in alice.post("/batch", json=batch).text


def test_a_refusal_to_delete_a_user_does_not_reveal_hidden_resources(admin, alice, bob):
    admin.post("/roles", json={"name": "clerk", "permissions": ["users:read", "users:write"]})
    admin.patch(f"/users/{alice.id}", json={"roles": ["member", "clerk"]})
    admin.declare("secrets", {"name": {"type": "string"}}, access={"create": ["member"]}, on_owner_delete="restrict")
    assert bob.post("/secrets", json={"name": "x"}).status_code == 201
    by_clerk, by_admin = alice.delete(f"/users/{bob.id}"), admin.delete(f"/users/{bob.id}")
    assert (by_clerk.status_code, by_admin.status_code) == (409, 409)
    assert ["secrets" in each.text for each in (by_clerk, by_admin)] == [False, True]


@ON_SQLITE
def test_a_resource_with_a_long_chain_can_be_dropped(admin, alice):
    admin.declare("nodes", {"parent": reference("nodes")}, access=OPEN)
    chain("nodes", DEPTH)
    assert admin.delete("/resources/nodes?confirm=true").status_code == 200
    assert alice.get("/nodes").status_code == 404
