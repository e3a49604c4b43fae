"""`cache_seconds` of a definition: what caches may keep, and that nobody's response is another's."""

import pytest

from tests.conftest import ON_SQLITE
from tests.helpers import READABLE, bearer, details_of

FIELDS = {
    "title": {"type": "string"},
    "price": {"type": "integer", "readable_by": ["editor"]},
    "shelf": {"type": "reference", "to": "shelves"},
}
PUBLIC = "public, max-age=60"


@pytest.fixture
def note(admin):
    """A record of a resource with `cache_seconds`."""
    admin.declare("shelves", {"name": {"type": "string"}}, access=READABLE)
    admin.declare("notes", FIELDS, access=READABLE, cache_seconds=60)
    shelf = admin.make("shelves", name="Top")
    return admin.make("notes", title="Milk", price=7, shelf=shelf["id"])


def caching(answer):
    """Return what caches may do with a response; assert that they distinguish it by who asks."""
    assert {"Authorization", "Cookie"} <= {*answer.vary}
    return answer.headers["Cache-Control"]


def paths(note):
    return [f"/notes/{note['id']}", "/notes", "/notes?title=Milk&expand=shelf", "/notes/aggregate?group_by=title"]


def test_lets_caches_keep_what_everybody_may_read_until_it_changes(admin, stranger, note):
    for number, path in enumerate(paths(note)):
        answer = stranger.get(path)
        assert (answer.status_code, caching(answer)) == (200, PUBLIC), path
        assert "price" not in answer.text.replace("price_", "")
        tag = {"If-None-Match": answer.headers["ETag"]}
        same = stranger.get(path, headers=tag)
        assert (same.status_code, same.data, caching(same)) == (304, b"", PUBLIC), path
        assert same.headers["ETag"] == answer.headers["ETag"]
        assert stranger.send("HEAD", path).headers["Cache-Control"] == PUBLIC
        admin.make("notes", title="Milk")
        assert admin.patch(f"/notes/{note['id']}", json={"price": number}).status_code == 200
        changed = stranger.get(path, headers=tag)
        assert (changed.status_code, caching(changed)) == (200, PUBLIC), path
        assert changed.headers["ETag"] != answer.headers["ETag"]


def test_a_response_to_credentials_is_not_public(app, admin, alice, edith, note):
    key = admin.post("/api-keys", json={"name": "Nightly", "roles": ["member"]}).json["data"]["secret"]
    cookie = {"Cookie": "theme=dark"}
    for path in paths(note):
        for headers in (bearer(alice.token), bearer(key), bearer("wrong"), cookie, {"Authorization": "Basic YTpi"}):
            answer = app.test_client(use_cookies=False).get(f"/api/v1{path}", headers=headers)
            assert caching(answer) in ("no-store", "private, no-cache"), (path, headers)
        assert edith.get(path).headers["Cache-Control"] != PUBLIC
    assert edith.get("/notes").json["data"][0]["price"] == 7


def test_other_responses_are_not_public(admin, stranger, note):
    for path in ("/shelves", "/notes/nothing", "/notes?title__odd=1", "/notes/export"):
        assert caching(stranger.get(path)) == "no-store", path
    # The ETag of a record does not cover what is expanded.
    assert caching(stranger.get(f"/notes/{note['id']}?expand=shelf")) == "private, no-cache"
    created = stranger.post("/notes", json={"title": "Bread"})
    assert (created.status_code, caching(created)) == (401, "no-store")
    assert admin.put("/resources/notes", json={"fields": FIELDS, "access": READABLE}).status_code == 200
    assert caching(stranger.get("/notes")) == "no-store"
    assert caching(stranger.get(f"/notes/{note['id']}")) == "private, no-cache"


@ON_SQLITE
def test_it_is_part_of_the_definition_and_its_plans(admin, stranger, note):
    stored = admin.get("/resources/notes").json["data"]
    assert stored["cache_seconds"] == 60
    body = {"fields": FIELDS, "access": READABLE}
    for seconds in (30, None):
        wanted = body | ({"cache_seconds": seconds} if seconds else {})
        (step,) = admin.post("/resources/notes/plan", json=wanted).json["data"]["steps"]
        text = "Let caches keep public responses for 30 s." if seconds else "Let caches keep no responses."
        assert (step["action"], step["text"]) == ("change_cache_seconds", text)
    document = stranger.get("http://localhost/openapi.json").json
    assert "304" in document["paths"]["/api/v1/notes"]["get"]["responses"]
    assert "304" not in document["paths"]["/api/v1/shelves"]["get"]["responses"]


@ON_SQLITE
def test_refuses_other_values_and_resources_that_nobody_may_read_without_signing_in(admin):
    for seconds in (0, -1, 86_401, 1.5, "60", True, None):
        body = {"name": "notes", "fields": FIELDS, "access": READABLE, "cache_seconds": seconds}
        assert list(details_of(admin.post("/resources", json=body))["json"]) == ["cache_seconds"], seconds
    body = {"name": "notes", "fields": {"title": FIELDS["title"]}, "cache_seconds": 86_400}
    for access in ({}, {"list": ["member"]}, {"list": ["member"], "create": ["public"]}):
        assert details_of(admin.post("/resources", json=body | {"access": access}))["json"] == {
            "cache_seconds": ["Only responses that everybody may read are kept: grant `list` or `read` to `public`."]
        }
    ruled = {"read": [{"role": "public", "where": {"title": "Milk"}}]}
    assert admin.post("/resources", json=body | {"access": ruled}).status_code == 201
