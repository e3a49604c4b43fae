"""Pages of other origins call the API with fetch: they can read every error, and use cookies if they are listed."""

import json

import pytest

from tests.conftest import ON_SQLITE, PASSWORD
from tests.parts.server import running_server

ALICE = {"email": "alice@example.com", "password": PASSWORD}
CALL = """async ([url, options]) => {
    const response = await fetch(url, {...options, headers: {'Content-Type': 'application/json', ...options.headers}});
    return [response.status, await response.json(), response.headers.get('X-Request-ID')];
}"""


@pytest.fixture
def call(page, address, other_origin):
    """A function that calls the API by fetch from a page of a different origin; returns status and body."""
    page.goto(other_origin)
    return caller(page, address)


def caller(page, address):
    def call(path, **options):
        status, body, request_id = page.evaluate(CALL, [f"http://{address}/api/v1{path}", options])
        assert request_id
        return status, body

    return call


def errors_of(console):
    """Return what the console says, and forget it: a failed request is reported there with its status."""
    found = [text.partition("status of ")[2][:3] for text in console]
    console.clear()
    return found


def test_a_page_of_a_different_origin_can_read_every_error(call, console):
    status, body = call("/auth/logni", method="POST", body="{}")
    assert (status, body["error"]["code"]) == (404, "NOT_FOUND")
    assert call("/auth/login", method="DELETE")[0] == 405
    assert call("/auth/login", method="PURGE")[0] == 405
    assert call("/auth/login", method="POST", body="{")[0] == 400
    assert call("/auth/login", method="POST", body="{}", headers={"X-Trace": "1", "Content-Type": "text/x"})[0] == 415
    assert call("/auth/login", method="POST", body="{}")[0] == 422
    assert call("/auth/login", method="POST", body="x" * 2_000_000)[0] == 413
    assert call("/auth/me", headers={"Authorization": "Bearer wrong"})[0] == 401
    assert errors_of(console) == ["404", "405", "405", "400", "415", "422", "413", "401"]


def test_a_local_page_works_with_tokens(call):
    status, body = call("/auth/login", method="POST", body=json.dumps(ALICE))
    assert status == 200
    headers = {"Authorization": f"Bearer {body['data']['access_token']}"}
    assert call("/auth/me", method="PATCH", body='{"name": "Ali"}', headers=headers)[1]["data"]["name"] == "Ali"


@ON_SQLITE
def test_a_local_page_may_not_use_cookies(call, console):
    with pytest.raises(Exception, match="Failed to fetch"):
        call("/auth/me", credentials="include")
    assert "Access-Control-Allow-Credentials" in "".join(console)
    console.clear()


@ON_SQLITE
def test_a_listed_page_signs_in_with_cookies(database_url, tmp_path, other_origin, page, console):
    with running_server(tmp_path, database_url=database_url, cors_origins=other_origin) as address:
        page.goto(other_origin)
        call, credentials = caller(page, address), {"credentials": "include"}
        status, body = call("/auth/login", method="POST", body=json.dumps(ALICE | {"cookies": True}), **credentials)
        assert (status, body["data"]["access_token"]) == (200, None)
        csrf = {"X-CSRF-TOKEN": body["data"]["csrf_access_token"]}
        assert call("/auth/me", **credentials)[1]["data"]["email"] == "alice@example.com"
        change = {"method": "PATCH", "body": '{"name": "Ali"}'}
        assert call("/auth/me", **change, **credentials)[0] == 403
        assert call("/auth/me", **change, **credentials, headers=csrf)[1]["data"]["name"] == "Ali"
        assert call("/auth/me")[0] == 401  # without `credentials` no cookie is sent
        csrf = {"X-CSRF-TOKEN": body["data"]["csrf_refresh_token"]}
        status, body = call("/auth/refresh", method="POST", **credentials, headers=csrf)
        csrf = {"X-CSRF-TOKEN": body["data"]["csrf_access_token"]}
        assert call("/auth/logout", method="POST", **credentials, headers=csrf)[0] == 200
        assert call("/auth/me", **credentials)[0] == 401
        assert errors_of(console) == ["403", "401", "401"]
