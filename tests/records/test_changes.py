"""The feed of changes: `feed: true`, and `GET /changes`."""

from datetime import timedelta

import pytest

from backend.models import feed
from backend.models.database import database
from backend.models.feed import FeedChange
from backend.routes.toolkit import etags
from backend.services.operation import cleanup
from backend.utils.clock import utcnow
from tests.conftest import ON_SQLITE
from tests.helpers import OPEN
from tests.parts.backups import make_backup, restore
from tests.parts.changes import Follower

FIELDS = {
    "title": {"type": "string", "required": True},
    "price": {"type": "integer"},
    "twice": {"type": "integer", "computed": "price * 2"},
    "wage": {"type": "integer", "readable_by": ["editor"]},
    "parent": {"type": "reference", "to": "notes", "on_delete": "set_null"},
    "top": {"type": "reference", "to": "notes", "on_delete": "cascade"},
    "friends": {"type": "references", "to": "notes"},
}


@pytest.fixture
def notes(admin):
    """A resource with a feed, whose records members change."""
    return admin.declare("notes", FIELDS, access=OPEN, feed=True)


def shown(changes):
    """Return (action, version, fields) of changes."""
    return [(each["action"], each["version"], each["fields"]) for each in changes]


def test_lists_each_change_once_with_who_changed_which_fields(notes, alice, bob):
    follower = Follower(alice)
    note = alice.make("notes", title="Milk", price=1)
    bob.patch(f"/notes/{note['id']}", json={"price": 2})
    alice.put(f"/notes/{note['id']}", json={"title": "Tea"})
    bob.delete(f"/notes/{note['id']}")
    changes = follower.read(4)
    assert shown(changes) == [
        ("create", 1, []),
        ("update", 2, ["price", "twice"]),
        ("update", 3, ["parent", "price", "title", "top", "twice"]),
        ("delete", 4, []),
    ]
    assert {each["id"] for each in changes} == {note["id"]}
    assert {each["resource"] for each in changes} == {"notes"}
    assert [each["by"] for each in changes] == [alice.id, bob.id, alice.id, bob.id]
    assert changes[0]["at"] == note["created_at"] or changes[0]["at"] > note["created_at"]
    assert follower.read(0) == []
    # Each change has a cursor of its own, and pages end where they are told to.
    first = follower.ask(after=changes[0]["cursor"], limit=2)
    assert (shown(first["data"]), first["meta"]["more"]) == (shown(changes)[1:3], True)
    rest = follower.ask(after=first["meta"]["next_cursor"], limit=2)
    assert (shown(rest["data"]), rest["meta"]["more"]) == (shown(changes)[3:], False)


def test_every_way_to_change_a_record_is_listed(notes, admin, alice):
    follower = Follower(alice)
    top, parent = alice.make("notes", title="top"), alice.make("notes", title="parent")
    child = alice.make("notes", title="child", parent=parent["id"], top=top["id"], friends=[top["id"], parent["id"]])
    names = {record["id"]: record["title"] for record in (top, parent, child)}
    update = {"op": "update", "resource": "notes", "id": child["id"], "data": {"price": 1}}
    assert alice.post("/batch", json={"operations": [update, update]}).status_code == 200
    load = {"content_type": "text/csv", "query_string": {"mode": "upsert", "key": "id"}}
    assert alice.post("/notes/import", data=f"id,title\n{child['id']},c\n", **load).status_code == 200
    assert alice.post("/notes/import", data="title\nloaded\nmore\n", content_type="text/csv").status_code == 200
    assert alice.patch(f"/notes/{child['id']}", json={"friends": {"add": [child["id"]]}}).status_code == 200
    assert alice.delete(f"/notes/{parent['id']}").status_code == 200
    assert alice.delete(f"/notes/{top['id']}").status_code == 200
    changes = follower.read(14)
    assert [(names.get(each["id"]), *rest) for each, rest in zip(changes, shown(changes), strict=True)] == [
        ("top", "create", 1, []),
        ("parent", "create", 1, []),
        ("child", "create", 1, []),
        ("child", "update", 2, ["price", "twice"]),
        ("child", "update", 3, ["price", "twice"]),
        ("child", "update", 4, ["title"]),
        (None, "create", 1, []),
        (None, "create", 1, []),
        ("child", "update", 5, ["friends"]),
        ("parent", "delete", 2, []),
        ("child", "update", 6, ["parent"]),
        ("child", "update", 7, ["friends"]),
        ("top", "delete", 2, []),
        ("child", "delete", 8, []),
    ]


