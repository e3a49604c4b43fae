"""Scripts of other origins: preflights, responses that they can read, and cookies (CORS)."""

from dataclasses import replace

import pytest

from backend import create_app
from backend.models.database import database
from tests.conftest import ON_SQLITE, PASSWORD, Person
from tests.helpers import bearer

pytestmark = ON_SQLITE

APP, LOCAL = "https://app.example.com", "http://localhost:5173"
ALLOW_ORIGIN, CREDENTIALS = "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"
PREFLIGHT = {"Origin": APP, "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "if-match"}
CREDENTIALS_OF_ALICE = {"email": "alice@example.com", "password": PASSWORD}
LONG = "a" * 20_000


def names(answer, header):
    """Return the names that a header of a response lists."""
    return {name.strip() for name in ",".join(answer.headers.getlist(header)).split(",")}


def access(answer):
    """Return the names of the CORS headers of a response."""
    return [name for name, _ in answer.headers if name.startswith("Access-Control")]


@pytest.fixture
def shared(settings):
    """Somebody not signed in at an app that two origins may call, and three requests a minute."""
    yield Person(create_app(replace(settings, cors_origins=f"{APP},http://localhost:3000", rate_limit="3/minute")))
    database.close_all()


@pytest.fixture
def ask(settings):
    """A function that returns somebody not signed in, at an app with other settings."""
    yield lambda **changes: Person(create_app(replace(settings, **changes)))
    database.close_all()


def test_an_allowed_origin_may_call(shared):
    answer = shared.client.options("/api/v1/auth/me", headers=PREFLIGHT)
    assert (answer.status_code, answer.headers[ALLOW_ORIGIN], answer.data) == (204, APP, b"")
    assert {"GET", "POST", "PUT", "PATCH", "DELETE"} <= names(answer, "Access-Control-Allow-Methods")
    assert names(answer, "Access-Control-Allow-Headers") == {"if-match"}
    refused = shared.get("/auth/me", headers={"Origin": APP})
    assert (refused.status_code, refused.headers[ALLOW_ORIGIN]) == (401, APP)
    exposed = {"ETag", "Location", "Retry-After", "X-Request-ID", "Idempotency-Replayed", "Allow"}
    assert exposed <= names(refused, "Access-Control-Expose-Headers")
    assert "Origin" in names(refused, "Vary")


def test_a_preflight_succeeds_wherever_the_request_will_fail(ask):
    stranger = ask(cors_origins=APP, max_body_bytes=1024)
    paths = ("/api/v1/nowhere", "/api/v1/auth/logni", f"/api/v1/{LONG}", "/api/v1/auth/login/", "/api", "/api/v1//x")
    for path in (*paths, "/nowhere", "/openapi.json", "/health/ready"):
        for method in ("GET", "DELETE", "PURGE", "patch"):
            answer = stranger.client.options(path, headers=PREFLIGHT | {"Access-Control-Request-Method": method})
            assert (answer.status_code, answer.headers[ALLOW_ORIGIN]) == (204, APP), path[:20]
            assert method in names(answer, "Access-Control-Allow-Methods")
    calls = {
        404: stranger.get("/nowhere", headers={"Origin": APP}),
        405: stranger.delete("/auth/login", headers={"Origin": APP}),
        400: stranger.post("/auth/login", data="{", content_type="application/json", headers={"Origin": APP}),
        413: stranger.post("/auth/login", json="a" * 2000, headers={"Origin": APP}),
        415: stranger.post("/auth/login", data="{}", content_type="text/plain", headers={"Origin": APP}),
        422: stranger.post("/auth/login", json={}, headers={"Origin": APP}),
    }
    for status, answer in calls.items():
        assert (answer.status_code, answer.headers[ALLOW_ORIGIN]) == (status, APP), answer.data


def test_a_preflight_permits_every_header_that_it_names(shared):
    asked = PREFLIGHT | {"Access-Control-Request-Headers": "x-trace, authorization"}
    answer = shared.client.options("/api/v1/auth/me", headers=asked)
    assert names(answer, "Access-Control-Allow-Headers") == {"x-trace", "authorization"}
    for wrong in ("", "a: b", "é", "a" * 3000):
        asked = PREFLIGHT | {"Access-Control-Request-Headers": wrong, "Access-Control-Request-Method": wrong or "GET"}
        answer = shared.client.options("/api/v1/auth/me", headers=asked)
        assert {"Authorization", "If-Match", "X-CSRF-TOKEN"} <= names(answer, "Access-Control-Allow-Headers")
        assert "a: b" not in str(answer.headers)


def test_preflights_are_not_counted_and_the_refusal_of_a_limit_can_be_read(shared):
    preflights = [shared.client.options("/api/v1/auth/me", headers=PREFLIGHT) for _ in range(5)]
    assert [answer.status_code for answer in preflights] == [204] * 5
    answers = [shared.get("/auth/me", headers={"Origin": APP}) for _ in range(5)]
    assert (answers[0].status_code, answers[-1].status_code) == (401, 429)
    assert all(answer.headers[ALLOW_ORIGIN] == APP for answer in answers)
    assert shared.client.options("/api/v1/auth/me", headers=PREFLIGHT).status_code == 204
    # What is no preflight of an allowed origin counts: it could otherwise ask about paths without a limit.
    for headers in ({"Origin": APP}, PREFLIGHT | {"Origin": "https://evil.example"}):
        assert shared.client.options("/api/v1/auth/me", headers=headers).status_code == 429


def test_preflights_of_a_sign_in_are_not_counted_as_guesses(ask):
    stranger = ask(cors_origins=APP, rate_limit_auth="2/minute")
    for _ in range(5):
        assert stranger.client.options("/api/v1/auth/login", headers=PREFLIGHT).status_code == 204
    guess = {"email": "a@example.com", "password": "x"}
    answers = [stranger.post("/auth/login", json=guess, headers={"Origin": APP}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert answers[-1].headers[ALLOW_ORIGIN] == APP
    assert "Retry-After" in answers[-1].headers


def test_an_allowed_origin_may_call_what_is_declared_later(settings):
    app = create_app(replace(settings, cors_origins=APP))
    Person(app, "admin").declare("notes", {"title": {"type": "string"}}, access={"list": ["public"]})
    answer = Person(app).get("/notes", headers={"Origin": APP})
    database.close_all()
    assert (answer.status_code, answer.headers[ALLOW_ORIGIN]) == (200, APP)


def test_failures_of_the_server_can_be_read_by_an_allowed_origin(settings):
    app = create_app(replace(settings, cors_origins=APP))
    app.add_url_rule("/broken", view_func=lambda: 1 / 0)
    broken = app.test_client().get("/broken", headers={"Origin": APP})
    with database.connection_context():
        database.execute_sql("ALTER TABLE larder_sessions RENAME TO elsewhere")
    unavailable = app.test_client().get("/api/v1/auth/me", headers={"Origin": APP} | bearer("made.up"))
    preflight = app.test_client().options("/api/v1/auth/me", headers=PREFLIGHT)
    database.close_all()
    assert (broken.status_code, broken.headers[ALLOW_ORIGIN]) == (500, APP)
    assert unavailable.headers[ALLOW_ORIGIN] == APP
    assert preflight.status_code == 204


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", f"{APP}.evil.example", f"{APP}:444", "null", f"{APP}/", "", LOCAL, "*", APP.upper()],
)
def test_no_other_origin_is_reflected(ask, origin):
    shared = ask(cors_origins=APP, public_url="https://larder.example.com")
    for path, status in (("/api/v1/auth/me", 200), ("/api/v1/nowhere", 404)):
        answer = shared.client.options(path, headers=PREFLIGHT | {"Origin": origin})
        assert (answer.status_code, access(answer)) == (status, [])
        assert "Origin" in names(answer, "Vary")  # a cache must not hand it to an allowed origin
    assert access(shared.get("/auth/me", headers={"Origin": origin})) == []


def test_no_other_site_may_call_by_default(stranger, ask):
    for person in (stranger, ask(public_url="https://larder.example.com")):
        assert access(person.get("/auth/me", headers={"Origin": APP})) == []
        assert access(person.client.options("/api/v1/auth/me", headers=PREFLIGHT)) == []


@pytest.mark.parametrize(
    "origin", ["http://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:1", "http://localhost"]
)
def test_pages_of_a_developers_machine_may_call_with_tokens_only(stranger, origin):
    answer = stranger.client.options("/api/v1/nowhere", headers=PREFLIGHT | {"Origin": origin})
    assert (answer.status_code, answer.headers[ALLOW_ORIGIN], CREDENTIALS in answer.headers) == (204, origin, False)
    answer = stranger.post("/auth/login", json=CREDENTIALS_OF_ALICE, headers={"Origin": origin})
    assert (answer.status_code, answer.headers[ALLOW_ORIGIN], CREDENTIALS in answer.headers) == (200, origin, False)
    answer = stranger.get("/auth/me", headers={"Origin": origin} | bearer(answer.json["data"]["access_token"]))
    assert (answer.status_code, answer.headers[ALLOW_ORIGIN]) == (200, origin)
    assert "Origin" in names(answer, "Vary")


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost.evil.example:80",
        "http://localhost@evil.example",
        "http://evil.example/localhost",
        "localhost:1",
    ]
    + [
        "http://127.0.0.1.evil.example",
        "http://127.0.0.2:80",
        "http://localhost:123456",
        "http://a.localhost",
        "file://",
    ]
    + ["http://localhost:80a", "ftp://localhost", "http://[::1]:1]"],
)
def test_no_page_of_elsewhere_passes_for_a_local_one(stranger, origin):
    assert access(stranger.get("/auth/me", headers={"Origin": origin})) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"public_url": "https://larder.example.com"},
        {"public_url": "http://localhost:8000"},
        {"host": "0.0.0.0", "public_url": None},
        {"host": "", "public_url": None},
        {"host": "192.0.2.1", "public_url": None},
    ],
)
def test_local_pages_may_not_call_a_server_that_others_can_reach(ask, changes):
    assert access(ask(**changes).get("/auth/me", headers={"Origin": LOCAL})) == []


