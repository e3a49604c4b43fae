"""Signing in with cookies, for browsers."""

import http.cookiejar
import json
import urllib.error
import urllib.request
from dataclasses import replace

import jwt
import pytest

from backend import create_app
from tests.conftest import ON_SQLITE, PASSWORD, SECRET_KEY, database_copy
from tests.parts.server import running_server

CREDENTIALS = {"email": "alice@example.com", "password": PASSWORD, "cookies": True}


@pytest.fixture
def browser(app):
    """A client that has signed in as alice and keeps its cookies."""
    client = app.test_client()
    assert client.post("/api/v1/auth/login", json=CREDENTIALS).status_code == 200
    return client


def csrf(client, path="/", name="csrf_access_token"):
    return {"X-CSRF-TOKEN": client.get_cookie(name, path=path).value}


def rename(client, headers=None):
    return client.patch("/api/v1/auth/me", json={"name": "Ali"}, headers=headers)


def test_tokens_are_only_in_cookies_that_scripts_cannot_read(app):
    answer = app.test_client().post("/api/v1/auth/login", json=CREDENTIALS)
    data = answer.json["data"]
    assert (data["access_token"], data["refresh_token"], data["token_type"]) == (None, None, "Cookie")
    cookies = {line.partition("=")[0]: line for line in answer.headers.getlist("Set-Cookie")}
    for name, path, seconds in (("access_token", "/", 900), ("refresh_token", "/api/v1/auth/refresh", 2592000)):
        assert f"Path={path}" in cookies[name]
        assert f"Max-Age={seconds}" in cookies[name]
        assert "HttpOnly" in cookies[name]
        assert "SameSite=Lax" in cookies[name]
    assert "HttpOnly" not in cookies["csrf_access_token"]


@ON_SQLITE
@pytest.mark.parametrize(
    ("url", "is_secure"),
    [("https://larder.example.com", True), ("http://larder.example.com", True)]
    + [("http://localhost:8000", False), ("http://127.0.0.1", False), ("http://[::1]:8000", False)]
    + [("http://localhost.example.com", True), ("http://127.0.0.1.example.com", True)],
)
def test_cookies_go_over_tls_only_but_on_a_developers_machine(settings, url, is_secure):
    answer = create_app(replace(settings, public_url=url)).test_client().post("/api/v1/auth/login", json=CREDENTIALS)
    assert {"Secure" in line for line in answer.headers.getlist("Set-Cookie")} == {is_secure}


@ON_SQLITE
def test_over_tls_no_other_host_can_plant_the_cookie(settings, browser):
    """Browsers take a cookie of such a name from this very host only; another one is nobody's."""
    client = create_app(replace(settings, public_url="https://larder.example.com")).test_client()
    client.set_cookie("access_token", browser.get_cookie("access_token").value)
    assert client.get("/api/v1/auth/me").status_code == 401
    answer = client.post("/api/v1/auth/login", json=CREDENTIALS)
    names = sorted(line.partition("=")[0] for line in answer.headers.getlist("Set-Cookie"))
    assert names == ["__Host-access_token", "__Host-refresh_token", "csrf_access_token", "csrf_refresh_token"]
    for line in answer.headers.getlist("Set-Cookie"):
        assert "; Path=/" in line
        assert "; Secure" in line
        assert "Domain" not in line
    assert client.get("/api/v1/auth/me", base_url="https://localhost").status_code == 200
    header = csrf(client, name="csrf_refresh_token")
    assert client.post("/api/v1/auth/refresh", base_url="https://localhost", headers=header).status_code == 200
    scheme = client.get("/openapi.json").json["components"]["securitySchemes"]["cookie"]
    assert scheme["name"] == "__Host-access_token"


@ON_SQLITE
def test_a_refresh_cookie_with_the_former_name_is_ignored_and_removed(settings):
    """A sibling host could set it. A user who refreshed would continue in the session of somebody else."""
    client = create_app(replace(settings, public_url="https://larder.example.com")).test_client()
    planted = client.post("/api/v1/auth/login", json=CREDENTIALS | {"cookies": False}).json["data"]["refresh_token"]
    value = jwt.decode(planted, options={"verify_signature": False}).get("csrf", "")
    client.set_cookie("__Secure-refresh_token", planted, path="/api/v1/auth/refresh", secure=True)
    options = {"base_url": "https://localhost", "headers": {"X-CSRF-TOKEN": value}}
    answer = client.post("/api/v1/auth/refresh", **options)
    assert answer.status_code == 401
    (removed,) = answer.headers.getlist("Set-Cookie")
    assert removed.startswith("__Secure-refresh_token=;")
    assert "Max-Age=0" in removed
    assert client.get_cookie("__Secure-refresh_token", path="/api/v1/auth/refresh") is None


def test_a_read_needs_the_cookie_alone(browser):
    assert browser.get("/api/v1/auth/me").json["data"]["email"] == "alice@example.com"


