"""The entry point: JSON for programs, a page for browsers."""

from dataclasses import replace

import pytest

from backend import create_app
from backend.models.database import database
from backend.utils.version import VERSION
from tests.conftest import ON_SQLITE, Person

pytestmark = ON_SQLITE

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
EXPECTED = {
    "name": "Larder",
    "version": VERSION,
    "api": "/api/v1",
    "admin": "/admin/",
    "docs": "/docs",
    "openapi": "/openapi.json",
}


@pytest.mark.parametrize(
    "accept",
    [None, "*/*", "application/json", "application/json, text/plain, */*", "text/html;q=0.5, */*", "image/png", "x"],
)
def test_programs_get_json(stranger, accept):
    answer = stranger.get("http://localhost/", headers={"Accept": accept} if accept else {})
    assert answer.json["data"] == EXPECTED
    assert "Accept" in answer.headers["Vary"]


@pytest.mark.parametrize("accept", [CHROME, "text/html"])
def test_a_browser_gets_a_page_with_links_that_work(stranger, accept):
    answer = stranger.get("http://localhost/", headers={"Accept": accept})
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert f"Larder {VERSION}" in answer.text
    assert "Accept" in answer.headers["Vary"]
    for path in ("/admin/", "/docs", "/openapi.json", "/health/ready", "/docs/page.css"):
        assert f'href="{path}"' in answer.text
        with stranger.get(f"http://localhost{path}") as linked:
            assert linked.status_code == 200


def test_the_page_has_the_name_of_the_app_as_text(settings):
    stranger = Person(create_app(replace(settings, app_name="Ada & <b>Co</b>")))
    page = stranger.get("http://localhost/", headers={"Accept": "text/html"}).text
    database.close_all()
    assert "<h1>Ada &amp; &lt;b&gt;Co&lt;/b&gt;</h1>" in page
    assert "{" not in page
