"""What open streams do when definitions change, or a backup is restored, also in the middle of a read."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import pytest

from backend.routes.toolkit import streaming
from backend.services.records import change_cursors
from tests.helpers import OPEN
from tests.parts.backups import make_backup, restore
from tests.parts.streams import open_stream

TITLE, ABOUT = {"title": {"type": "string"}}, {"about": {"type": "string"}}
NOTES = {"fields": TITLE | ABOUT, "access": OPEN | {"list": ["public"]}, "feed": True}


def put(**changed):
    return lambda admin: admin.put("/resources/notes?confirm=true", json=NOTES | changed).status_code


def delete(admin):
    return admin.delete("/resources/notes?confirm=true").status_code


def delete_and_declare(admin):
    return delete(admin) and admin.declare("notes", **NOTES) and 200


EXPIRED, NOT_FOUND = ("expired", "CURSOR_EXPIRED"), ("end", "VALIDATION_ERROR")
ENDING = {
    "renamed": (put(name="papers", renamed_from="notes"), NOT_FOUND),
    "deleted": (delete, NOT_FOUND),
    "deleted and declared again": (delete_and_declare, EXPIRED),
    "without a field": (put(fields=TITLE), EXPIRED),
}


@pytest.fixture
def settings(settings):
    return dataclasses.replace(settings, streams=5)


@pytest.fixture(autouse=True)
def short_beats(monkeypatch):
    monkeypatch.setattr(streaming, "BEAT_SECONDS", 0.2)


def end_of(events):
    """Return (event, code) of the last event of a stream, which has no changes before it."""
    event = events.next()
    while event[0] == "beat":
        event = events.next()
    assert events.next() is None
    if event[0] == "end":
        assert event[1]["details"]["query"]["resource"][0]["message"] == "There is no resource notes."
    return event[0], event[1]["code"]


@pytest.fixture
def during_a_read(monkeypatch):
    """A function: a read of the feed finds that something was done in the middle, before or after it reads the end."""

    def during_a_read(moment, act, number=1):
        original, calls = change_cursors.read_state, []

        def interrupted(resources):
            calls.append(resources)
            found = original(resources) if moment == "after" else None
            if len(calls) == number:
                with ThreadPoolExecutor() as pool:
                    assert pool.submit(act).result() == 200
            return found or original(resources)

        monkeypatch.setattr(change_cursors, "read_state", interrupted)

    return during_a_read


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("change", ENDING)
def test_a_stream_says_how_its_resource_has_changed_in_the_middle_of_a_read(
    admin, alice, change, moment, during_a_read
):
    act, end = ENDING[change]
    admin.declare("notes", **NOTES)
    with open_stream(alice, resource="notes", data="true") as (_, events):
        assert events.next()[0] == "beat"
        alice.make("notes", title="x")
        during_a_read(moment, lambda: act(admin))
        assert end_of(events) == end


@pytest.mark.parametrize("change", ENDING)
def test_a_stream_and_its_cursor_end_with_the_definition(admin, alice, change):
    act, end = ENDING[change]
    admin.declare("notes", **NOTES)
    with open_stream(alice, resource="notes") as (_, events):
        cursor = events.next()[2]
        assert act(admin) == 200
        assert end_of(events) == end
    answer = alice.get(f"/changes?resource=notes&after={cursor}")
    assert (answer.status_code, answer.json["error"]["code"]) == (410 if end == EXPIRED else 422, end[1])


def test_a_stream_continues_after_a_change_that_shows_no_other_values(admin, alice, during_a_read):
    admin.declare("notes", **NOTES)
    with open_stream(alice, resource="notes", data="true") as (_, events):
        assert events.next()[0] == "beat"
        note = alice.make("notes", title="x")
        during_a_read("after", lambda: put(fields=TITLE | ABOUT | {"more": {"type": "string"}})(admin))
        (change,) = events.take(1)
        assert (change["id"], change["data"]["title"]) == (note["id"], "x")
        other = alice.make("notes", title="y", more="z")
        (change,) = events.take(1)
        assert (change["id"], change["data"]["more"]) == (other["id"], "z")


def test_a_wait_says_that_its_resource_was_renamed_in_the_middle_of_its_last_read(admin, alice, during_a_read):
    act, _ = ENDING["renamed"]
    admin.declare("notes", **NOTES)
    cursor = alice.get("/notes").json["meta"]["changes_cursor"]
    during_a_read("before", lambda: act(admin), number=2)
    answer = alice.get(f"/changes?resource=notes&after={cursor}&wait=1")
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "VALIDATION_ERROR")


def test_a_restored_backup_ends_streams(app, admin, alice, stranger):
    def run(*arguments):
        return app.test_cli_runner().invoke(args=["backup", *arguments])

    admin.declare("notes", **NOTES)
    path = make_backup(run)
    alice.make("notes", title="lost")
    with (
        open_stream(alice, resource="notes") as (_, of_a_session),
        open_stream(stranger, resource="notes") as (_, public),
    ):
        assert {of_a_session.next()[0], public.next()[0]} == {"beat"}
        restore(run, path)
        assert of_a_session.next()[1]["code"] == "UNAUTHENTICATED"  # sessions have ended
        assert end_of(public) == EXPIRED
