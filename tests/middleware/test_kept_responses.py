"""Kept responses: sent again until anything is committed, and to nobody but callers without credentials."""

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import cysqlite
import psycopg
import pytest

from backend import create_app
from backend.middleware import kept_responses
from backend.models.database import database
from tests.conftest import ON_SQLITE, Person
from tests.helpers import CSV, bearer, load

ACCESS = {"list": ["public"], "read": ["public"], "create": ["member"], "update": ["member"]}
FIELDS = {
    "title": {"type": "string"},
    "price": {"type": "integer", "readable_by": ["editor"]},
    "shelf": {"type": "reference", "to": "shelves", "on_delete": "set_null"},
    "tags": {"type": "references", "to": "tags"},
    "seller": {"type": "reference", "to": "users"},
}
TAGS_ACCESS = {"list": ["public"], "read": [{"role": "public", "where": {"shown": True}}], "create": ["member"]}
NOTES = {"fields": FIELDS, "access": ACCESS, "cache_seconds": 60, "search": ["title"], "filters": ["shelf.name"]}
WITH_COOKIE = {"Cookie": "theme=dark"}  # is answered as a stranger, but never from what is kept


@pytest.fixture
def note(admin, alice):
    """A record, with what it refers to; its resource has `cache_seconds`."""
    admin.declare("shelves", {"name": {"type": "string"}}, access=ACCESS)
    admin.declare("tags", {"name": {"type": "string"}, "shown": {"type": "boolean"}}, access=TAGS_ACCESS)
    admin.declare("notes", **NOTES)
    shelf, tag = admin.make("shelves", name="Top"), admin.make("tags", name="new", shown=True)
    return alice.make("notes", title="Milk", shelf=shelf["id"], tags=[tag["id"]])


def urls(note):
    lists = ("", "?expand=shelf,tags", "?shelf.name=Top", "?q=milk&count=false", "?sort=-title&fields=title,shelf,tags")
    return [f"/notes/{note['id']}", *(f"/notes{query}" for query in lists), "/notes/aggregate?group_by=shelf.name"]


def hits(stranger):
    """Return how often a kept response has been found."""
    page = stranger.get("http://localhost/metrics").text
    found = re.search(r'^larder_cache_lookups_total\{cache="responses",result="hit"\} (\S+)', page, re.MULTILINE)
    return float(found[1]) if found else 0


def content(response):
    """Return what a response says, without its time."""
    return response.status_code, response.json | {"timestamp": None}


def assert_current(stranger, paths):
    """Assert that what strangers get is what is read anew."""
    anew = stranger.client.application.test_client(use_cookies=False)
    for path in paths:
        fresh = anew.get(f"/api/v1{path}", headers=WITH_COOKIE)
        for _ in range(2):  # the second may be kept
            assert content(stranger.get(path)) == content(fresh), path


def test_the_same_response_is_sent_again(stranger, note):
    for path in urls(note)[1:]:
        first, before = stranger.get(path), hits(stranger)
        again = stranger.get(path)
        assert hits(stranger) == before + 1, path
        assert (again.status_code, again.data) == (200, first.data)
        names = ("Content-Type", "Content-Length", "Cache-Control", "Vary", "ETag")
        assert [again.headers[name] for name in names] == [first.headers[name] for name in names]
        same = stranger.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", first.headers["ETag"])
        assert hits(stranger) == before + 2
        other = stranger.get(path, headers={"If-None-Match": '"another"'})
        assert (other.status_code, other.data) == (200, first.data)


def test_a_client_that_revalidates_finds_what_is_kept_too(admin, stranger, note):
    tags = {path: {"If-None-Match": stranger.get(path).headers["ETag"]} for path in urls(note)[1:]}
    for path, headers in tags.items():
        admin.make("shelves", name="Of no importance")
        before = hits(stranger)
        for kept in (0, 1, 2):
            same = stranger.get(path, headers=headers)
            assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", headers["If-None-Match"])
            assert hits(stranger) == before + kept
        assert stranger.get(path, headers={"If-None-Match": '"another"'}).status_code == 200


def changes(admin, alice, note):
    """Yield the name of each kind of write, after it has been made."""
    shelf, tag = note["shelf"], note["tags"][0]
    yield "nothing"
    alice.make("notes", title="Milk and bread", shelf=shelf)
    yield "a new record"
    assert alice.patch(f"/notes/{note['id']}", json={"title": "Oat milk"}).status_code == 200
    yield "another title"
    assert admin.patch(f"/shelves/{shelf}", json={"name": "Bottom"}).status_code == 200
    yield "a record that is expanded and filtered by"
    assert admin.patch(f"/tags/{tag}", json={"shown": False}).status_code == 200
    yield "a record that is no longer shown"
    operation = {"op": "create", "resource": "notes", "data": {"title": "Milk by batch"}}
    assert admin.post("/batch", json={"operations": [operation]}).status_code == 200
    yield "a batch"
    assert load(admin, "title\nMilk by file\n", CSV, "notes").status_code == 200
    yield "an import"
    assert admin.delete(f"/tags/{tag}").status_code == 200
    yield "a link that is gone"
    assert admin.delete(f"/shelves/{shelf}").status_code == 200
    yield "a reference set to null"
    assert admin.delete(f"/users/{alice.id}").status_code == 200
    yield "a user who is gone"
    fewer = NOTES | {"access": ACCESS | {"list": [{"role": "public", "where": {"title": {"startswith": "Milk"}}}]}}
    assert admin.put("/resources/notes", json=fewer).status_code == 200
    yield "a rule"
    hidden = fewer | {"fields": FIELDS | {"title": {"type": "string", "readable_by": ["editor"]}}}
    assert admin.put("/resources/notes", json=hidden | {"search": [], "access": ACCESS}).status_code == 200
    yield "a hidden field"
    assert admin.delete(f"/notes/{note['id']}").status_code == 200
    yield "a record that is gone"
    plain = {name: value for name, value in NOTES.items() if name != "cache_seconds"}
    assert admin.put("/resources/notes", json=plain).status_code == 200
    yield "no cache_seconds"
    assert admin.put("/resources/notes", json=NOTES).status_code == 200
    assert admin.put("/resources/notes", json=NOTES | {"access": {"read": ["public"]}}).status_code == 200
    yield "a list for admins alone"
    assert admin.delete("/resources/notes?confirm=true").status_code == 200
    yield "a resource that is gone"
    admin.declare("notes", {"title": FIELDS["title"]}, access=ACCESS, cache_seconds=60)
    yield "another resource of this name"