def test_the_deletion_of_an_owner_is_listed(admin, alice, bob):
    for name, rule in (("kept", "set_null"), ("gone", "cascade")):
        admin.declare(name, {"title": {"type": "string"}}, access=OPEN, feed=True, on_owner_delete=rule)
    follower = Follower(bob, "kept,gone")
    for name in ("kept", "gone"):
        alice.make(name, title="x")
    assert admin.delete(f"/users/{alice.id}").status_code == 200
    changes = follower.read(4)
    assert sorted((each["resource"], *rest) for each, rest in zip(changes, shown(changes), strict=True)) == [
        ("gone", "create", 1, []),
        ("gone", "delete", 2, []),
        ("kept", "create", 1, []),
        ("kept", "update", 2, ["created_by"]),
    ]
    assert [each["by"] for each in changes if each["version"] == 1] == [None, None]  # who made them is deleted


def test_refused_changes_and_resources_without_feed_are_not_listed(notes, admin, alice):
    admin.declare("quiet", {"title": {"type": "string"}}, access=OPEN)
    follower = Follower(alice)
    alice.make("quiet", title="x")
    note = alice.make("notes", title="Milk")
    alice.patch(f"/notes/{note['id']}", json={"title": None})
    alice.patch(f"/notes/{note['id']}", json={"title": "x"}, headers={"If-Match": '"9"'})
    alice.patch(f"/notes/{note['id']}", json={})
    update = {"op": "update", "resource": "notes", "id": note["id"], "data": {"title": "y"}}
    alice.post("/batch", json={"operations": [update, {"op": "create", "resource": "notes", "data": {}}]})
    alice.post("/notes/import", data="title,price\na,1\nb,x\n", content_type="text/csv")
    assert alice.patch(f"/notes/{note['id']}", json={"title": "z"}).status_code == 200
    assert shown(follower.read(2)) == [("create", 1, []), ("update", 2, ["title"])]
    asked = alice.get("/changes?resource=quiet")
    assert (asked.status_code, [*asked.json["error"]["details"]["query"]]) == (422, ["resource"])


def test_data_is_the_record_as_it_is_now(notes, admin, alice, edith):
    follower = Follower(alice)
    note, gone = alice.make("notes", title="Milk"), alice.make("notes", title="gone")
    admin.patch(f"/notes/{note['id']}", json={"title": "Tea", "wage": 4242})
    alice.delete(f"/notes/{gone['id']}")
    cursor = follower.cursor
    assert len(follower.read(4)) == 4
    for person in (alice, edith):
        changes = Follower(person, data="true").ask(after=cursor)["data"]
        now = person.get(f"/notes/{note['id']}").json["data"]
        assert [each["data"] for each in changes] == [now, None, now, None]
    # A field that is hidden is neither in the data nor named; the version shows that there was a change.
    admin.patch(f"/notes/{note['id']}", json={"wage": 1})
    assert [each["fields"] for each in follower.read(1)] == [[]]
    assert [each["fields"] for each in Follower(edith).ask(after=cursor)["data"]] == [
        [],
        [],
        ["title", "wage"],
        [],
        ["wage"],
    ]
    assert "wage" not in alice.get("/changes", query_string={"resource": "notes", "after": cursor, "data": "1"}).text


