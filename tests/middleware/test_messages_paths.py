"""The messages about paths, methods and origins: what was meant, as far as the caller may know it."""

import json
from dataclasses import replace

import pytest

from backend import create_app
from backend.middleware.refused_origins import MAX_ORIGINS
from tests.conftest import ON_SQLITE, Person

pytestmark = ON_SQLITE

NOTHING = "There is nothing at this path."
ELSEWHERE = {
    "/api/v1/note": "/api/v1/notes",
    "/api/v1/Notes": "/api/v1/notes",
    "/api/v1/notes/": "/api/v1/notes",
    "/api/v1/notes//": "/api/v1/notes",
    "/api/notes": "/api/v1/notes",
    "/api/v2/notes": "/api/v1/notes",
    "/notes": "/api/v1/notes",
    "/notes/0190": "/api/v1/notes/0190",
    "/api/v1/note/0190": "/api/v1/notes/0190",
    "/api/v1/notes/aggregates": "/api/v1/notes/aggregate",
    "/api/v1/resource": "/api/v1/resources",
    "/api/v1/login": "/api/v1/auth/login",
    "/login": "/api/v1/auth/login",
    "/api/v1/auth/sign-up": "/api/v1/auth/register",
    "/users": "/api/v1/users",
    "/users/me": "/api/v1/auth/me",
    "/swagger": "/docs",
    "/api/v1/openapi.json": "/openapi.json",
    "/health": "/health/ready",
    "/metric": "/metrics",
}
WRONG_IDS = {
    "/api/v1/notes/1": "1",
    "/api/v1/notes/1/history": "1",
    "/api/v1/notes/%7Bid%7D": "{id}",
    "/api/v1/users/7": "7",
    "/api/v1/notes/undefined": "undefined",
}
METHODS = {
    ("DELETE", "/api/v1/notes"): "GET, POST, not DELETE",
    ("POST", "/api/v1/notes/01900000-0000-7000-8000-000000000000"): "DELETE, GET, PATCH, PUT, not POST",
    ("GET", "/api/v1/auth/login"): "POST, not GET",
    ("PUT", "/"): "GET, not PUT",
}


@pytest.fixture
def notes(admin):
    """A resource that members may use, with history, and one that only admins may use."""
    admin.declare("notes", {"title": {"type": "string"}}, access={"list": ["member"]}, history=True)
    admin.declare("secrets", {"title": {"type": "string"}})


def message(person, path, method="GET"):
    answer = person.send(method, f"http://localhost{path}")
    assert answer.status_code == (404 if method == "GET" and path != "/api/v1/auth/login" else 405)
    return answer.json["error"]["message"]


def test_the_path_that_was_meant_is_proposed(notes, alice):
    for path, meant in ELSEWHERE.items():
        assert message(alice, path) == f"{NOTHING} Did you mean {meant}?", path
    for path in ("/api/v1/zebras", "/api/v1/notes/01900000-0000-7000-8000-000000000000/x", "/", "/x" * 3_000):
        if path != "/":
            assert message(alice, path) == NOTHING, path


def test_what_is_no_id_is_named(notes, alice):
    for path, wrong in WRONG_IDS.items():
        assert message(alice, path) == f"{wrong} is not an id: an id is a UUID.", path
    assert len(message(alice, f"/api/v1/notes/{'x' * 150}")) < 80


def test_a_resource_that_the_caller_may_not_use_is_not_proposed(notes, admin, alice, stranger):
    for path in ("/api/v1/secret", "/secrets", "/api/v1/secrets/", "/api/v1/secrets/1", "/api/v1/secrets/aggregates"):
        assert message(admin, path) != NOTHING, path
        for person in (alice, stranger):
            assert message(person, path) == NOTHING, path
            assert message(person, path.replace("secret", "zebra")) == NOTHING, path
    assert message(stranger, "/notes") == NOTHING


def test_a_path_names_the_methods_that_it_takes(notes, alice):
    for (method, path), methods in METHODS.items():
        assert message(alice, path, method) == f"This path takes {methods}."


def test_an_origin_that_is_not_allowed_is_logged_once(settings, read_lines):
    person = Person(create_app(replace(settings, cors_origins="https://app.example.com")), "alice")
    read_lines()
    headers = {"Origin": "http://shop.example.com:5173"}
    own = [{"Origin": "http://localhost"}, headers | {"Sec-Fetch-Site": "same-origin"}, {}]
    for each in (*own, {"Origin": "https://app.example.com"}, headers, headers):
        person.get("/auth/me", headers=each)
    person.send("OPTIONS", "/auth/me", headers=headers | {"Access-Control-Request-Method": "GET"})
    lines = [json.loads(line) for line in read_lines()]
    assert [(line["event"], line["origin"]) for line in lines] == [
        ("origin not allowed", "http://shop.example.com:5173")
    ]
    assert lines[0]["advice"] == "If its scripts may call the API, add it to LARDER_CORS_ORIGINS."


def test_few_origins_are_logged_however_many_are_sent(stranger, read_lines):
    read_lines()
    for number in range(MAX_ORIGINS + 20):
        stranger.get("/auth/me", headers={"Origin": f"https://{number}.example.com"})
    assert len(read_lines()) <= MAX_ORIGINS
