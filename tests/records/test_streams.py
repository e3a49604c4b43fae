"""Streams of changes: how they begin, what they refuse, how they continue and end."""

import dataclasses
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from backend.middleware import tokens
from backend.routes.toolkit import streaming
from backend.services.operation.open_streams import MAX_OF_AN_ACTOR, open_streams
from tests.conftest import ON_SQLITE, Person
from tests.helpers import assert_failure, details_of
from tests.parts.changes import Follower
from tests.parts.streams import open_stream

FIELDS = {"title": {"type": "string"}, "about": {"type": "json"}}
ACCESS = {"list": ["public"], "read": ["public"], "create": ["member"], "update": ["member"], "delete": ["member"]}
STREAMS = MAX_OF_AN_ACTOR + 1


@pytest.fixture
def settings(settings):
    return dataclasses.replace(settings, streams=STREAMS)


@pytest.fixture(autouse=True)
def short_beats(monkeypatch):
    monkeypatch.setattr(streaming, "BEAT_SECONDS", 0.2)


def declare(admin, name="notes", **rest):
    admin.declare(name, FIELDS, access=ACCESS, feed=True, **rest)


def test_a_stream_begins_now_and_continues_after_the_last_id(admin, alice):
    declare(admin)
    declare(admin, "tags")
    alice.make("notes", title="before")
    with open_stream(alice, resource="notes,tags") as (response, events):
        assert (response.status_code, response.mimetype) == (200, "text/event-stream")
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Accel-Buffering"] == "no"
        event, _, begin = events.next()
        assert event == "beat"
        follower = Follower(alice, "notes,tags")
        note = alice.make("notes", title="first", about={"a": ["\n", {"b": "\r\n"}]})
        (change,) = events.take(1)
        assert (change["id"], change["action"], change["by"]) == (note["id"], "create", alice.id)
        assert change.keys() == follower.read(1)[0].keys()
    alice.make("tags", title="while away")
    alice.patch(f"/notes/{note['id']}", json={"title": "changed"})
    alice.delete(f"/notes/{note['id']}")
    lines = ["tags create", "notes update", "notes delete"]
    for after, expected in ((change["cursor"], lines), (begin, ["notes create", *lines])):
        # The header is what a browser sends; it is newer than the URL.
        with open_stream(alice, {"Last-Event-ID": after}, resource="notes,tags", after=begin, data="true") as (
            _,
            events,
        ):
            found = events.take(len(expected))
        assert [f"{each['resource']} {each['action']}" for each in found] == expected
        assert found[-1]["data"] is None
    with open_stream(alice, resource="notes", after=alice.get("/notes").json["meta"]["changes_cursor"]) as (_, events):
        assert events.next()[0] == "beat"
        alice.make("notes", title="listed")
        assert len(events.take(1)) == 1
    assert open_streams.number == 0


def test_a_cursor_that_expires_and_a_definition_that_ends_the_feed_end_the_stream(admin, alice):
    declare(admin)
    with open_stream(alice, resource="notes") as (_, events):
        cursor = events.next()[2]
        fields = {"name": {"type": "string", "renamed_from": "title"}, "about": {"type": "json"}}
        renamed = {"fields": fields, "access": ACCESS, "feed": True}
        assert admin.put("/resources/notes", json=renamed).status_code == 200
        end = events.next()
        while end[0] == "beat":
            end = events.next()
        assert (end[0], end[1]["code"]) == ("expired", "CURSOR_EXPIRED")
        assert events.next() is None
    answer = alice.get("/changes/stream", query_string={"resource": "notes", "after": cursor})
    assert_failure(answer, 410, "CURSOR_EXPIRED")
    with open_stream(alice, resource="notes") as (_, events):
        assert events.next()[0] == "beat"
        assert (
            admin.put(
                "/resources/notes", json=renamed | {"feed": False, "fields": {**fields, "name": {"type": "string"}}}
            ).status_code
            == 200
        )
        end = events.next()
        while end[0] == "beat":
            end = events.next()
        assert (end[0], end[1]["code"]) == ("end", "VALIDATION_ERROR")
        assert end[1]["details"]["query"]["resource"][0]["code"] == "not_allowed"