def test_after_a_list_no_change_is_missed(notes, alice):
    alice.make("notes", title="before")
    listed = alice.get("/notes").json
    alice.make("notes", title="after")
    follower = Follower(alice)
    follower.cursor = listed["meta"]["changes_cursor"]
    seen = {each["id"] for each in follower.read(1)} | {each["id"] for each in listed["data"]}
    assert seen == {each["id"] for each in alice.get("/notes").json["data"]}
    assert alice.get("/notes?per_page=1&count=false").json["meta"]["changes_cursor"]


@ON_SQLITE
def test_refuses_cursors_of_others(notes, admin, alice):
    admin.declare("others", {"title": {"type": "string"}}, access=OPEN, feed=True)
    mine, both = Follower(alice), Follower(alice, "others,notes")
    assert alice.get(f"/changes?resource=notes,others&after={mine.cursor}").status_code == 200  # as that of a list is
    assert alice.get(f"/changes?resource=others,notes&after={both.cursor}").status_code == 200
    for query, status in (
        (f"resource=others&after={mine.cursor}", 400),
        (f"resource=notes&after={both.cursor}", 400),
        (f"resource=notes&after={mine.cursor[::-1]}", 400),
        (f"resource=notes&after={mine.cursor[:-8]}", 400),
        ("resource=notes&after=%C3%A4", 400),
        ("resource=notes&after=", 422),
        ("resource=", 422),
        ("", 422),
        ("resource=nothing", 422),
        ("resource=notes&limit=0", 422),
        ("resource=notes&limit=1001", 422),
        ("resource=notes&surplus=1", 422),
    ):
        assert alice.get(f"/changes?{query}").status_code == status, query


def test_a_feed_begins_anew_if_its_past_would_mislead(admin, alice):
    body = {"fields": {"title": {"type": "string"}, "size": {"type": "string"}}, "access": OPEN, "feed": True}

    def change(name="notes", confirm="", **parts):
        body.update(parts)
        answer = admin.put(f"/resources/{name}", json=body, query_string={"confirm": confirm} if confirm else {})
        if answer.status_code == 409:
            return change(name, answer.json["error"]["details"]["plan"]["fingerprint"])
        assert answer.status_code == 200, answer.json
        return None

    admin.declare("notes", **body)
    fields = body["fields"]
    for parts, expires in (
        ({"description": "x"}, False),
        ({"fields": fields | {"more": {"type": "string"}}}, False),
        ({"fields": fields | {"more": {"type": "string", "required": True, "default": "x"}}}, True),
        ({"fields": fields}, True),
        ({"fields": {"title": {"type": "string"}, "width": {"type": "string", "renamed_from": "size"}}}, True),
        ({"fields": {"title": {"type": "string"}, "width": {"type": "integer"}}}, True),
        ({"fields": {"title": {"type": "string"}, "width": {"type": "integer", "readable_by": ["editor"]}}}, True),
        ({"access": OPEN | {"list": ["owner"]}}, True),
        ({"access": OPEN}, True),
        ({"access": OPEN | {"create": ["editor", "member"]}}, False),
        ({"feed": False}, None),
        ({"feed": True}, True),
    ):
        if body["feed"]:
            follower = Follower(alice)
        change(**parts)
        answer = alice.get(f"/changes?resource=notes&after={follower.cursor}")
        assert answer.status_code == {False: 200, True: 410, None: 422}[expires], (parts, answer.json)
    assert answer.json["error"]["code"] == "CURSOR_EXPIRED"
    follower = Follower(alice)
    alice.make("notes", title="x")
    assert len(follower.read(1)) == 1
    body.update(name="items", renamed_from="notes")
    change()
    moved = alice.get(f"/changes?resource=items&after={alice.get('/items').json['meta']['changes_cursor']}")
    assert moved.json["data"] == []
    assert alice.get(f"/changes?resource=notes&after={follower.cursor}").status_code == 422
    assert alice.get(f"/changes?resource=items&after={follower.cursor}").status_code == 400
    assert admin.delete("/resources/items?confirm=true").status_code == 200
    assert alice.get("/changes?resource=items").status_code == 422


