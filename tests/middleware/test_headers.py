"""Security headers for browsers."""

import re
from dataclasses import replace

import pytest

from backend import create_app
from backend.models.database import database
from tests.conftest import ON_SQLITE, Person

pytestmark = ON_SQLITE


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


def test_pages_have_no_script_and_no_style_within_them(stranger):
    for path in ("/", "/docs", "/account/reset"):
        answer = stranger.get(f"http://localhost{path}", headers={"Accept": "text/html"})
        assert answer.mimetype == "text/html"
        assert re.findall(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", answer.text) == []
        assert "sha256" not in answer.headers["Content-Security-Policy"]