def test_is_never_older_than_the_last_write(admin, alice, stranger, note):
    paths = urls(note)
    for what in changes(admin, alice, note):
        try:
            assert_current(stranger, paths)
        except AssertionError as error:
            raise AssertionError(what) from error


def test_notices_writes_of_other_programs(stranger, note, settings):
    assert_current(stranger, ["/notes"])
    url = settings.database_url
    driver, place = (cysqlite, url.removeprefix("sqlite:///")) if url.startswith("sqlite") else (psycopg, url)
    table = "r_notes" if "r_notes" in database.get_tables() else "notes"
    connection = driver.connect(place)
    connection.execute("BEGIN")
    connection.execute(f"UPDATE {table} SET title = 'By hand'")
    assert stranger.get("/notes").json["data"][0]["title"] == "Milk"
    connection.commit()
    connection.close()
    assert stranger.get("/notes").json["data"][0]["title"] == "By hand"


def test_is_sent_to_nobody_with_credentials(admin, edith, stranger, note):
    assert admin.patch(f"/notes/{note['id']}", json={"price": 7}).status_code == 200
    key = admin.post("/api-keys", json={"name": "Nightly", "roles": ["member"]}).json["data"]["secret"]
    for path in urls(note)[1:4]:
        for _ in range(2):
            assert "price" not in stranger.get(path).text
        before = hits(stranger)
        assert '"price":7' in edith.get(path).text
        assert '"price":7' not in stranger.get(path, headers=bearer(key)).text
        assert stranger.get(path, headers=bearer("wrong")).status_code == 401
        assert hits(stranger) == before
        assert "price" not in stranger.get(path).text


def test_other_requests_are_answered_as_without(admin, stranger, note):
    path = f"/notes/{note['id']}?expand=shelf"
    before = hits(stranger)
    for _ in range(2):
        for method, url in (("GET", path), ("HEAD", "/notes"), ("OPTIONS", "/notes"), ("GET", "/notes/nothing")):
            stranger.send(method, url)
        assert stranger.get("/notes?odd=1").status_code == 422
        assert stranger.get("/notes", data=b"{}", content_type="application/json").status_code == 200
        assert stranger.get(f"/notes?title={'x' * 2000}").status_code == 200
        assert stranger.get("/shelves").status_code == 200
    assert hits(stranger) == before


@ON_SQLITE
def test_keeps_no_large_responses_and_not_too_many(admin, stranger, note, monkeypatch):
    admin.make("notes", title="x" * 200)
    monkeypatch.setattr(kept_responses, "MAX_BYTES", len(stranger.get("/notes").data) - 1)
    before = hits(stranger)
    for _ in range(2):
        assert stranger.get("/notes?sort=id").status_code == 200
    assert hits(stranger) == before
    cache = stranger.client.application.wsgi_app._kept._cache
    for number in range(kept_responses.MAX_RESPONSES + 20):
        assert stranger.get(f"/notes?title=n{number}").status_code == 200
    assert len(cache._cache) <= kept_responses.MAX_RESPONSES + 1


@ON_SQLITE
def test_the_limit_of_requests_counts_kept_responses(settings, note):
    stranger = Person(create_app(replace(settings, rate_limit="5/minute")))
    assert [stranger.get("/notes").status_code for _ in range(6)] == [*[200] * 5, 429]
    database.close_all()


@ON_SQLITE
def test_a_database_that_is_replaced_is_read_anew(admin, alice, stranger, note, settings, tmp_path):
    path = Path(settings.database_url.removeprefix("sqlite:///"))
    former = tmp_path / "former.db"
    with cysqlite.connect(str(path)) as connection:
        connection.execute(f"VACUUM INTO '{former}'")
    assert alice.patch(f"/notes/{note['id']}", json={"title": "Bread"}).status_code == 200
    for _ in range(2):
        assert stranger.get("/notes").json["data"][0]["title"] == "Bread"
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    os.replace(shutil.copy(former, tmp_path / "copy.db"), path)
    assert stranger.get("/notes").json["data"][0]["title"] == "Milk"
    path.unlink()
    assert stranger.get("/notes").status_code == 503