@ON_SQLITE
def test_a_stream_ends_with_the_session_the_grant_and_the_token(admin, alice, bob, settings, monkeypatch):
    admin.declare("notes", FIELDS, access=ACCESS | {"list": ["editor"]}, feed=True)
    for name in ("alice", "bob"):
        person = {"alice": alice, "bob": bob}[name]
        assert admin.patch(f"/users/{person.id}", json={"roles": ["member", "editor"]}).status_code == 200
    cookies = Person(alice.client.application, "alice").client
    body = {"email": alice.email, "password": "correct horse battery", "cookies": True}
    assert cookies.post("/api/v1/auth/login", json=body).status_code == 200
    with ExitStack() as stack:
        (_, first), (_, second) = (stack.enter_context(open_stream(each, resource="notes")) for each in (alice, bob))
        response = cookies.get("/api/v1/changes/stream?resource=notes", buffered=False)
        parts = response.iter_encoded()
        stack.callback(response.close)
        for _ in range(2):
            assert {first.next()[0], second.next()[0], next(parts)[:1] and "beat"} == {"beat"}
        assert admin.patch(f"/users/{bob.id}", json={"roles": ["member"]}).status_code == 200
        assert Person(alice.client.application, "alice").delete("/auth/sessions").status_code == 200
        assert [(end[0], end[1]["code"]) for end in (first.next(), second.next())] == [
            ("end", "UNAUTHENTICATED"),
            ("end", "FORBIDDEN"),
        ]
        with open_stream(admin, resource="notes") as (_, events):
            assert events.next()[0] == "beat"
            later = time.time() + settings.access_token_seconds
            monkeypatch.setattr(tokens, "time", SimpleNamespace(time=lambda: later))
            end = events.next()
            assert (end[0], end[1]["message"]) == ("end", "The token has expired.")
        assert next(parts).startswith(b'event: end\ndata: {"code": "UNAUTHENTICATED"')
    assert open_streams.number == 0


@ON_SQLITE
def test_refuses_too_many_streams_and_those_that_are_not_valid(admin, alice, bob, stranger, settings, monkeypatch):
    declare(admin)
    admin.declare("plain", FIELDS, access=ACCESS)
    for person, query, status, code in (
        (alice, "", 422, "VALIDATION_ERROR"),
        (alice, "resource=plain", 422, "VALIDATION_ERROR"),
        (alice, "resource=none", 422, "VALIDATION_ERROR"),
        (alice, "resource=notes&limit=1", 422, "VALIDATION_ERROR"),
        (alice, "resource=notes&after=x", 400, "MALFORMED_REQUEST"),
    ):
        assert_failure(person.get(f"/changes/stream?{query}"), status, code)
    assert_failure(
        alice.get("/changes/stream?resource=notes", headers={"Last-Event-ID": "x"}), 400, "MALFORMED_REQUEST"
    )
    assert "resource" in details_of(alice.get("/changes/stream?resource=plain"))["query"]
    head = alice.send("HEAD", "/changes/stream?resource=notes")
    assert (head.status_code, head.mimetype, head.data) == (200, "text/event-stream", b"")
    assert alice.send("OPTIONS", "/changes/stream").headers["Allow"].count("GET") == 1
    assert open_streams.number == 0
    with ExitStack() as stack:
        for _ in range(MAX_OF_AN_ACTOR):
            stack.enter_context(open_stream(alice, resource="notes"))
        refused = alice.get("/changes/stream?resource=notes")
        assert_failure(refused, 429, "RATE_LIMITED")
        assert str(MAX_OF_AN_ACTOR) in refused.json["error"]["message"]
        stack.enter_context(open_stream(stranger, resource="notes"))
        refused = bob.get("/changes/stream?resource=notes")
        assert_failure(refused, 503, "UNAVAILABLE")
        assert "Retry-After" in refused.headers
        assert f"larder_streams {STREAMS}.0" in alice.client.get("/metrics").text
    assert "larder_streams 0.0" in alice.client.get("/metrics").text
    open_streams.open(dataclasses.replace(settings, streams=0))
    refused = alice.get("/changes/stream?resource=notes")
    assert_failure(refused, 503, "UNAVAILABLE")
    assert "LARDER_STREAMS" in refused.json["error"]["message"]