def test_no_other_site_changes_anything_through_the_browser(admin, browser):
    admin.declare("notes", {"title": {"type": "string"}}, access={"create": ["public"], "list": ["public"]})
    answers = [rename(browser), rename(browser, {"X-CSRF-TOKEN": ""}), rename(browser, {"X-CSRF-TOKEN": "a guess"})]
    answers += [browser.post("/api/v1/notes", json={"title": "x"}), browser.post("/api/v1/auth/logout")]
    answers += [browser.post("/api/v1/auth/refresh"), browser.delete("/api/v1/auth/sessions")]
    assert {(answer.status_code, answer.json["error"]["code"]) for answer in answers} == {(403, "FORBIDDEN")}
    assert browser.get("/api/v1/auth/me").json["data"]["name"] == "Alice"
    assert browser.get("/api/v1/notes").json["data"] == []


def test_with_the_csrf_header_changes_are_made(browser):
    assert rename(browser, csrf(browser)).status_code == 200
    assert browser.get("/api/v1/auth/me").json["data"]["name"] == "Ali"


def test_the_csrf_value_of_another_session_is_refused(app, browser):
    other = app.test_client()
    other.post("/api/v1/auth/login", json=CREDENTIALS)
    assert rename(browser, csrf(other)).status_code == 403


def test_a_bearer_call_needs_no_csrf_header_whatever_the_cookies(browser, bob):
    answer = rename(browser, {"Authorization": f"Bearer {bob.token}"})
    assert (answer.status_code, answer.json["data"]["email"]) == (200, "bob@example.com")


def test_a_refresh_renews_the_cookies(browser):
    before = browser.get_cookie("access_token").value
    header = csrf(browser, name="csrf_refresh_token")
    answer = browser.post("/api/v1/auth/refresh", headers=header)
    assert (answer.status_code, answer.json["data"]["refresh_token"]) == (200, None)
    assert browser.get_cookie("access_token").value != before
    assert browser.get("/api/v1/auth/me").status_code == 200


def test_signing_out_ends_the_session_and_removes_the_cookies(browser):
    token = browser.get_cookie("access_token").value
    assert browser.post("/api/v1/auth/logout", headers=csrf(browser)).status_code == 200
    assert browser.get_cookie("access_token") is None
    assert browser.get_cookie("refresh_token", path="/api/v1/auth/refresh") is None
    browser.set_cookie("access_token", token)
    assert browser.get("/api/v1/auth/me").status_code == 401


@pytest.mark.parametrize("token", ["", "garbage", "a.b.c", "\xff", "x" * 4000])
@ON_SQLITE
def test_a_bad_cookie_blocks_neither_public_calls_nor_a_sign_in(admin, app, token):
    admin.declare("notes", {"title": {"type": "string"}}, access={"list": ["public"]})
    client = app.test_client()
    client.set_cookie("access_token", token)
    assert client.get("/api/v1/notes").status_code == 200
    assert client.get("/api/v1/auth/me").status_code == 401
    assert client.post("/api/v1/auth/login", json=CREDENTIALS).status_code == 200


def test_the_cookie_of_an_ended_session_is_refused(browser, alice):
    alice.delete("/auth/sessions")
    assert browser.get("/api/v1/auth/me").status_code == 401
    assert browser.post("/api/v1/auth/login", json=CREDENTIALS).status_code == 200


@ON_SQLITE
def test_a_refresh_cookie_is_no_access_cookie(browser):
    token = browser.get_cookie("refresh_token", path="/api/v1/auth/refresh").value
    browser.set_cookie("access_token", token)
    assert browser.get("/api/v1/auth/me").status_code == 401


def test_a_real_client_with_a_cookie_jar_signs_in_changes_refreshes_and_signs_out(request, tmp_path):
    template = request.getfixturevalue("sqlite_template")
    with (
        database_copy(request, template, tmp_path) as url,
        running_server(tmp_path, database_url=url, secret_key=SECRET_KEY, log_level="WARNING") as address,
    ):
        jar = http.cookiejar.CookieJar()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))

        def call(method, path, data=None, csrf_cookie=None):
            headers = {"Content-Type": "application/json"} if data else {}
            if csrf_cookie:
                headers["X-CSRF-TOKEN"] = next(cookie.value for cookie in jar if cookie.name == csrf_cookie)
            body = json.dumps(data).encode() if data else None
            asked = urllib.request.Request(f"http://{address}/api/v1{path}", body, headers, method=method)
            try:
                return opener.open(asked).status
            except urllib.error.HTTPError as error:
                return error.code

        assert call("GET", "/auth/me") == 401
        assert call("POST", "/auth/login", CREDENTIALS) == 200
        assert call("GET", "/auth/me") == 200
        assert call("PATCH", "/auth/me", {"name": "Ali"}) == 403
        assert call("PATCH", "/auth/me", {"name": "Ali"}, "csrf_access_token") == 200
        assert call("POST", "/auth/refresh", None, "csrf_refresh_token") == 200
        assert call("POST", "/auth/logout", None, "csrf_access_token") == 200
        assert call("GET", "/auth/me") == 401