def test_cursors_expire_with_the_changes_after_them(notes, settings, alice, monkeypatch):
    monkeypatch.setattr(feed, "DELETED_AT_ONCE", 2)
    start = Follower(alice).cursor
    follower = Follower(alice)
    for number in range(5):
        alice.make("notes", title=str(number))
    cursors = [each["cursor"] for each in follower.read(5)]
    note = alice.make("notes", title="later")
    with database.connection_context():
        old = FeedChange.record_id != note["id"]
        assert FeedChange.update(created_at=utcnow() - timedelta(days=31)).where(old).execute() == 5
    cleanup.clean_up(settings)
    with database.connection_context():
        assert FeedChange.select().count() == 1
    for cursor in (start, cursors[0], cursors[3]):
        answer = alice.get(f"/changes?resource=notes&after={cursor}")
        assert (answer.status_code, answer.json["error"]["code"]) == (410, "CURSOR_EXPIRED")
    follower.cursor = cursors[4]  # nothing after it was deleted
    assert [each["id"] for each in follower.read(1)] == [note["id"]]


def test_a_restored_backup_begins_a_new_feed(app, notes, alice):
    def run(*arguments):
        return app.test_cli_runner().invoke(args=["backup", *arguments])

    alice.make("notes", title="kept")
    before, path = Follower(alice), make_backup(run)
    alice.make("notes", title="lost")
    follower = Follower(alice)
    restore(run, path)
    alice.forget_token()
    for cursor in (before.cursor, follower.cursor):
        assert alice.get(f"/changes?resource=notes&after={cursor}").status_code == 410
    follower = Follower(alice)
    alice.make("notes", title="new")
    assert shown(follower.read(1)) == [("create", 1, [])]


@ON_SQLITE
def test_documents_name_the_feeds_that_the_caller_may_read(admin, alice, stranger):
    fields, member = {"title": {"type": "string"}}, {"list": ["member"]}
    admin.declare("mine", fields, feed=True, access=member)
    admin.declare("secret", fields, feed=True)
    admin.declare("quiet", fields, access=member)

    def feeds(person):
        document = person.get("http://localhost/openapi.json").json
        found, streamed = (
            each["schema"]["items"].get("enum")
            for path in ("changes", "changes/stream")
            for each in document["paths"][f"/api/v1/{path}"]["get"]["parameters"]
            if each["name"] == "resource"
        )
        assert streamed == found
        return found

    assert (feeds(admin), feeds(alice), feeds(stranger)) == (["mine", "secret"], ["mine"], None)
    described = alice.get("/schema").json["data"]["resources"]
    assert {each["name"]: each["feed"] for each in described} == {"mine": True, "quiet": False}
    assert alice.get("/changes?resource=secret").status_code == 403
    assert stranger.get("/changes?resource=mine").status_code == 401


@ON_SQLITE
def test_a_cached_list_keeps_its_tag_although_cursors_differ(admin, stranger, monkeypatch):
    now = utcnow()
    monkeypatch.setattr(etags, "utcnow", lambda: now)
    fields = {"title": {"type": "string"}}
    admin.declare("news", fields, access={"list": ["public"]}, cache_seconds=60, feed=True)
    admin.declare("others", fields)
    first = stranger.get("/news")
    admin.make("others", title="x")  # the first response is not kept any longer
    second = stranger.get("/news")
    assert first.json["meta"]["changes_cursor"] != second.json["meta"]["changes_cursor"]
    assert first.headers["ETag"] == second.headers["ETag"]
    assert stranger.get("/news", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    now += timedelta(hours=1)  # a client that is always sent 304 must not keep a cursor that expires
    admin.make("others", title="y")
    assert stranger.get("/news").headers["ETag"] != first.headers["ETag"]
