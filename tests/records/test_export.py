"""`GET /<name>/export`: a file that is complete before it is sent, within bounds, for who may still read it."""

import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from backend import create_app
from backend.routes import row_files
from backend.services.records import exports
from backend.utils import spool
from tests.conftest import ON_SQLITE, Person
from tests.helpers import files_of_at_most
from tests.parts.sockets import serving, wait_for

ACCESS = {"list": ["member"], "read": ["member"], "create": ["member"]}
FIELDS = {"title": {"type": "string"}, "wage": {"type": "integer"}}
EXPORT = "/notes/export?format=ndjson"


@pytest.fixture
def notes(admin, alice):
    """Three notes, which members may list."""
    admin.declare("notes", FIELDS, access=ACCESS)
    return [alice.make("notes", title=title)["id"] for title in ("Milk", "Tea", "Bread")]


@pytest.fixture
def at_second_page(monkeypatch):
    """Return a function that has something done before the second page of an export is read."""
    monkeypatch.setattr(exports, "ROWS_AT_ONCE", 1)
    reload_actor = row_files.reload_actor

    def have_done(change):
        pages = []

        def renew(resource):
            pages.append(1)
            if len(pages) == 2:  # in a thread of its own, as another request is
                with ThreadPoolExecutor(1) as other:
                    assert other.submit(change).result().status_code < 300
            return reload_actor(resource)

        monkeypatch.setattr(row_files, "reload_actor", renew)

    return have_done


def outcome(answer):
    with answer:  # closes the file
        return answer.status_code, answer.json["error"]["code"] if answer.status_code != 200 else answer.text


def lines(answer):
    with answer:
        assert answer.status_code == 200, answer.text
        return answer.text.splitlines()


def test_says_how_long_the_file_is(notes, alice):
    for form in ("csv", "ndjson"):
        with alice.get(f"/notes/export?format={form}") as answer:
            assert int(answer.headers["Content-Length"]) == len(answer.data) > 300
        assert spool.quota.reserved == 0
    assert alice.get("/notes/export?format=ndjson&title=Beer").headers["Content-Length"] == "0"