def test_many_large_records_come_in_order(admin):
    admin.declare("notes", {"title": {"type": "text", "max_length": 100_000}}, feed=True)
    cursor = admin.get("/notes").json["meta"]["changes_cursor"]
    operations = [{"op": "create", "resource": "notes", "data": {"title": f"{n:05}" * 10_000}} for n in range(12)]
    assert admin.post("/batch", json={"operations": operations}).status_code == 200
    with open_stream(admin, resource="notes", after=cursor, data="true") as (_, events):
        assert [change["data"]["title"][:5] for change in events.take(12)] == [f"{n:05}" for n in range(12)]


def test_a_life_ends_in_time_not_with_the_next_change(admin, alice, monkeypatch):
    declare(admin)
    monkeypatch.setattr(streaming, "BEAT_SECONDS", 20)
    monkeypatch.setattr(streaming, "LIFE_SECONDS", 0.3)
    with open_stream(alice, resource="notes") as (_, events):
        assert (events.next()[0], events.next()) == ("beat", None)


@ON_SQLITE
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_streams_continue_after_a_failure_of_the_thread_that_looks_at_the_feed(admin, alice, monkeypatch):
    from backend.services.storage import feed_watch

    declare(admin)
    monkeypatch.setattr(streaming, "BEAT_SECONDS", 20)
    monkeypatch.setattr(feed_watch, "read_last", lambda: 1 / 0)
    with open_stream(alice, resource="notes") as (_, events), ThreadPoolExecutor() as pool:
        assert events.next()[0] == "beat"
        following = pool.submit(events.next)
        time.sleep(0.3)
        monkeypatch.undo()
        note = alice.make("notes", title="x")
        assert following.result()[1]["id"] == note["id"]


@ON_SQLITE
def test_reasons_of_ends_are_counted(admin, alice, monkeypatch):
    declare(admin)
    with open_stream(alice, resource="notes") as (_, events):
        events.next()
    monkeypatch.setattr(streaming, "LIFE_SECONDS", 0)
    with open_stream(alice, resource="notes") as (_, events):
        assert (events.next()[0], events.next()) == ("beat", None)
    monkeypatch.setattr(streaming, "LIFE_SECONDS", 60)
    with open_stream(alice, resource="notes") as (_, events):
        assert events.next()[0] == "beat"
        alice.delete("/auth/sessions")
        assert alice.post("/auth/logout").status_code == 200
        assert events.next()[0] == "end"
    text = admin.client.get("/metrics").text
    found = re.findall(r'^larder_streams_ended_total\{reason="(.*)"\} 1.0$', text, re.MULTILINE)
    assert sorted(found) == ["client left", "lifetime", "unauthenticated"]


@ON_SQLITE
def test_the_log_has_the_end_of_a_stream(admin, settings, read_lines):
    from backend.config.logging import configure_logging

    configure_logging(dataclasses.replace(settings, log_level="INFO", log_format="json"))
    declare(admin)
    with open_stream(admin, resource="notes") as (_, events):
        events.next()
        admin.make("notes", title="x")
        events.take(1)
    ends = [line for line in map(json.loads, read_lines()) if line["event"] == "stream ended"]
    assert [(line["resources"], line["events"], line["actor"]) for line in ends] == [(["notes"], 1, admin.id)]
    assert ends[0]["reason"] == "client left"
    assert ends[0]["seconds"] >= 0
