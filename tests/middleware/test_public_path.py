"""A LARDER_PUBLIC_URL with a path: every link begins with it, and requests come without it."""

import re
from dataclasses import replace

import pytest

from backend import create_app
from backend.config.settings import Settings
from tests.conftest import ON_SQLITE, PASSWORD, Person

PATH = "/larder"


@pytest.fixture
def under_path(settings, admin):
    """An admin whose app is reached under a path."""
    return Person(create_app(replace(settings, public_url=f"http://localhost:8000{PATH}/")), "admin")


@ON_SQLITE
def test_locations_and_paths_in_answers_begin_with_the_path(under_path):
    assert under_path.client.get("/").json["data"] | {"name": "", "version": ""} == {
        **{"name": "", "version": "", "admin": f"{PATH}/admin/"},
        **{"api": f"{PATH}/api/v1", "docs": f"{PATH}/docs", "openapi": f"{PATH}/openapi.json"},
    }
    under_path.declare("notes", {"title": {"type": "string"}})
    created = under_path.post("/notes", json={"title": "Milk"})
    assert created.headers["Location"] == f"{PATH}/api/v1/notes/{created.json['data']['id']}"
    headers = {"Idempotency-Key": "one"}
    sent = [under_path.post("/notes", json={}, headers=headers).headers["Location"] for _ in range(2)]
    assert sent[0] == sent[1]
    assert sent[0].startswith(f"{PATH}/api/v1/notes/")


@ON_SQLITE
def test_pages_load_their_files_and_the_api_from_the_path(under_path):
    for path in ("/admin/", "/docs", "/docs/", "/"):
        page = under_path.client.get(path, headers={"Accept": "text/html"}).text
        files = [file for file in re.findall(r'(?:src|href)="([^"]+)"', page) if file != "data:,"]
        assert [file for file in files if not file.startswith(f"{PATH}/")] == []
        for file in files:
            with under_path.client.get(file.removeprefix(PATH)) as answer:
                assert answer.status_code == 200
    with under_path.client.get("/docs/docs.js") as script:
        assert not re.findall(r"['`\"]/(api|docs|openapi)", script.text)
    assert f'data-base="{PATH}"' in under_path.client.get("/account/reset").text


@ON_SQLITE
def test_the_refresh_cookie_is_sent_to_the_path(under_path):
    body = {"email": "alice@example.com", "password": PASSWORD, "cookies": True}
    cookies = under_path.client.post("/api/v1/auth/login", json=body).headers.getlist("Set-Cookie")
    (refresh,) = [cookie for cookie in cookies if cookie.startswith("refresh_token=")]
    assert f"; Path={PATH}/api/v1/auth/refresh" in refresh


def test_the_public_path_has_no_slash_at_its_end():
    paths = {
        url: Settings(public_url=url).public_path for url in ("https://a.org", "https://a.org/", "https://a.org/b/c/")
    }
    assert list(paths.values()) == ["", "", "/b/c"]
