"""Unexpected errors, as a server that speaks Sentry's protocol gets them; and slow statements in the log."""

import gzip
import http.server
import json
import threading
from dataclasses import replace

import pytest
import sentry_sdk

from backend import create_app
from backend.models.database import database
from backend.routes.toolkit import streaming
from tests.conftest import ON_SQLITE, Person
from tests.parts.streams import open_stream

pytestmark = ON_SQLITE


@pytest.fixture
def tracker():
    """(The DSN of a server, the bodies that it got)."""
    bodies = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            bodies.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://public@127.0.0.1:{server.server_port}/1", bodies
        server.shutdown()
        thread.join()


def break_users(app):
    """Make a call to `/users` fail unexpectedly."""
    with database.connection_context():
        database.execute_sql("ALTER TABLE larder_users RENAME COLUMN name TO nickname")


def test_an_unexpected_error_ends_a_stream_that_says_so(settings, tracker, monkeypatch):
    monkeypatch.setattr(streaming, "BEAT_SECONDS", 0.2)
    dsn, bodies = tracker
    admin = Person(create_app(replace(settings, sentry_dsn=dsn, streams=1)), "admin")
    admin.declare("notes", {"title": {"type": "string"}}, feed=True)
    with open_stream(admin, resource="notes") as (response, events):
        assert events.next()[0] == "beat"
        with database.connection_context():
            database.execute_sql("ALTER TABLE larder_feeds RENAME COLUMN epoch TO era")
        while (end := events.next())[0] == "beat":
            pass
        assert (end[0], end[1]["code"], events.next()) == ("end", "INTERNAL_ERROR", None)
    sentry_sdk.flush(5)
    (report,) = [json.loads(line) for body in bodies for line in body.splitlines() if b'"exception"' in line]
    assert report["tags"]["request_id"] == response.headers["X-Request-ID"]
    assert response.headers["X-Request-ID"] in end[1]["message"]
    assert 'larder_streams_ended_total{reason="internal_error"} 1.0' in admin.client.get("/metrics").text


def test_an_unexpected_error_is_reported_under_its_request_id_without_secrets(settings, tracker):
    dsn, bodies = tracker
    app = create_app(replace(settings, sentry_dsn=dsn))
    admin = Person(app, "admin")
    token = admin.token
    break_users(app)
    answer = admin.get("/users?page=1")
    assert answer.status_code == 500
    sentry_sdk.flush(5)
    (report,) = [json.loads(line) for body in bodies for line in body.splitlines() if b'"exception"' in line]
    assert report["tags"]["request_id"] == answer.headers["X-Request-ID"]
    assert token not in json.dumps(report)
    assert "correct horse" not in json.dumps(report)
    database.close_all()


def test_without_an_address_nothing_is_sent(settings, tracker):
    admin = Person(create_app(settings), "admin")
    admin.get("/users")
    break_users(admin)
    assert admin.get("/users").status_code == 500
    assert tracker[1] == []
    database.close_all()


def test_a_slow_statement_is_logged_with_its_request_and_without_values(settings, read_lines):
    app = create_app(replace(settings, slow_query_ms=1))
    admin = Person(app, "admin")
    admin.declare("notes", {"title": {"type": "string"}})
    database.obj.slow_seconds = 0
    read_lines()
    answer = admin.get("/notes?title=a+secret+value")
    lines = [json.loads(line) for line in read_lines()]
    found = [line for line in lines if line["event"] == "slow query" and '"notes"' in line["sql"]]
    assert {line["request_id"] for line in found} == {answer.headers["X-Request-ID"]}
    assert "a secret value" not in json.dumps(lines)
    database.close_all()
