"""`GET /<name>/<id>`."""

from uuid import uuid4

import pytest

from tests.conftest import ON_SQLITE
from tests.helpers import details_of


@pytest.fixture
def note(admin, alice):
    """A note of alice's, which is only for her."""
    fields = {"title": {"type": "string", "required": True}, "stars": {"type": "integer"}}
    admin.declare("notes", fields, access={"read": ["owner"], "create": ["member"], "update": ["owner"]})
    return alice.make("notes", title="Milk", stars=3)


def test_shows_a_record(note, alice):
    response = alice.get(f"/notes/{note['id']}")
    assert response.status_code == 200
    assert response.json["data"] == note
    assert list(note) == ["id", "title", "stars", "created_at", "updated_at", "created_by", "version"]
    assert response.headers["ETag"] == '"1"'


@ON_SQLITE
def test_needs_a_login(note, stranger):
    response = stranger.get(f"/notes/{note['id']}")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_record_of_others_looks_like_a_missing_one(note, bob):
    bob.make("notes", title="Eggs")
    refusals = [bob.get(f"/notes/{each}") for each in (note["id"], uuid4())]
    assert [response.status_code for response in refusals] == [404, 404]
    assert refusals[0].json["error"] == refusals[1].json["error"]


@ON_SQLITE
def test_finds_nothing_under_a_malformed_id(note, alice):
    for wrong in ("1", "null", note["id"][:-1], note["id"] + "0", note["id"].replace("-", ""), "%00", "%27%20OR%201=1"):
        assert alice.get(f"/notes/{wrong}").status_code == 404, wrong


def test_reads_an_id_in_capitals(note, alice):
    assert alice.get(f"/notes/{note['id'].upper()}").json["data"] == note


@ON_SQLITE
def test_rejects_query_parameters(note, alice):
    for query in ("fields=title", "expand=owner", "x=1&x=2"):
        response = alice.get(f"/notes/{note['id']}?{query}")
        assert response.status_code == 422, query
        assert list(details_of(response)) == ["query"]


@ON_SQLITE
def test_answers_304_to_a_client_that_has_this_version(note, alice):
    for tags in ('"1"', 'W/"1"', '"7", "1"', '"7", W/"1"', "*"):
        response = alice.get(f"/notes/{note['id']}", headers={"If-None-Match": tags})
        assert (response.status_code, response.data) == (304, b""), tags
        assert response.headers["ETag"] == '"1"'


@ON_SQLITE
def test_sends_the_record_to_a_client_that_has_another_version(note, alice):
    alice.patch(f"/notes/{note['id']}", json={"stars": 4})
    for tags in ('"1"', 'W/"1"', '"1", "3"', '"22"', '""', "", "garbage", '"', ",,"):
        response = alice.get(f"/notes/{note['id']}", headers={"If-None-Match": tags})
        assert response.status_code == 200, tags
        assert response.json["data"]["stars"] == 4
        assert response.headers["ETag"] == '"2"'


@ON_SQLITE
def test_hides_a_record_from_a_client_that_guesses_its_version(note, bob):
    for tags in ('"1"', "*"):
        assert bob.get(f"/notes/{note['id']}", headers={"If-None-Match": tags}).status_code == 404
