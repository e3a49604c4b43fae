"""Writes of one record are answered without Flask, exactly as with it; errors are answered by Flask."""

import json
import re

import pytest

from backend.models.database import DatabaseUnavailable
from backend.routes.toolkit import writes
from backend.routes.toolkit.reads import DirectReads
from backend.routes.toolkit.writes import DirectWrites
from tests.helpers import assert_failure

VARYING = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z")
NOTES = {"title": {"type": "string", "required": True, "max_length": 9}, "code": {"type": "integer", "unique": True}}
NOTES |= {"secret": {"type": "string", "readable_by": ["editor"]}}
ACCESS = {"list": ["public"], "read": ["public"], "create": ["member"], "update": ["owner"], "delete": ["owner"]}
ABSENT = "01900000-0000-7000-8000-000000000000"
JSON, LATIN = "application/json", "application/json; charset=latin-1"

CREATES = [
    ('{"title": "Milk"}', JSON),
    ('{"title": "Milk", "code": 7}', LATIN),  # the second time it is taken
    ('\ufeff{"title": "Milk"}', JSON),
    ('{"title": "much too long"}', JSON),
    ('{"title": "Milk", "secret": "x"}', JSON),
    ('{"title": "Milk", "id": "x"}', JSON),
    ('{"title": "Milk", "title": "Tea"}', JSON),
    ('["Milk"]', JSON),
    ("{", JSON),
    ("", JSON),
    ('{"title": "Milk"}', "text/plain"),
    ('{"title": "Milk"}', "application/problem+json"),
    (json.dumps({"title": "x" * 2_000_000}), JSON),
]
CHANGES = [
    ("PATCH", {"title": "Tea"}, {}),
    ("PATCH", {}, {}),
    ("PUT", {"title": "Tea"}, {}),
    ("PUT", {}, {}),
    ("PATCH", {"title": "Tea"}, {"If-Match": '"1"'}),
    ("PATCH", {"title": "Tea"}, {"If-Match": "*"}),
    ("PATCH", {"title": "Tea"}, {"If-Match": '"99"'}),
    ("PATCH", {"title": "Tea"}, {"Content-Encoding": "gzip"}),
    ("DELETE", None, {"If-Match": '"99"'}),
    ("DELETE", None, {}),
]


@pytest.fixture(autouse=True)
def notes(admin):
    """A resource."""
    admin.declare("notes", NOTES, access=ACCESS)


@pytest.fixture
def with_flask(monkeypatch):
    """A function that calls another one, while Flask answers all writes."""

    def call(send):
        with monkeypatch.context() as patch:
            patch.setattr(DirectWrites, "answer", DirectReads.answer)
            return send()

    return call


def comparable(response):
    """Return (status, headers, body) of a response, without ids and times."""
    headers = sorted((name, value) for name, value in response.headers if name != "X-Request-ID")
    return response.status_code, VARYING.sub("", str(headers)), VARYING.sub("", response.get_data(as_text=True))


def test_creates_are_the_same_both_ways(alice, bob, stranger, with_flask):
    for number, (body, kind) in enumerate(CREATES):
        for person in (alice, stranger):

            def send(person=person, body=body, kind=kind):
                return person.post("/notes", data=body.encode(), content_type=kind)

            first, second = comparable(send()), comparable(with_flask(send))
            if number == 1 and person is alice:
                assert (first[0], second[0]) == (201, 409)
            else:
                assert first == second, body


def test_changes_are_the_same_both_ways(alice, bob, stranger, with_flask):
    for method, body, headers in CHANGES:
        for person in (stranger, bob, alice):
            first, second = alice.make("notes", title="Milk"), alice.make("notes", title="Milk")

            def send(note, person=person, method=method, body=body, headers=headers):
                return person.send(method, f"/notes/{note['id']}", json=body, headers=headers)

            answers = comparable(send(first)), comparable(with_flask(lambda note=second, send=send: send(note)))
            assert answers[0] == answers[1], (method, body, headers, person.name)


def test_other_paths_and_methods_are_the_same_both_ways(alice, with_flask):
    note = alice.make("notes", title="Milk")
    requests = [
        ("PATCH", "/notes"),
        ("POST", f"/notes/{note['id']}"),
        ("DELETE", "/notes"),
        ("PUT", "/notes/"),
        ("PATCH", f"/notes/{ABSENT}"),
        ("DELETE", f"/notes/{ABSENT}"),
        ("PATCH", "/notes/7"),
        ("PATCH", f"/notes/{note['id']}?title=1"),
        ("POST", "/notes?upsert=code"),
        ("POST", "/absent"),
    ]
    for method, path in requests:

        def send(method=method, path=path):
            return alice.send(method, path, json={"title": "Tea"})

        assert comparable(send()) == comparable(with_flask(send)), (method, path)


def test_successful_writes_do_not_enter_flask(alice, monkeypatch):
    assert alice.token
    monkeypatch.setattr(alice.client.application, "full_dispatch_request", None)
    note = alice.make("notes", title="Milk")
    assert alice.patch(f"/notes/{note['id']}", json={"title": "Tea"}).status_code == 200
    assert alice.put(f"/notes/{note['id']}", json={"title": "Tea"}).status_code == 200
    assert alice.delete(f"/notes/{note['id']}").status_code == 200


def test_a_write_that_fails_is_not_repeated(alice, monkeypatch):
    assert alice.token
    tried = []

    def fail(*arguments):
        tried.append(arguments)
        raise DatabaseUnavailable("the commit failed")

    monkeypatch.setattr(writes.records, "create_record", fail)
    assert_failure(alice.post("/notes", json={"title": "Milk"}), 503, "UNAVAILABLE")
    assert len(tried) == 1


def test_an_idempotency_key_is_kept(alice):
    headers = {"Idempotency-Key": "a-key"}
    first = alice.post("/notes", json={"title": "Milk"}, headers=headers)
    assert alice.post("/notes", json={"title": "Milk"}, headers=headers).json == first.json
    assert alice.post("/notes", json={"title": "Milk"}, headers={"Idempotency-Key": ""}).status_code == 422
