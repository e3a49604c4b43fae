"""Odd requests: headers, paths and queries of any bytes and any length are answered, never with a 500."""

import gzip
import json
import os
import re
import time
from collections import defaultdict
from dataclasses import replace
from itertools import product

import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app

from backend import create_app
from backend.middleware.paths import API
from backend.models.database import database
from tests.conftest import ON_SQLITE, PASSWORD, Person
from tests.helpers import PUBLIC

HEADERS = [
    *("Authorization", "Cookie", "X-CSRF-TOKEN", "If-Match", "If-None-Match", "If-Modified-Since", "If-Range", "Range"),
    *("If-Unmodified-Since", "Idempotency-Key", "X-Request-ID", "X-Forwarded-For", "X-Forwarded-Proto", "Forwarded"),
    *("Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers", "Content-Type", "Accept"),
    *("Accept-Encoding", "Accept-Language", "User-Agent", "Host", "Content-Encoding", "Content-Length", "Expect"),
    *("Referer", "Cache-Control", "Transfer-Encoding", "X-HTTP-Method-Override", "X-Forwarded-Host"),
]
LONG = 60_000
ALL = os.environ.get("ODD_REQUESTS") == "all"
VALUES = {
    "empty": "",
    "latin-1": "caf\xe9",
    "not UTF-8": "\xff\xfe=\xe9; \x80",
    "UTF-8": "name=Zoë €".encode().decode("latin-1"),
    "doubled": "first, second",
    "quotes": '"a", W/"b, "c',
    "one quote": '"',
    "pairs": 'a=b; =; ;;=c; a="; charset=\xff; boundary=',
    "digits": "9" * 5_000,
    "sign": "-1",
    "bytes": "bytes=0-,1-,99999999999999999999-",
    "date": "Sun, 01 Nov 99999999999 00:00:00 GMT",
    "bearer": "Bearer \xe9\xff.\xe9.\xe9",
    "basic": "Basic \xff",
    "key": "Bearer ldr_\xe9\xff",
    "long": "x" * LONG,
    "long list": "a=b, " * (LONG // 5),
    "long tags": '"1", ' * (LONG // 5),
    "long cookies": 'a="\\\xe9"; ' * (LONG // 9),
    "long quotes": '"\\' * (LONG // 2),
}
PATHS = [
    ("GET", f"{API}/notes"),
    ("POST", f"{API}/notes"),
    ("GET", f"{API}/notes/<id>"),
    ("PATCH", f"{API}/notes/<id>"),
    ("GET", f"{API}/notes/export"),
    ("POST", f"{API}/notes/import"),
    ("POST", f"{API}/batch"),
    ("POST", f"{API}/auth/login"),
    ("POST", f"{API}/auth/refresh"),
    ("GET", f"{API}/auth/me"),
    ("OPTIONS", f"{API}/notes"),
    ("GET", f"{API}/nowhere"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/docs/swagger-ui.css"),
    ("GET", "/account/reset"),
    ("GET", "/assets/former/main.js"),
    ("GET", "/nowhere"),
]
TEXTS = [
    *(
        "\0",
        "a\0b",
        "\xff",
        "\xe9\x80",
        "\xe2\x82\xac",
        "\xed\xa0\x80",
        "\r\nX: y",
        "\x7f\x1b[31m",
        "%00",
        "%ff",
        "%",
        "a/b",
    ),
    *("..", "../../etc/passwd", "'\"; --", "{}", "<x>", "*", "x" * 30_000, "a/" * 3_000),
]
QUERIES = [
    *("%ff=%ff", "q=%00", "key=%00", "mode=upsert&key=%ff", "title=%00", "title__in=%00,%ff", "sort=%00", "cursor=%00"),
    *(
        "fields=%ff",
        "expand=%00",
        "page=%D9%A1",
        "group_by=%00",
        "=&=&",
        "&" * 9_000,
        "a=b&" * 5_000,
        "title=1&" * 5_000,
    ),
]


@pytest.fixture
def settings(settings):
    """The settings with everything on that reads headers."""
    more = {"cors_origins": "https://app.example.com", "trusted_proxies": "127.0.0.1", "metrics_token": "a" * 32}
    return replace(settings, rate_limit="1000000/minute", rate_limit_auth="1000000/minute", **more)


@pytest.fixture
def note(admin):
    """A record that everybody may read and change."""
    admin.declare("notes", {"title": {"type": "string"}}, access=PUBLIC)
    return admin.make("notes", title="Milk")


def status(app, method, path="/", *, body=b"", **environ):
    """Return the status of an answer, all of which is read; `environ` is as a server would hand it on."""
    builder = EnvironBuilder(path=path, method=method, data=body, content_type="application/json")
    _, code, _ = run_wsgi_app(app, builder.get_environ() | {"REMOTE_ADDR": "127.0.0.1"} | environ, buffered=True)
    return int(code.partition(" ")[0])


def spread(cases, step):
    """Return every `step`-th of the cases; all of them in the long form, `ODD_REQUESTS=all`."""
    return [*cases][:: 1 if ALL else step]


def rules(app):
    """Return the URL rules of the system and of the resources."""
    routes = [app.routes_of(resource) for resource in app.catalog.values()]
    return [*app.url_map.iter_rules(), *(rule for each in routes for rule in each.url_map.iter_rules())]


def environ_name(header):
    name = header.upper().replace("-", "_")
    return name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"


@ON_SQLITE
def test_no_header_of_any_bytes_or_length_is_an_error_of_the_server(app, note):
    answers = defaultdict(list)
    cases = product(HEADERS, VALUES, PATHS)
    for header, kind, (method, path) in spread(cases, 20):  # each value of a header once, at a path of its own
        body = b'{"title": "x"}' if method in ("POST", "PATCH") else b""
        headers = {environ_name(header): VALUES[kind]}
        code = status(app, method, path.replace("<id>", note["id"]), body=body, **headers)
        answers[code].append((header, kind, method, path))
    assert len(answers) > 5
    assert not {code: cases for code, cases in answers.items() if code >= 500}


@ON_SQLITE
def test_cookies_of_other_programs_are_ignored(app, alice):
    token = alice.sign_in()["access_token"]
    for foreign in ("other=caf\xe9", "\xff\xfe", 'a="b; c', "=", ";;", "\x80=\x80", "x=" + "y" * 60_000):
        for cookies in (f"{foreign}; access_token={token}", f"access_token={token}; {foreign}"):
            assert status(app, "GET", f"{API}/auth/me", HTTP_COOKIE=cookies) == 200, foreign[:20]
        assert status(app, "GET", f"{API}/auth/me", HTTP_COOKIE=foreign) == 401


@pytest.mark.parametrize("agent", ["caf\xe9", "\xff\xfe", "", "x" * 60_000])
def test_a_client_of_any_name_signs_in(app, alice, agent):
    body = json.dumps({"email": alice.email, "password": PASSWORD}).encode()
    assert status(app, "POST", f"{API}/auth/login", body=body, HTTP_USER_AGENT=agent) == 200
    assert alice.get("/auth/sessions").status_code == 200


@pytest.mark.parametrize("name", ["admin", "alice"])
def test_no_path_of_any_bytes_is_an_error_of_the_server(app, note, name):
    """Also of somebody who is refused: refusals are in the audit trail."""
    bearer, answers = {"HTTP_AUTHORIZATION": f"Bearer {Person(app, name).token}"}, defaultdict(list)
    for rule, text in spread(product(rules(app), TEXTS), 7):
        path = re.sub("<.*?>", lambda _, text=text: text, rule.rule)
        path = path if rule.arguments else f"{path.rstrip('/')}/{text}"
        for method in rule.methods:
            answers[status(app, method, body=b"{}", PATH_INFO=path, **bearer)].append((method, path[:80]))
    assert answers[404]
    assert not {code: cases for code, cases in answers.items() if code >= 500}


def test_no_query_of_any_bytes_is_an_error_of_the_server(app, admin, note):
    bearer, answers = {"HTTP_AUTHORIZATION": f"Bearer {admin.token}"}, defaultdict(list)
    for rule, text in spread(product(rules(app), TEXTS + QUERIES), 11):
        path = rule.rule.replace("<uuid:record_id>", note["id"])
        for method in rule.methods:
            code = status(app, method, body=b"{}", PATH_INFO=path, QUERY_STRING=text, **bearer)
            answers[code].append((method, path, text[:30]))
    assert answers[422]
    assert not {code: cases for code, cases in answers.items() if code >= 500}


@ON_SQLITE
@pytest.mark.parametrize("path", ["/", "/health/live", f"{API}/notes", f"{API}/notes/export", f"{API}/auth/me"])
def test_a_query_that_is_not_text_is_refused_in_words(app, admin, note, path):
    answer = admin.client.get(
        path, environ_overrides={"QUERY_STRING": "q=caf\xe9"}, headers={"Authorization": f"Bearer {admin.token}"}
    )
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "MALFORMED_REQUEST")
    assert answer.json["error"]["message"] == "The query string is not valid UTF-8."


@ON_SQLITE
@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "deflate, gzip", "\xe9", "x" * 60_000])
def test_a_compressed_body_is_refused_by_name(admin, note, coding):
    paths = [("POST", "/notes"), ("PATCH", f"/notes/{note['id']}"), ("POST", "/batch"), ("POST", "/auth/login")]
    kinds = [(*path, "application/json") for path in paths] + [("POST", "/notes/import", "text/csv")]
    for method, path, kind in kinds:
        body = {"data": gzip.compress(b'{"title": "x"}'), "content_type": kind}
        answer = admin.send(method, path, **body, environ_overrides={"HTTP_CONTENT_ENCODING": coding})
        assert (answer.status_code, answer.json["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE"), path
        assert f"compressed ({coding[:40].lower()})" in answer.json["error"]["message"]
    assert admin.post("/notes", json={"title": "x"}, headers={"Content-Encoding": "identity"}).status_code == 201


@ON_SQLITE
def test_a_body_that_is_too_large_is_refused_with_the_setting_to_change(settings, admin, note):
    person = Person(create_app(replace(settings, max_body_bytes=2_000, max_import_bytes=3_000)), "admin")
    for path, kind, limit in [
        ("/notes", "application/json", "2,000 bytes (LARDER_MAX_BODY_BYTES)"),
        ("/batch", "application/json", "2,000 bytes (LARDER_MAX_BODY_BYTES)"),
        ("/notes/import", "text/csv", "3,000 bytes (LARDER_MAX_IMPORT_BYTES)"),
    ]:
        answer = person.post(path, data=b"x" * 5_000, content_type=kind)
        assert (answer.status_code, answer.json["error"]["message"]) == (413, f"The body is larger than {limit}.")
    database.close_all()


@ON_SQLITE
def test_a_long_query_costs_no_more_than_its_length(admin, note):
    """Of what a head may hold at most, and of four times as much: quadratic work would take seconds."""
    for query in ("a&", "a=1&", "title=1&", "title__in=" + "a," * 50 + "&", "q=" + "%C3%A9" * 9 + "&"):
        began = time.process_time()
        answer = admin.get("/notes?" + query * (128_000 // len(query)))
        assert (answer.status_code, time.process_time() - began < 2) == (422, True), query[:20]
