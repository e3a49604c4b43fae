"""Who sees which changes: rules on rows, hidden fields, deletions, and who made a change."""

import dataclasses
from datetime import timedelta

import pytest

from backend.routes.toolkit import streaming
from backend.services.records import change_cursors
from backend.utils.clock import utcnow
from tests.conftest import ON_SQLITE
from tests.helpers import load
from tests.parts.changes import Follower
from tests.parts.every_reader import assert_sent, assert_streamed, webhooks_of
from tests.parts.streams import open_stream

FIELDS = {
    "state": {"type": "string"},
    "text": {"type": "string"},
    "wage": {"type": "integer", "readable_by": ["editor"]},
}
WRITERS = {"create": ["member"], "update": ["member"], "delete": ["member"], "read": ["member"]}
IF_OPEN = {"role": "member", "where": {"state": "open"}}
ALL = [
    *("a1 create", "b1 create", "c1 create", "d1 create", "a2 update state", "a3 update text wage"),
    *("b2 update state", "c2 delete", "d2 update wage", "a4 update wage"),
]
WITHOUT_WAGE = [each.replace(" wage", "") for each in ALL]


@pytest.fixture
def settings(settings):
    return dataclasses.replace(settings, streams=2)


def write(admin, alice):
    """Write the same changes for each case: `a` comes into the rule and stays, `b` leaves it, `c` is deleted."""
    a, b, c = (admin.make("notes", state=state, wage=1) for state in ("draft", "open", "open"))
    d = alice.make("notes", state="draft")
    ids = {each["id"]: name for each, name in zip((a, b, c, d), "abcd", strict=True)}
    for person, record, values in (
        (admin, a, {"state": "open"}),
        (admin, a, {"text": "x", "wage": 2}),
        (admin, b, {"state": "draft"}),
    ):
        assert person.patch(f"/notes/{record['id']}", json=values).status_code == 200
    assert admin.delete(f"/notes/{c['id']}").status_code == 200
    for record in (d, a):
        assert admin.patch(f"/notes/{record['id']}", json={"wage": 3}).status_code == 200
    return ids


def seen(changes, ids):
    return [" ".join([f"{ids[each['id']]}{each['version']}", each["action"], *each["fields"]]) for each in changes]


@pytest.mark.parametrize(
    ("grants", "expected"),
    [
        (["member"], {"admin": ALL, "edith": ALL, "alice": WITHOUT_WAGE}),
        (["editor", IF_OPEN], {"admin": ALL, "edith": ALL, "alice": ["a4 update"]}),
        (["owner"], {"admin": ALL, "alice": ["d2 update"], "bob": []}),
        (["owner", {"role": "editor", "where": {"state": "draft"}}], {"edith": ["b2 update state", "d2 update wage"]}),
        (["public"], {"stranger": WITHOUT_WAGE}),
        ([{"role": "public", "where": {"state": "open"}}], {"stranger": ["a4 update"], "bob": ["a4 update"]}),
    ],
)
def test_shows_what_the_reader_may_list_now(
    app, settings, admin, alice, bob, edith, stranger, monkeypatch, grants, expected
):
    monkeypatch.setattr(streaming, "BEAT_SECONDS", 0.1)
    admin.declare("notes", FIELDS, access={**WRITERS, "list": grants}, feed=True)
    people = {"admin": admin, "alice": alice, "bob": bob, "edith": edith, "stranger": stranger}
    complete = Follower(admin)
    followers = {name: Follower(people[name], data="true") for name in expected}
    accounts = {name: people[name] for name in expected if name != "stranger"}
    with webhooks_of(app, settings, accounts, "notes") as send:
        ids = write(admin, alice)
        assert seen(complete.read(len(ALL)), ids) == ALL  # all are settled now
        sent = send()
    for name, lines in expected.items():
        changes = followers[name].read(0)
        assert seen(changes, ids) == lines, name
        assert_streamed(people[name], followers[name], changes)
        if name in accounts:
            assert_sent(sent[name], changes)
        listed = {record["id"]: record for record in people[name].get("/notes").json["data"]}
        assert [each["data"] for each in changes] == [
            None if each["action"] == "delete" else listed.get(each["id"]) for each in changes
        ], name
        # The same in pages of one, whatever is left out between them.
        small, lines_of_pages, more = Follower(people[name], limit=1), [], True
        small.cursor = followers[name].start
        while more:
            page = small.ask(after=small.cursor)
            small.cursor, more = page["meta"]["next_cursor"], page["meta"]["more"]
            lines_of_pages += seen(page["data"], ids)
        assert lines_of_pages == lines, name


@ON_SQLITE
def test_shows_who_made_a_change_only_to_those_who_see_the_users(admin, alice, bob, stranger):
    admin.declare("notes", FIELDS, access={**WRITERS, "list": ["public"]}, feed=True)
    followers = [Follower(person) for person in (admin, alice, stranger)]
    alice.make("notes", state="x")
    bob.make("notes", state="y")
    assert [[each["by"] for each in one.read(2)] for one in followers] == [
        [alice.id, bob.id],
        [alice.id, bob.id],
        [None, None],
    ]