def test_local_pages_may_not_call_from_a_different_machine(stranger):
    for address, allowed in (("127.0.0.1", True), ("::1", True), ("192.0.2.1", False), ("", False)):
        environ = {"REMOTE_ADDR": address}
        answer = stranger.get("/auth/me", headers={"Origin": LOCAL}, environ_overrides=environ)
        assert bool(access(answer)) == allowed, address


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_local_pages_may_call_a_server_that_only_this_machine_can_reach(ask, host):
    answer = ask(host=host, public_url=None).get("/auth/me", headers={"Origin": LOCAL})
    assert answer.headers[ALLOW_ORIGIN] == LOCAL


def test_a_listed_origin_may_use_cookies_with_the_csrf_values_of_the_sign_in(shared):
    browser, origin = shared.client, {"Origin": APP}
    answer = browser.post("/api/v1/auth/login", json=CREDENTIALS_OF_ALICE | {"cookies": True}, headers=origin)
    assert (answer.status_code, answer.headers[CREDENTIALS]) == (200, "true")
    data = answer.json["data"]
    assert data["csrf_access_token"] == browser.get_cookie("csrf_access_token").value
    assert browser.get("/api/v1/auth/me", headers=origin).status_code == 200
    assert browser.post("/api/v1/auth/logout", headers=origin).status_code == 403


