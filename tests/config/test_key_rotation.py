"""Several keys in `LARDER_SECRET_KEY`: the first signs, the others are still good."""

from dataclasses import replace

import jwt
import pytest

from backend import create_app
from backend.config.checks import SettingsError
from backend.config.reading import read_settings
from tests.conftest import ON_SQLITE, SECRET_KEY, Person
from tests.helpers import bearer, refresh

NEW_KEY = "another key for tests that is long enough as well"


def restart(settings, *keys):
    """Return alice at an app with these keys."""
    return Person(create_app(replace(settings, secret_key=",".join(keys))), "alice")


def kid(token):
    return jwt.get_unverified_header(token)["kid"]


def test_tokens_signed_with_an_old_key_stay_valid(settings, admin, alice):
    admin.declare("notes", {"title": {"type": "string"}}, access={"list": ["public"], "create": ["member"]})
    for title in ("a", "b"):
        alice.make("notes", title=title)
    tokens = alice.sign_in()
    cursor = alice.get("/notes?per_page=1").json["meta"]["next_cursor"]
    there = restart(settings, NEW_KEY, SECRET_KEY)
    assert there.client.get("/api/v1/auth/me", headers=bearer(tokens["access_token"])).status_code == 200
    page = there.client.get("/api/v1/notes", query_string={"per_page": 1, "cursor": cursor})
    assert [record["title"] for record in page.json["data"]] == ["b"]
    renewed = refresh(there, tokens["refresh_token"]).json["data"]
    assert {kid(renewed[name]) for name in ("access_token", "refresh_token")} != {kid(tokens["access_token"])}
    assert restart(settings, NEW_KEY).get("/auth/me", headers=bearer(renewed["access_token"])).status_code == 200


def test_a_key_that_was_removed_is_no_longer_valid(settings, admin, alice):
    admin.declare("notes", {"title": {"type": "string"}}, access={"list": ["public"], "create": ["member"]})
    for title in ("a", "b"):
        alice.make("notes", title=title)
    tokens = alice.sign_in()
    cursor = alice.get("/notes?per_page=1").json["meta"]["next_cursor"]
    there = restart(settings, NEW_KEY)
    assert there.client.get("/api/v1/auth/me", headers=bearer(tokens["access_token"])).status_code == 401
    assert refresh(there, tokens["refresh_token"]).status_code == 401
    assert there.client.get("/api/v1/notes", query_string={"per_page": 1, "cursor": cursor}).status_code == 400


@ON_SQLITE
@pytest.mark.parametrize("header", [{}, {"kid": ""}, {"kid": "0" * 16}, {"kid": "../../dev/null"}])
def test_a_token_of_an_unknown_key_id_is_refused(alice, header):
    claims = jwt.decode(alice.token, options={"verify_signature": False})
    token = jwt.encode(claims, SECRET_KEY, "HS256", headers=header)
    assert alice.client.get("/api/v1/auth/me", headers=bearer(token)).status_code == 401


@ON_SQLITE
def test_a_token_that_names_another_key_than_its_own_is_refused(settings, alice):
    claims = jwt.decode(alice.token, options={"verify_signature": False})
    there = restart(settings, NEW_KEY, SECRET_KEY)
    token = jwt.encode(claims, SECRET_KEY, "HS256", headers={"kid": kid(there.token)})
    assert there.client.get("/api/v1/auth/me", headers=bearer(token)).status_code == 401


@pytest.mark.parametrize("keys", [f"{NEW_KEY},short", f"{NEW_KEY},{NEW_KEY}", ","])
def test_short_and_repeated_keys_stop_the_start(monkeypatch, tmp_path, keys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LARDER_SECRET_KEY", keys)
    with pytest.raises(SettingsError, match="LARDER_SECRET_KEY: Expected at least 32 bytes"):
        read_settings()
