"""The log: one line for each request, and no secrets in it."""

import dataclasses
import json
import re

import pytest

from backend import create_app
from backend.models.database import database
from tests.conftest import ON_SQLITE, PASSWORD, Person

pytestmark = ON_SQLITE


@pytest.fixture
def settings(settings):
    """The settings, telling of every request."""
    return dataclasses.replace(settings, log_level="INFO")


@pytest.fixture
def read_log(read_lines):
    """A function that returns what the lines logged since its last call say."""
    return lambda: [json.loads(line) for line in read_lines()]


@pytest.fixture
def note(admin, alice, read_log):
    """A note of alice's; the log is read up to here."""
    admin.declare("notes", {"title": {"type": "string"}}, access={"list": ["public"], "create": ["member"]})
    note = alice.make("notes", title="Milk")
    read_log()
    return note


def test_writes_one_line_for_each_request(note, alice, read_log):
    response = alice.post("/notes", json={"title": "Eggs"})
    (line,) = read_log()
    assert line.pop("duration_ms") > line.pop("database_ms") > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("timestamp"))
    assert line == {
        "event": "request",
        "level": "info",
        "request_id": response.headers["X-Request-ID"],
        "method": "POST",
        "path": "/api/v1/notes",
        "route": "/api/v1/notes",
        "status": 201,
        "actor": note["created_by"],
        "address": "127.0.0.1",
    }


def test_logs_the_route_and_the_path_separately(note, alice, read_log):
    alice.get(f"/notes/{note['id']}")
    alice.get("/nowhere/7")
    logged = [(line["route"], line["path"], line["status"]) for line in read_log()]
    route = "/api/v1/notes/<uuid:record_id>"
    assert logged == [(route, f"/api/v1/notes/{note['id']}", 403), (None, "/api/v1/nowhere/7", 404)]


def test_writes_a_line_whatever_the_outcome(note, alice, stranger, read_log):
    stranger.get("/notes")
    stranger.post("/notes", json={})
    stranger.delete("/notes")
    alice.post("/notes", json={"titel": 1})
    alice.get("/notes", headers={"Authorization": "Bearer x"})
    stranger.get("http://localhost/health/live")
    logged = [(line["status"], line["actor"]) for line in read_log()]
    owner = note["created_by"]
    assert logged == [(200, None), (401, None), (405, None), (422, owner), (401, None), (200, None)]


def test_files_of_the_admin_page_need_no_statement(note, alice, read_log):
    for path in ("/assets/any/main.js", "//assets/any/main.js"):
        with alice.get("http://localhost", environ_overrides={"PATH_INFO": path}) as response:
            assert response.status_code == 200
        (line,) = read_log()
        assert (line["route"], line["actor"]) == ("/assets/<version>/<path:path>", None)
        assert line["database_ms"] == 0


def test_requests_refused_by_a_limit_are_logged_too(settings, read_log):
    app = create_app(dataclasses.replace(settings, rate_limit="2/hour"))
    Person(app, "admin").declare("notes", {"title": {"type": "string"}})
    stranger = Person(app)
    for path in ("/notes", "/notes", "/notes", "/nowhere"):
        answer = stranger.get(path, headers={"X-Request-ID": "request-0001"})
        assert (answer.headers["X-Request-ID"], answer.headers["Cache-Control"]) == ("request-0001", "no-store")
    logged = [(line["status"], line["route"], line["actor"], line["request_id"]) for line in read_log()[-2:]]
    database.close_all()
    assert logged == [(429, "/api/v1/notes", None, "request-0001"), (429, None, None, "request-0001")]


def test_a_path_cannot_forge_a_line(note, alice, read_log):
    alice.get('/notes%0A{"event":"request","status":200}')
    (line,) = read_log()
    assert line["path"] == '/api/v1/notes\n{"event":"request","status":200}'


def test_logs_no_secrets(note, alice, stranger, read_lines):
    tokens = alice.sign_in()
    secrets = [PASSWORD, "wrong guess", "new secret password", tokens["access_token"], tokens["refresh_token"]]
    stranger.post("/auth/login", json={"email": alice.email, "password": "wrong guess"})
    stranger.post("/auth/login", data=f'{{"password": "{PASSWORD}', headers={"Content-Type": "application/json"})
    stranger.post("/auth/register", json={"email": "x", "password": "new secret password"})
    alice.get("/auth/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    stranger.post("/auth/refresh", headers={"Authorization": f"Bearer {tokens['refresh_token']}"})
    stranger.get(f"/notes?access_token={tokens['access_token']}&password={PASSWORD.replace(' ', '+')}")
    lines = read_lines()
    logged = "\n".join(lines)
    assert len(lines) == 7
    assert [secret for secret in secrets if secret in logged or secret.replace(" ", "+") in logged] == []


def test_logs_no_keys_or_cookies(note, app, admin, read_lines):
    secret = admin.post("/api-keys", json={"name": "Nightly", "roles": ["member"]}).json["data"]["secret"]
    browser = app.test_client()
    browser.post("/api/v1/auth/login", json={"email": admin.email, "password": PASSWORD, "cookies": True})
    cookies = [browser.get_cookie(name).value for name in ("access_token", "csrf_access_token")]
    read_lines()
    for headers in ({"Authorization": f"Bearer {secret}"}, {"Authorization": f"Bearer {secret}x"}, {}):
        browser.get("/api/v1/auth/me", headers=headers)
        browser.post("/api/v1/notes", json={}, headers=headers | {"X-CSRF-TOKEN": cookies[1]})
    browser.post("/api/v1/notes", json={})
    lines = read_lines()
    assert len(lines) == 7
    assert [each for each in (secret, *cookies) if each in "\n".join(lines)] == []


def test_takes_over_a_harmless_request_id(note, stranger, read_log):
    for given in ("a1b2c3d4", "01J9-trace.id_7", "x" * 64):
        response = stranger.get("/notes", headers={"X-Request-ID": given})
        assert response.headers["X-Request-ID"] == given
        assert [line["request_id"] for line in read_log()] == [given]


def test_replaces_any_other_request_id(note, stranger, read_log):
    for given in (
        "",
        "short",
        "x" * 65,
        "with a blank",
        "<script>1</script>",
        'quo"te123',
        "tab\t12345",
        "caf\u00e9-12345",
        "a,b;c=d12",
    ):
        response = stranger.get("/notes", headers={"X-Request-ID": given})
        assert re.fullmatch("[0-9a-f]{32}", response.headers["X-Request-ID"]), given
        assert [line["request_id"] for line in read_log()] == [response.headers["X-Request-ID"]]
