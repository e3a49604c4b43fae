"""Headers for browsers: security headers, and CORS."""

import re
from dataclasses import replace

import pytest

from backend import create_app
from backend.models.database import database
from tests.conftest import ON_SQLITE, Person

pytestmark = ON_SQLITE

APP = "https://app.example.com"
PREFLIGHT = {"Origin": APP, "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "if-match"}


def exposed(answer):
    """Return the names of the headers that scripts of another origin may read."""
    return answer.headers["Access-Control-Expose-Headers"].split(", ")


@pytest.fixture
def shared(settings):
    """Somebody not signed in at an app that one origin may call."""
    yield Person(create_app(replace(settings, cors_origins=f"{APP},http://localhost:3000", rate_limit="3/minute")))
    database.close_all()


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/openapi.json", "/nowhere", "/account/reset", "/api/v1/auth/me", "/health/live"]
)
def test_responses_forbid_sniffing_framing_and_referrers(stranger, path):
    headers = stranger.get(f"http://localhost{path}").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert len(headers.getlist("Content-Security-Policy")) == 1
    assert "'unsafe-inline'" not in headers["Content-Security-Policy"].partition("script-src")[2].partition(";")[0]


def test_browsers_are_held_to_https_only_where_there_is_https(settings):
    for url, held in [("https://larder.example.com", True), ("http://localhost:8000", False)]:
        stranger = Person(create_app(replace(settings, public_url=url)))
        for path in ("/", "/docs", "/account/reset"):
            header = stranger.get(f"http://localhost{path}").headers.get("Strict-Transport-Security")
            assert header == ("max-age=31536000" if held else None)
        database.close_all()


def test_the_page_of_the_documentation_runs_no_script_but_its_own(stranger):
    answer = stranger.get("http://localhost/docs")
    policy = answer.headers["Content-Security-Policy"]
    assert len(re.findall("'sha256-[^']+'", policy)) == answer.text.count("<script>") == 1


def test_an_allowed_origin_may_call(shared):
    answer = shared.client.options("/api/v1/auth/me", headers=PREFLIGHT)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
    assert "If-Match" in answer.headers["Access-Control-Allow-Headers"]
    refused = shared.get("/auth/me", headers={"Origin": APP})
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, APP)
    assert {"ETag", "Location", "Idempotency-Replayed"} <= set(exposed(refused))
    assert "Origin" in ", ".join(refused.headers.getlist("Vary"))


def test_preflights_count_for_the_address_and_their_refusal_can_be_read(shared):
    answers = [shared.client.options("/api/v1/auth/me", headers=PREFLIGHT) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert all(answer.headers["Access-Control-Allow-Origin"] == APP for answer in answers)


def test_a_refusal_of_a_limit_can_be_read(shared):
    answers = [shared.get("/auth/me", headers={"Origin": APP}) for _ in range(5)]
    assert answers[-1].status_code == 429
    assert all(answer.headers["Access-Control-Allow-Origin"] == APP for answer in answers)


def test_preflights_of_a_sign_in_are_not_counted_as_guesses(settings):
    stranger = Person(create_app(replace(settings, cors_origins=APP, rate_limit_auth="2/minute")))
    answers = [stranger.client.options("/api/v1/auth/login", headers=PREFLIGHT).status_code for _ in range(5)]
    guesses = [stranger.post("/auth/login", json={"email": "a@example.com", "password": "x"}) for _ in range(3)]
    database.close_all()
    assert answers == [200] * 5
    assert [guess.status_code for guess in guesses] == [401, 401, 429]


def test_an_allowed_origin_may_call_what_is_declared_later(settings):
    app = create_app(replace(settings, cors_origins=APP))
    Person(app, "admin").declare("notes", {"title": {"type": "string"}}, access={"list": ["public"]})
    answer = Person(app).get("/notes", headers={"Origin": APP})
    database.close_all()
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, APP)


def test_an_unexpected_error_can_be_read_by_an_allowed_origin(settings):
    app = create_app(replace(settings, cors_origins=APP))
    app.add_url_rule("/broken", view_func=lambda: 1 / 0)
    answer = app.test_client().get("/broken", headers={"Origin": APP})
    database.close_all()
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (500, APP)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", f"{APP}.evil.example", "https://app.example.com:444", "null", f"{APP}/", ""]
)
def test_no_other_origin_is_reflected(shared, origin):
    answer = shared.client.options("/api/v1/auth/me", headers=PREFLIGHT | {"Origin": origin})
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_cookies_of_another_origin_are_never_asked_for(shared):
    answer = shared.client.options("/api/v1/auth/me", headers=PREFLIGHT)
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_no_other_origin_may_call_by_default(stranger):
    answer = stranger.get("/auth/me", headers={"Origin": APP})
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_any_origin_may_call_if_the_setting_allows_it(settings):
    stranger = Person(create_app(replace(settings, cors_origins="*")))
    assert stranger.get("/auth/me", headers={"Origin": APP}).headers["Access-Control-Allow-Origin"] == "*"
    database.close_all()
