"""The one shape of every failure: each code, provoked, and what a hostile body is answered."""

import json
import re
from uuid import uuid4

import pytest

from backend.models.database import database
from tests.conftest import ON_SQLITE
from tests.helpers import TIMESTAMP, assert_failure, details_of, hang_up, lock_on_notes, server
from tests.parts.patience import patience

ACCESS = {"list": ["public"], "read": ["public"], "create": ["member"], "update": ["owner"]}
FIELDS = {
    "title": {"type": "string", "required": True},
    "stars": {"type": "integer"},
    "code": {"type": "string", "unique": True},
    "extra": {"type": "json"},
}
DOCUMENT = "http://localhost/openapi.json"
MALFORMED = [
    b"",
    b" ",
    b"{",
    b'{"title": "Milk"',
    b'{"title": "Milk"} {}',
    b"{'title': 'Milk'}",
    b'{"title": "Milk",}',
    b'{"title": Milk}',
    b'{"title": "Milk", "stars": NaN}',
    b'{"title": "Milk", "extra": [Infinity, -Infinity]}',
    b'{"title": "Milk", "stars": ' + b"9" * 5_000 + b"}",
    b'{"title": "Milk", "title": "Eggs"}',
    b'{"title": "Milk", "extra": {"a": [{"b": 1, "b": 1}]}}',
    b'{"title": "Milk\xff"}',
    '{"title": "Milk"}'.encode("utf-16"),
    b'{"title": "Milk\x00"}',
    b'{"title": "Milk\n"}',
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"title": "Milk", "extra": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b"title=Milk",
]


@pytest.fixture
def note(admin, alice):
    """A note of alice's."""
    admin.declare("notes", FIELDS, access=ACCESS)
    return alice.make("notes", title="Milk", code="A1")


def post_raw(person, body, content_type="application/json"):
    """Send a body as it is."""
    return person.post("/notes", data=body, headers={"Content-Type": content_type})


def test_refusals_have_the_form_of_errors(note, alice, bob, stranger):
    path, milk, stale = f"/notes/{note['id']}", {"title": "Milk"}, {"If-Match": '"7"'}
    assert_failure(post_raw(alice, b"{"), 400, "MALFORMED_REQUEST")
    assert_failure(stranger.post("/notes", json=milk), 401, "UNAUTHENTICATED")
    assert_failure(bob.patch(path, json=milk), 403, "FORBIDDEN")
    assert_failure(alice.get(f"/notes/{uuid4()}"), 404, "NOT_FOUND")
    assert_failure(alice.post(path, json=milk), 405, "METHOD_NOT_ALLOWED")
    assert_failure(alice.post("/notes", json=milk | {"code": "A1"}), 409, "CONFLICT")
    assert_failure(alice.patch(path, json=milk, headers=stale), 412, "PRECONDITION_FAILED")
    assert_failure(post_raw(alice, b" " * 1_048_577), 413, "PAYLOAD_TOO_LARGE")
    assert_failure(post_raw(alice, b"{}", "text/plain"), 415, "UNSUPPORTED_MEDIA_TYPE")
    assert_failure(alice.post("/notes", json={}), 422, "VALIDATION_ERROR")


@ON_SQLITE
def test_unknown_paths_have_the_form_of_errors(stranger):
    for path in ("/", "/nope", "/notes", f"/notes/{uuid4()}", "/auth/nope", "/..%2f..%2fetc/passwd", "/%00", "/%ff%fe"):
        assert_failure(stranger.get(path), 404, "NOT_FOUND")
    for path in ("nope", "docs/nope.js", "docs/..%2f__init__.py", "health/nope", "favicon.ico"):
        assert_failure(stranger.get(f"http://localhost/{path}"), 404, "NOT_FOUND")


