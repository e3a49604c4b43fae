"""What may be kept of an answer by a browser, which several people may use, or a proxy."""

import pytest

from tests.conftest import ON_SQLITE, PASSWORD

pytestmark = ON_SQLITE


@pytest.fixture
def note(admin):
    """The path of a record."""
    admin.declare("notes", {"title": {"type": "string"}}, access={"list": ["public"], "read": ["public"]})
    return f"/notes/{admin.make('notes', title='Milk')['id']}"


def directives(answer):
    return {part.strip() for part in answer.headers.get("Cache-Control", "").split(",")}


def test_responses_with_tokens_are_not_cached(alice):
    credentials = {"email": alice.email, "password": PASSWORD}
    assert directives(alice.client.post("/api/v1/auth/login", json=credentials)) == {"no-store"}


def test_a_response_for_one_user_is_not_cached_for_another(note, alice, stranger):
    for person in (alice, stranger):
        for path in (note, "/notes", "/auth/me"):
            answer = person.get(path)
            assert directives(answer) & {"no-store", "private"}, path
            assert "Authorization" in answer.vary, path
            assert "Cookie" in answer.vary, path


def test_a_cached_record_is_revalidated(note, alice):
    answer = alice.get(note)
    assert directives(answer) == {"private", "no-cache"}
    same = alice.get(note, headers={"If-None-Match": answer.headers["ETag"]})
    assert (same.status_code, directives(same)) == (304, {"private", "no-cache"})


def test_errors_are_not_cached(stranger):
    for path in ("/notes/nothing", "/auth/me"):
        assert directives(stranger.get(path)) == {"no-store"}