def test_a_refresh_with_cookies_returns_the_next_csrf_values(ask):
    browser = ask(cors_origins=APP).client
    signed_in = browser.post("/api/v1/auth/login", json=CREDENTIALS_OF_ALICE | {"cookies": True}).json["data"]
    answer = browser.post("/api/v1/auth/refresh", headers={"X-CSRF-TOKEN": signed_in["csrf_refresh_token"]})
    csrf = {"Origin": APP, "X-CSRF-TOKEN": answer.json["data"]["csrf_access_token"]}
    assert browser.patch("/api/v1/auth/me", json={"name": "Ali"}, headers=csrf).status_code == 200
    with_tokens = browser.post("/api/v1/auth/login", json=CREDENTIALS_OF_ALICE).json["data"]
    assert "csrf_access_token" not in with_tokens


def test_any_origin_may_call_with_tokens_only_if_the_setting_allows_all(ask):
    stranger = ask(cors_origins=f"*,{APP}")
    for origin, expected, with_cookies in (
        (APP, APP, True),
        ("https://elsewhere.example", "*", False),
        (LOCAL, "*", False),
        ("*", "*", False),
    ):
        answer = stranger.get("/auth/me", headers={"Origin": origin})
        assert (answer.headers[ALLOW_ORIGIN], CREDENTIALS in answer.headers) == (expected, with_cookies)