@ON_SQLITE
def test_a_wrong_method_gets_the_allowed_ones(note, alice):
    allowed = {
        "/notes": {"GET", "HEAD", "OPTIONS", "POST"},
        f"/notes/{note['id']}": {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"},
        "/auth/login": {"OPTIONS", "POST"},
        "http://localhost/health/live": {"GET", "HEAD", "OPTIONS"},
    }
    for path, methods in allowed.items():
        response = alice.send("TRACE", path)
        assert_failure(response, 405, "METHOD_NOT_ALLOWED")
        assert set(response.headers["Allow"].split(", ")) == methods


@ON_SQLITE
def test_bad_tokens_have_the_form_of_errors(note, alice):
    tokens = [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer a.b.c",
        "Basic YTpi",
        alice.token,
        "Bearer é",
        f"Bearer {alice.token}x",
    ]
    for header in tokens:
        response = alice.get("/notes", headers={"Authorization": header})
        assert_failure(response, 401, "UNAUTHENTICATED")
        assert response.headers["WWW-Authenticate"] == "Bearer"


@ON_SQLITE
def test_every_response_has_a_request_id_of_its_own(note, alice, stranger):
    responses = [
        alice.get(f"/notes/{note['id']}"),
        alice.get(f"/notes/{note['id']}", headers={"If-None-Match": "*"}),
        alice.send("HEAD", "/notes"),
        alice.send("OPTIONS", "/notes"),
        stranger.post("/auth/login", json={}),
        *(stranger.get(f"http://localhost/{path}") for path in ("", "docs", "openapi.json", "health/live", "nope")),
    ]
    ids = {response.headers["X-Request-ID"] for response in responses}
    assert len(ids) == len(responses)


@ON_SQLITE
def test_the_cause_of_a_defect_is_only_in_the_log(read_lines, app, stranger):
    def break_down():
        raise LookupError("the cellar is flooded")

    app.add_url_rule("/broken", view_func=break_down)
    response = stranger.get("http://localhost/broken")
    assert_failure(response, 500, "INTERNAL_ERROR")
    assert details_of(response) == {}
    assert not re.search("cellar|LookupError|break_down|Traceback", response.text)
    (line,) = [json.loads(line) for line in read_lines() if "cellar" in line]
    assert (line["request_id"], line["level"]) == (response.headers["X-Request-ID"], "error")
    assert "LookupError: the cellar is flooded" in line["exception"]


def test_a_database_that_disagrees_is_a_defect_without_a_trace(note, alice):
    with database.connection_context():
        database.execute_sql("ALTER TABLE notes ADD COLUMN other INTEGER CHECK (stars < 9)")
    response = alice.post("/notes", json={"title": "Hidden words", "stars": 9})
    assert_failure(response, 500, "INTERNAL_ERROR")
    assert not re.search("(?i)check|constraint|insert|stars|hidden|psycopg|sqlite", response.text)
    assert [each["title"] for each in alice.get("/notes").json["data"]] == ["Milk"]


def test_a_locked_database_is_unavailable(note, alice, database_url):
    with lock_on_notes(database_url):
        with patience(wait_seconds=0.2):
            response = alice.patch(f"/notes/{note['id']}", json={"title": "Eggs"})
        assert_failure(response, 503, "UNAVAILABLE")
        assert response.headers["Retry-After"] == "1"
        assert alice.get(f"/notes/{note['id']}").json["data"] == note
    assert alice.patch(f"/notes/{note['id']}", json={"title": "Eggs"}).status_code == 200


@ON_SQLITE
def test_a_full_disk_is_unavailable_for_writers_and_loses_nothing(note, alice, read_lines):
    database.close_all()
    with database.connection_context():
        # As SQLite sees a full disk.
        database.pragma("max_page_count", database.pragma("page_count") + 2, permanent=True)
    answers = [alice.post("/notes", json={"title": "M" * 200}) for _ in range(100)]
    assert_failure(answers[-1], 503, "UNAVAILABLE")
    assert '"reason":"database or disk is full"' in read_lines()[-1]
    made = [answer.status_code for answer in answers].count(201)
    assert alice.get("/notes").json["meta"]["total"] == 1 + made


@ON_SQLITE
def test_a_missing_database_file_is_unavailable(note, admin, alice, tmp_path):
    admin.declare("shelves", {"name": {"type": "string"}}, access=ACCESS)  # no request has used it yet
    token = {"Authorization": f"Bearer {alice.token}"}
    database.close_all()
    for file in tmp_path.glob("larder.db*"):
        file.rename(tmp_path / f"away_{file.name}")
    (tmp_path / "larder.db").mkdir()
    for path in ("/notes", f"/notes/{note['id']}", "/shelves", "/auth/me", DOCUMENT):
        response = alice.get(path, headers=token)
        assert_failure(response, 503, "UNAVAILABLE")
        assert response.headers["Retry-After"] == "1"
    assert_failure(alice.delete("/shelves", headers=token), 503, "UNAVAILABLE")
    assert alice.get("http://localhost/health/live").status_code == 200


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_stopped_database_server_is_unavailable(note, admin, alice, postgres_url, database_url):
    admin.declare("shelves", {"name": {"type": "string"}}, access=ACCESS)  # no request has used it yet
    with server(postgres_url, database_url) as (connection, name):
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        hang_up(connection, name)
        for path in ("/notes", f"/notes/{note['id']}", "/shelves", "/auth/me", DOCUMENT):
            response = alice.get(path)
            assert_failure(response, 503, "UNAVAILABLE")
            assert response.headers["Retry-After"] == "1"
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert alice.get(f"/notes/{note['id']}").json["data"] == note


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_restart_of_the_database_server_is_survived(note, alice, postgres_url, database_url):
    with server(postgres_url, database_url) as (connection, name):
        hang_up(connection, name)
    assert alice.get("/notes").status_code in (200, 503)  # at most the request that met the dead connection
    assert alice.get("/notes").json["data"] == [note]


@ON_SQLITE
def test_a_body_that_is_not_json_is_malformed(note, alice):
    for body in MALFORMED:
        response = post_raw(alice, body)
        assert response.status_code == 400, body[:60]
        assert_failure(response, 400, "MALFORMED_REQUEST")
    assert alice.get("/notes").json["data"] == [note]


@ON_SQLITE
def test_a_body_that_is_no_object_is_invalid(note, alice):
    for body in (b"null", b"[]", b'[{"title": "Milk"}]', b'"title"', b"7", b"true", b"[" * 500 + b"]" * 500):
        response = post_raw(alice, body)
        assert_failure(response, 422, "VALIDATION_ERROR")
        assert list(details_of(response)) == ["json"]
    assert alice.get("/notes").json["data"] == [note]


@ON_SQLITE
def test_takes_only_json(note, alice):
    body = b'{"title": "Eggs"}'
    for content_type in ("text/plain", "json", "application/x-www-form-urlencoded", "application/vnd.api+json", ""):
        assert_failure(post_raw(alice, body, content_type), 415, "UNSUPPORTED_MEDIA_TYPE")
    assert_failure(alice.post("/notes", data=body), 415, "UNSUPPORTED_MEDIA_TYPE")
    assert_failure(alice.post("/notes"), 415, "UNSUPPORTED_MEDIA_TYPE")
    assert alice.get("/notes").json["data"] == [note]
    assert post_raw(alice, body, "Application/JSON; charset=utf-8").status_code == 201


def test_texts_that_no_database_can_store_are_invalid(note, alice):
    for field in ("title", "code", "extra"):
        for text in (r"\u0000", r"Milk\u0000", r"\ud800", r"\udc00\ud800"):
            response = post_raw(
                alice, f'{{"title": "Milk", "{field}": "{text}"}}'.replace('"title": "Milk", "title"', '"title"')
            )
            assert_failure(response, 422, "VALIDATION_ERROR")
            assert list(details_of(response)["json"]) == [field]
    assert alice.get("/notes").json["data"] == [note]


@ON_SQLITE
def test_strange_names_of_fields_are_refused_as_unknown(note, alice):
    for name in (r"\u0000", r"ti\u0000tle", r"\ud800", "", "_schema", "x" * 10_000, "title ", "Title", "\N{SNOWMAN}"):
        response = post_raw(alice, f'{{"title": "Milk", "{name}": 1}}'.encode())
        assert_failure(response, 422, "VALIDATION_ERROR")
        [[shown, [message]]] = details_of(response)["json"].items()
        assert (shown, message.partition(" Did")[0]) == (json.loads(f'"{name}"'), "Unknown field.")
    assert alice.get("/notes").json["data"] == [note]


def test_strange_texts_in_a_query_are_invalid(note, alice):
    for query in (
        "title=%00",
        "title__contains=a%00b",
        "title__in=a,%00",
        "code__startswith=%00",
        "%00=1",
        "=1",
        "%ED%A0%80=1",
    ):
        response = alice.get(f"/notes?{query}")
        assert_failure(response, 422, "VALIDATION_ERROR")
        assert list(details_of(response)) == ["query"]


def test_bytes_in_a_query_that_are_no_text_match_nothing(note, alice):
    for query in ("title=%ED%A0%80", "title=%ff", "title__startswith=%C3", "title__in=%F4%90%80%80"):
        assert alice.get(f"/notes?{query}").json["data"] == [], query


def test_the_envelope_of_a_success(note, alice):
    for response in (alice.get(f"/notes/{note['id']}"), alice.get("/auth/me")):
        assert set(response.json) == {"success", "data", "message", "timestamp"}
        assert (response.json["success"], response.json["message"]) == (True, "OK")
        assert TIMESTAMP.fullmatch(response.json["timestamp"])
    assert set(alice.get("/notes").json) == {"success", "data", "message", "timestamp", "meta"}