def test_head_writes_no_file(notes, admin, alice, stranger, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    answer = alice.send("HEAD", EXPORT)
    assert (answer.status_code, answer.data, answer.mimetype) == (200, b"", "application/x-ndjson")
    assert "Content-Length" not in answer.headers
    assert stranger.send("HEAD", EXPORT).status_code == 401
    assert alice.send("HEAD", f"{EXPORT}&nope=1").status_code == 422


def test_a_change_of_the_actor_ends_the_file(notes, admin, alice, edith, at_second_page):
    path = f"/users/{alice.id}"
    at_second_page(lambda: admin.patch(path, json={"active": False}))
    assert outcome(alice.get(EXPORT)) == (401, "UNAUTHENTICATED")
    admin.put("/resources/notes", json={"fields": FIELDS, "access": {"list": ["editor"]}})
    at_second_page(lambda: admin.patch(f"/users/{edith.id}", json={"roles": ["member"]}))
    assert outcome(edith.get(EXPORT)) == (403, "FORBIDDEN")
    assert spool.quota.reserved == 0


def test_ending_the_session_or_the_key_ends_the_file(notes, admin, alice, at_second_page):
    made = admin.post("/api-keys", json={"name": "export", "roles": ["member"]}).json["data"]
    key = {"Authorization": f"Bearer {made['secret']}"}
    assert len(lines(alice.get(EXPORT, headers=key))) == 3
    at_second_page(lambda: admin.delete(f"/api-keys/{made['id']}"))
    assert outcome(alice.get(EXPORT, headers=key)) == (401, "UNAUTHENTICATED")
    at_second_page(lambda: alice.post("/auth/logout"))
    assert outcome(alice.get(EXPORT)) == (401, "UNAUTHENTICATED")


def test_a_change_of_what_may_be_read_ends_the_file(notes, admin, alice, at_second_page):
    hidden = FIELDS | {"wage": {"type": "integer", "readable_by": ["editor"]}}
    for body in ({"fields": hidden, "access": ACCESS}, {"fields": FIELDS, "access": {"list": ["editor"]}}):
        at_second_page(lambda body=body: admin.put("/resources/notes", json=body))
        assert outcome(alice.get(EXPORT)) == (503, "UNAVAILABLE")
        admin.put("/resources/notes", json={"fields": FIELDS, "access": ACCESS})
    ruled = [{"role": "member", "where": {"title": {"ne": "Beer"}}}]
    admin.put("/resources/notes", json={"fields": FIELDS, "access": ACCESS | {"list": [*ruled, "editor"]}})
    at_second_page(lambda: admin.patch(f"/users/{alice.id}", json={"roles": ["member", "editor"]}))
    assert outcome(alice.get(EXPORT)) == (503, "UNAVAILABLE")


def test_a_change_of_another_resource_does_not_end_the_file(notes, admin, alice, at_second_page):
    at_second_page(lambda: admin.post("/resources", json={"name": "shelves", "fields": FIELDS}))
    assert len(lines(alice.get(EXPORT))) == 3


def test_what_others_write_meanwhile_does_not_end_the_file(notes, bob, alice, at_second_page):
    at_second_page(lambda: bob.post("/notes", json={"title": "Salt"}))
    assert len(lines(alice.get(EXPORT))) == 4


@ON_SQLITE
def test_a_file_that_is_too_large_is_refused_with_advice(settings, notes, alice):
    person = Person(create_app(replace(settings, max_export_bytes=1024)), "alice")
    for number in range(10):
        person.make("notes", title=f"Note {number}")
    answer = person.get(EXPORT)
    assert outcome(answer) == (422, "VALIDATION_ERROR")
    assert "1,024 bytes (LARDER_MAX_EXPORT_BYTES)" in answer.json["error"]["message"]
    assert "use filters" in answer.json["error"]["message"]
    assert len(lines(person.get(f"{EXPORT}&title=Milk"))) == 1
    assert spool.quota.reserved == 0


@ON_SQLITE
def test_no_room_for_temporary_files_is_a_503(notes, alice, monkeypatch):
    with files_of_at_most(100):
        answer = alice.get(EXPORT)
    assert outcome(answer) == (503, "UNAVAILABLE")
    assert "Retry-After" in answer.headers
    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "tempdir", "/nowhere")
        assert outcome(alice.get(EXPORT)) == (503, "UNAVAILABLE")
        patched.setattr(tempfile, "tempdir", None)
    with monkeypatch.context() as patched:
        patched.setattr(spool.quota, "max_bytes", 100)
        assert outcome(alice.get(EXPORT)) == (503, "UNAVAILABLE")
    assert len(lines(alice.get(EXPORT))) == 3
    assert spool.quota.reserved == 0


@ON_SQLITE
def test_a_slow_reader_of_an_export_holds_no_thread(app, admin, alice):
    admin.declare("notes", {"text": {"type": "text"}}, access={"list": ["public"], "create": ["member"]})
    rows = "".join(json.dumps({"text": "x" * 9000}) + "\n" for _ in range(100))
    assert alice.post("/notes/import", data=rows * 4, content_type="application/x-ndjson").status_code == 200
    with serving(app, threads=2) as (_, connect):
        slow = [connect(receive_bytes=4096).send(f"/api/v1{EXPORT}") for _ in range(8)]
        wait_for(lambda: spool.quota.reserved > 8 * 3_600_000)
        assert connect().send("/health/live").read()[0] == 200
        assert connect().send("/api/v1/notes?per_page=1").read()[0] == 200
        assert len(slow[0].read()[2].splitlines()) == 400
        head = connect().send(f"/api/v1{EXPORT}", method="HEAD")
        assert head.read("HEAD")[0] == head.send("/health/live").read()[0] == 200
