"""`Idempotency-Key`: what is sent twice is made once."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from backend import create_app
from backend.models.database import database
from backend.models.idempotency import IdempotencyKey
from backend.utils.clock import utcnow
from tests.conftest import ON_SQLITE, PASSWORD, SECRET_KEY, Person
from tests.helpers import details_of

ACCESS = {"list": ["public"], "create": ["public"]}


@pytest.fixture
def notes(admin):
    admin.declare("notes", {"title": {"type": "string", "unique": True}}, access=ACCESS)


def send(person, key="a key", title="Milk", path="/notes", **rest):
    body = {"title": title} | rest
    return person.post(path, json=body, headers={"Idempotency-Key": key})


def titles(person):
    return [record["title"] for record in person.get("/notes").json["data"]]


def test_a_repeated_request_gets_the_first_response_and_creates_nothing(notes, alice):
    first, second = send(alice, "k-1"), send(alice, "k-1")
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.data == first.data
    assert [second.headers[name] for name in ("Location", "ETag")] == [first.headers["Location"], first.headers["ETag"]]
    assert ("Idempotency-Replayed" in first.headers, second.headers["Idempotency-Replayed"]) == (False, "true")
    assert titles(alice) == ["Milk"]


def test_another_body_under_the_key_is_refused(notes, alice):
    send(alice, "k-1")
    answer = send(alice, "k-1", title="Bread")
    assert (answer.status_code, list(details_of(answer)["headers"])) == (422, ["Idempotency-Key"])
    assert titles(alice) == ["Milk"]


def test_callers_do_not_share_keys(notes, alice, bob, stranger):
    answers = [send(person, "k-1", title=title) for person, title in ((alice, "A"), (bob, "B"), (stranger, "C"))]
    assert [answer.json["data"]["title"] for answer in answers] == ["A", "B", "C"]


def test_a_failed_request_may_be_corrected_and_repeated(notes, alice):
    assert send(alice, "k-1", nope=1).status_code == 422
    alice.make("notes", title="Milk")
    assert send(alice, "k-1").status_code == 409
    assert send(alice, "k-1", title="Bread").status_code == 201


def test_a_key_is_free_again_after_a_day(notes, alice):
    send(alice, "k-1")
    with database.connection_context():
        IdempotencyKey.update(created_at=utcnow() - timedelta(hours=24, seconds=1)).execute()
    assert send(alice, "k-1", title="Bread").json["data"]["title"] == "Bread"
    assert send(alice, "k-1", title="Bread").headers["Idempotency-Replayed"] == "true"


def test_of_many_simultaneous_requests_one_creates_the_record(app, notes, alice):
    headers = {"Authorization": f"Bearer {alice.token}", "Idempotency-Key": "k-1"}
    clients = [app.test_client() for _ in range(8)]
    with ThreadPoolExecutor(len(clients)) as threads:
        calls = [
            threads.submit(client.post, "/api/v1/notes", json={"title": "Milk"}, headers=headers) for client in clients
        ]
    answers = [call.result() for call in calls]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json["data"]["id"] for answer in answers}) == 1
    assert titles(alice) == ["Milk"]


@ON_SQLITE
@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 256])
def test_an_invalid_key_is_refused(notes, alice, key):
    answer = send(alice, key)
    assert (answer.status_code, list(details_of(answer)["headers"])) == (422, ["Idempotency-Key"])
    assert titles(alice) == []


@ON_SQLITE
def test_a_stored_response_is_refused_to_callers_who_lost_the_permission(notes, admin, alice):
    send(alice, "k-1")
    access = {"list": ["public"], "create": ["editor"]}
    fields = {"title": {"type": "string", "unique": True}}
    assert admin.put("/resources/notes", json={"fields": fields, "access": access}).status_code == 200
    assert send(alice, "k-1").status_code == 403


def test_users_roles_and_resources_are_created_once_too(admin):
    for path, body in {
        "/users": {"email": "carol@example.com", "name": "C", "password": PASSWORD},
        "/roles": {"name": "auditor"},
        "/resources": {"name": "shelves", "fields": {"name": {"type": "string"}}},
    }.items():
        answers = [admin.post(path, json=body, headers={"Idempotency-Key": "k-1" + path}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 201], path
        assert answers[0].data == answers[1].data


def test_a_stored_request_cannot_be_guessed_without_the_servers_key(settings, admin):
    """A fast hash of a body would let a password in it be guessed from a stolen database."""
    body = {"email": "carol@example.com", "name": "C", "password": PASSWORD}
    assert admin.post("/users", json=body, headers={"Idempotency-Key": "k-1"}).status_code == 201
    with database.connection_context():
        (kept,) = IdempotencyKey.select()
    request = b"POST /api/v1/users?\n" + json.dumps(body).encode()
    plain = {hashlib.new(name, request).hexdigest() for name in ("sha256", "sha1", "md5")}
    assert kept.request_hash not in plain
    assert len(kept.request_hash) == 64
    assert PASSWORD not in str(kept.__data__)


def test_a_request_is_known_again_after_a_change_of_the_key_that_signs(settings, notes, alice):
    token = alice.token
    first = send(alice, "k-1")
    later = Person(create_app(replace(settings, secret_key=f"a new key that is long enough to sign,{SECRET_KEY}")))
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k-1"}
    second = later.post("/notes", json={"title": "Milk"}, headers=headers)
    assert (second.data, second.headers["Idempotency-Replayed"]) == (first.data, "true")