@ON_SQLITE
def test_a_cursor_expires_by_its_age_whether_or_not_others_write(admin, alice, monkeypatch):
    admin.declare("notes", FIELDS, access={**WRITERS, "list": ["owner"]}, feed=True)
    alice.make("notes", state="a")
    listed = alice.get("/notes").json["meta"]["changes_cursor"]
    own = Follower(alice)
    alice.make("notes", state="b")
    cursors = [own.start, listed, own.read(1)[0]["cursor"], own.cursor]
    for days, status in ((29.9, 200), (30.1, 410)):
        then = utcnow() + timedelta(days=days)
        monkeypatch.setattr(change_cursors, "utcnow", lambda then=then: then)
        answers = [alice.get(f"/changes?resource=notes&after={each}").status_code for each in cursors]
        assert answers == [status] * len(cursors)


@ON_SQLITE
def test_a_cursor_tells_nothing(admin, alice):
    admin.declare("notes", FIELDS, access={**WRITERS, "list": ["owner"]}, feed=True)
    first, second = (alice.get("/changes?resource=notes").json["meta"]["next_cursor"] for _ in range(2))
    assert first != second  # although nothing was changed
    assert len(first) == len(second)


def test_hidden_changes_neither_fill_pages_nor_end_a_wait(admin, alice):
    """Pages are the same whether others write nothing or a lot between the changes that the caller sees."""
    admin.declare("notes", FIELDS, access={**WRITERS, "list": ["owner"]}, feed=True)
    mine, complete = Follower(alice), Follower(admin)
    alice.make("notes", state="a")
    assert load(admin, "text\n" + "hidden\n" * 1100, resource="notes").status_code == 200
    alice.make("notes", state="b")
    assert len(complete.read(1102)) == 1102  # all are settled now
    for query in ({}, {"data": "true"}, {"wait": 1}, {"limit": 2}, {"limit": 2, "data": "true"}):
        page = mine.ask(after=mine.start, **query)
        assert ([each["version"] for each in page["data"]], page["meta"]["more"]) == ([1, 1], False)
        first = mine.ask(after=mine.start, **query | {"limit": 1})
        assert (len(first["data"]), first["meta"]["more"]) == (1, True)
        rest = mine.ask(after=first["meta"]["next_cursor"], **query | {"limit": 1})
        assert (len(rest["data"]), rest["meta"]["more"]) == (1, False)
    assert load(admin, "text\n" + "hidden\n" * 600, resource="notes").status_code == 200
    complete.read(600)
    for query in ({}, {"data": "true"}, {"wait": 1, "data": "true"}):
        nothing = mine.ask(after=page["meta"]["next_cursor"], **query)
        assert (nothing["data"], nothing["meta"]["more"]) == ([], False)


def test_a_change_of_hidden_links_does_not_name_their_field(admin, alice):
    open_tags = {"role": "public", "where": {"name": {"ne": "secret"}}}
    admin.declare("tags", {"name": {"type": "string"}}, access={"list": ["public"], "read": [open_tags]})
    fields = {"text": {"type": "string"}, "tags": {"type": "references", "to": "tags"}}
    admin.declare("notes", fields, access={**WRITERS, "list": ["member"]}, feed=True)
    shown, secret = (admin.make("tags", name=name)["id"] for name in ("shown", "secret"))
    path = f"/notes/{admin.make('notes', text='x', tags=[shown, secret])['id']}"
    mine, complete = Follower(alice, data="true"), Follower(admin, data="true")
    admin.patch(path, json={"tags": {"remove": [secret]}})
    admin.patch(path, json={"tags": {"add": [secret]}, "text": "y"})
    assert admin.delete(f"/tags/{secret}").status_code == 200
    changes, seen = complete.read(3), mine.read(3)
    assert [each["fields"] for each in changes] == [["tags"], ["tags", "text"], ["tags"]]
    assert [(each["fields"], each["data"]["tags"]) for each in seen] == [
        ([], [shown]),
        (["text"], [shown]),
        ([], [shown]),
    ]


def test_a_record_that_comes_into_view_without_a_change_is_not_streamed(admin, alice, monkeypatch):
    monkeypatch.setattr(streaming, "BEAT_SECONDS", 0.2)
    assert admin.put("/users/settings", json={"fields": {"team": {"type": "string"}}}).status_code == 200

    def join(team):
        assert admin.patch(f"/users/{alice.id}", json={"profile": {"team": team}}).status_code == 200

    join("blue")
    rule = {"role": "member", "where": {"state": "$user.team"}}
    admin.declare("notes", FIELDS, access={**WRITERS, "list": [rule]}, feed=True)
    complete = Follower(admin)
    with open_stream(alice, resource="notes") as (_, events):
        admin.make("notes", state="red")
        assert len(complete.read(1)) == 1
        assert [events.next()[0] for _ in range(3)] == ["beat"] * 3  # the stream has passed it over
        join("red")
        later = admin.make("notes", state="red")
        assert [each["id"] for each in events.take(1)] == [later["id"]]
        join(None)  # no row can be in the rule
        end = events.next()
        while end[0] == "beat":
            end = events.next()
        assert (end[0], end[1]["code"]) == ("end", "FORBIDDEN")
