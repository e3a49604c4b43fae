"""Larder behind a real Caddy with TLS."""

import gzip
import json
import subprocess
from contextlib import suppress

import pytest

from tests.conftest import ON_SQLITE, PASSWORD
from tests.deploy.machine import HOST
from tests.deploy.proxies import CLIENT, Browser, running_caddy
from tests.parts.server import running_server
from tests.parts.streams import Events

pytestmark = ON_SQLITE


@pytest.fixture
def behind_caddy(database_url, tmp_path):
    """(A Browser, the path of the server's log)."""
    settings = {"database_url": database_url, "public_url": f"https://{HOST}", "trusted_proxies": "127.0.0.1"}
    with running_server(tmp_path, **settings) as address, running_caddy(tmp_path, address) as (port, authority):
        yield Browser(port, authority), tmp_path / "server0.log"


def test_the_whole_api_behind_caddy(behind_caddy):
    browser, log = behind_caddy
    credentials = {"email": "admin@example.com", "password": PASSWORD}
    status, tokens = browser.api("POST", "/auth/login", credentials)
    assert status == 200, tokens
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    fields = {"title": {"type": "string", "required": True}}
    assert browser.api("POST", "/resources", {"name": "notes", "fields": fields}, **bearer)[0] == 201
    status, note = browser.api("POST", "/notes", {"title": "Milk"}, **bearer)
    assert status == 201
    assert browser.api("PATCH", f"/notes/{note['id']}", {"title": "Eggs"}, **bearer | {"If-Match": '"1"'})[0] == 200
    assert browser.api("PATCH", f"/notes/{note['id']}", {"title": "x"}, **bearer | {"If-Match": '"1"'})[0] == 412
    assert browser.api("GET", "/notes?title=Eggs", **bearer)[1][0]["version"] == 2
    assert browser.api("DELETE", f"/notes/{note['id']}", **bearer)[0] == 200
    large = "title\n" + "a note of some length and some more of it\n" * 100_000  # more than other bodies may have
    for _ in range(3):  # refused while the body is on its way
        with suppress(OSError):  # half a second after its response the proxy closes, whatever the client still sends
            assert browser.api("POST", "/notes/import", large, **{"Content-Type": "text/csv"})[0] == 401
    refused = [json.loads(line) for line in log.read_text().splitlines() if '"/api/v1/notes/import"' in line]
    assert [line["status"] for line in refused] == [401] * 3
    status, report = browser.api("POST", "/notes/import", large, **bearer | {"Content-Type": "text/csv"})
    assert (status, report["created"]) == (200, 100_000)
    status, headers, _ = browser.send("GET", "/api/v1/notes/export", headers=bearer)
    assert status == 200
    assert headers["Content-Type"].startswith("text/csv")
    for path, expected in {"/docs": 200, "/openapi.json": 200, "/health/ready": 200, "/metrics": 404}.items():
        status, headers, _ = browser.send("GET", path)
        assert status == expected, path
    _, headers, content = browser.send("GET", "/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(content).startswith(b"{")
    assert headers["Strict-Transport-Security"].startswith("max-age=")


def test_an_etag_as_caddy_hands_it_on_names_the_version(behind_caddy):
    browser, _ = behind_caddy
    _, tokens = browser.api("POST", "/auth/login", {"email": "admin@example.com", "password": PASSWORD})
    bearer = {"Authorization": f"Bearer {tokens['access_token']}", "Accept-Encoding": "gzip"}
    browser.api("POST", "/resources", {"name": "notes", "fields": {"title": {"type": "text"}}}, **bearer)
    long = {"title": "a note that is worth compressing " * 100}
    _, headers, _ = browser.send("POST", "/api/v1/notes", long, bearer)
    path = headers["Location"]
    _, headers, _ = browser.send("GET", path, headers=bearer)
    assert headers["Content-Encoding"] == "gzip"
    assert headers["ETag"] in ('"1"', '"1-gzip"')  # newer versions of Caddy mark it
    for tag in (headers["ETag"], '"1-gzip"', '"1-zstd"'):
        assert browser.send("GET", path, headers=bearer | {"If-None-Match": tag})[0] == 304
    changed = bearer | {"If-Match": headers["ETag"]}
    assert browser.send("PATCH", path, {"title": "Eggs " * 999}, changed)[0] == 200
    assert browser.send("PATCH", path, {"title": "x"}, changed)[0] == 412
    assert browser.send("PATCH", path, {"title": "Milk " * 999}, bearer | {"If-Match": '"2-zstd"'})[0] == 200
    _, headers, _ = browser.send("GET", path, headers=bearer)
    assert browser.send("DELETE", path, headers=bearer | {"If-Match": headers["ETag"]})[0] == 200


def test_cookies_are_secure_and_of_this_host_alone(behind_caddy):
    browser, _ = behind_caddy
    body = {"email": "alice@example.com", "password": PASSWORD, "cookies": True}
    _, headers, _ = browser.send("POST", "/api/v1/auth/login", body)
    cookies = headers.get_all("Set-Cookie")
    assert len(cookies) == 4
    assert all("; Secure" in cookie for cookie in cookies)
    jar = "; ".join(cookie.partition(";")[0] for cookie in cookies)
    assert "__Host-access_token=" in jar
    csrf = next(cookie.partition("=")[2].partition(";")[0] for cookie in cookies if "csrf_access" in cookie)
    assert browser.api("PATCH", "/auth/me", {"name": "Ali"}, Cookie=jar)[0] == 403
    assert browser.api("PATCH", "/auth/me", {"name": "Ali"}, **{"Cookie": jar, "X-CSRF-TOKEN": csrf})[0] == 200


def test_streams_come_at_once_from_the_process_that_serves_them(database_url, tmp_path):
    settings = {"database_url": database_url, "public_url": f"https://{HOST}", "trusted_proxies": "127.0.0.1"}
    with (
        running_server(tmp_path, **settings) as address,
        running_server(tmp_path, **settings, streams=2) as streams,
        running_caddy(tmp_path, address, streams=streams) as (port, authority),
    ):
        browser = Browser(port, authority)
        credentials = {"email": "admin@example.com", "password": PASSWORD}
        bearer = {"Authorization": f"Bearer {browser.api('POST', '/auth/login', credentials)[1]['access_token']}"}
        definition = {"name": "notes", "fields": {"title": {"type": "string"}}, "feed": True}
        assert browser.api("POST", "/resources", definition, **bearer)[0] == 201
        path = "/api/v1/changes/stream?resource=notes"
        with browser.sent("GET", path, headers=bearer | {"Accept-Encoding": "gzip"}) as response:
            assert (response.status, response.headers["Content-Encoding"]) == (200, None)
            events = Events(lambda: response.readline().decode())
            assert events.next()[0] == "beat"
            _, note = browser.api("POST", "/notes", {"title": "Milk"}, **bearer)
            assert events.take(1)[0]["id"] == note["id"]


def test_without_a_process_for_streams_the_others_refuse_them(behind_caddy):
    browser, _ = behind_caddy
    credentials = {"email": "admin@example.com", "password": PASSWORD}
    bearer = {"Authorization": f"Bearer {browser.api('POST', '/auth/login', credentials)[1]['access_token']}"}
    definition = {"name": "notes", "fields": {"title": {"type": "string"}}, "feed": True}
    assert browser.api("POST", "/resources", definition, **bearer)[0] == 201
    status, error = browser.api("GET", "/changes/stream?resource=notes", **bearer)
    assert (status, "LARDER_STREAMS" in error["message"]) == (503, True)


def test_the_log_has_the_clients_address_whatever_it_says_itself(behind_caddy):
    browser, log = behind_caddy
    for forged in ({}, {"X-Forwarded-For": "203.0.113.9"}, {"X-Forwarded-For": "203.0.113.9, 127.0.0.1"}):
        browser.send("GET", "/api/v1/nowhere", headers=forged | {"Forwarded": "for=203.0.113.9"})
    lines = [json.loads(line) for line in log.read_text().splitlines() if '"/api/v1/nowhere"' in line]
    assert [line["address"] for line in lines] == [CLIENT] * 3


def test_caddy_speaks_http_2_and_refuses_what_is_too_large(behind_caddy):
    browser, log = behind_caddy
    (log.parent / "large").write_bytes(bytes(3_000_000))
    command = ["curl", "-s", "--http2", "--cacert", log.parent / "caddy/pki/authorities/local/root.crt"]
    command += [
        "--resolve",
        f"{HOST}:{browser._port}:127.0.0.1",
        "-o",
        "/dev/null",
        "-w",
        "%{http_version} %{http_code}",
    ]
    for sent, answered in ([], "2 200"), (["--data-binary", f"@{log.parent}/large"], "2 413"):
        done = subprocess.run([*command, *sent, f"https://{HOST}:{browser._port}/"], capture_output=True, text=True)
        assert done.stdout == answered, done
