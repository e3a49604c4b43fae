"""Who may download a file. Others get the response of a file that does not exist, on every path."""

import json
import re
from dataclasses import replace

import pytest

from backend.services.operation.file_cleanup import clean_up_files
from tests.conftest import ON_SQLITE
from tests.helpers import UNKNOWN_ID, assert_failure
from tests.parts.downloads import PNG, attached, fetch, upload

FIELDS = {
    "photo": {"type": "file", "thumbs": ["100x100"]},
    "secret": {"type": "file", "readable_by": ["editor"], "thumbs": ["100x100"]},
    "empty": {"type": "file"},
}
ACCESS = {"list": ["owner"], "read": ["owner", "editor"], "create": ["member"], "update": ["owner", "editor"]}
WAYS = {
    "GET": {},
    "HEAD": {"method": "HEAD"},
    "Range": {"headers": {"Range": "bytes=0-1"}},
    "a part outside": {"headers": {"Range": "bytes=99999999-"}},
    "If-None-Match": {"headers": {"If-None-Match": "*"}},
    "thumbnail": {"query_string": {"size": "100x100"}},
    "unknown size": {"query_string": {"size": "1x1"}},
    "link": {"method": "POST", "below": "/link", "json": {"seconds": 60}},
}
PARTS_OF_ITS_OWN = ("X-Request-ID", "Content-Length")  # the message has the time


def ask(person, path, way):
    """Return (status, headers, body) of a request for a file, without what differs between any two responses."""
    options = {**WAYS[way]}
    answer = fetch(person, path + options.pop("below", ""), **options)
    headers = {name: value for name, value in answer.headers.items() if name not in PARTS_OF_ITS_OWN}
    return answer.status_code, headers, re.sub(rb'"timestamp":"[^"]+"', b"", answer.data)


@pytest.fixture
def photo(admin, edith):
    """The path of a file in a record of edith, who is an editor; the field `secret` has one, too."""
    admin.declare("places", FIELDS, access=ACCESS)
    path = attached(edith)
    assert edith.patch(path.rpartition("/")[0], json={"secret": upload(edith)}).status_code == 200
    return path


def test_a_file_that_the_caller_may_not_read_does_not_exist(photo, admin, alice, bob, edith, stranger):
    record = photo.rpartition("/")[0]
    own = attached(alice).rpartition("/")[0]
    for way in WAYS:
        missing = ask(alice, f"/places/{UNKNOWN_ID}/photo", way)
        assert missing[0] == 404
        hidden = {
            "another's record": ask(alice, photo, way),
            "another's hidden field": ask(alice, f"{record}/secret", way),
            "a hidden field": ask(alice, f"{own}/secret", way),
            "an unknown field": ask(alice, f"{own}/nothing", way),
            "a field of another type": ask(alice, f"{own}/created_at", way),
            "no file": ask(alice, f"{own}/empty", way),
        }
        assert {name: found for name, found in hidden.items() if found != missing} == {}
        for path in (photo, f"{record}/secret", f"{record}/nothing", f"/places/{UNKNOWN_ID}/photo"):
            assert ask(stranger, path, way)[0] == 401
        assert ask(alice, f"{own}/photo", way)[0] in (200, 206, 304, 416, 422)
        for reader in (edith, admin):
            for path in (photo, f"{record}/secret"):
                assert ask(reader, path, way)[0] in (200, 206, 304, 416, 422)


def test_a_public_field_needs_no_sign_in(admin, alice, bob, stranger):
    admin.declare("places", {"photo": {"type": "file", "public": True}, "plan": {"type": "file"}}, access=ACCESS)
    path = attached(alice)
    for person in (stranger, bob):
        answer = fetch(person, path)
        assert (answer.status_code, answer.data) == (200, PNG)
        assert answer.headers["Cache-Control"] == "public, max-age=0"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert fetch(person, path.replace("photo", "plan")).status_code == (401 if person is stranger else 404)
    assert_failure(fetch(stranger, path.rpartition("/")[0]), 401, "UNAUTHENTICATED")
    assert_failure(fetch(stranger, f"/places/{UNKNOWN_ID}/photo"), 404, "NOT_FOUND")
    tag = fetch(stranger, path).headers["ETag"]
    assert fetch(stranger, path, headers={"If-None-Match": tag}).status_code == 304


def test_a_kept_response_is_never_a_file(admin, alice, stranger):
    fields = {"photo": {"type": "file", "public": True}}
    admin.declare("places", fields, access=ACCESS | {"read": ["public"], "list": ["public"]}, cache_seconds=60)
    path = attached(alice)
    for _ in range(2):
        answer = fetch(stranger, path, headers={"Range": "bytes=0-3"})
        assert (answer.status_code, answer.data) == (206, PNG[:4])
        assert answer.headers["Cache-Control"] == "public, max-age=60"
        assert fetch(stranger, path).data == PNG
        assert fetch(stranger, path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_the_document_shows_fields_that_the_caller_sees(photo, admin, alice, stranger):
    def fields_in(person):
        paths = person.get("http://localhost/openapi.json").json["paths"]
        below = {path: item for path, item in paths.items() if "{field}" in path}
        return {
            path.removeprefix("/api/v1/places/{record_id}/"): next(
                each["schema"]["enum"] for each in item["parameters"] if each["name"] == "field"
            )
            for path, item in below.items()
        }

    every, visible = ["photo", "secret", "empty"], ["photo", "empty"]
    assert fields_in(admin) == {"{field}": every, "{field}/link": every}
    assert fields_in(alice) == {"{field}": visible, "{field}/link": visible}
    assert json.dumps(fields_in(stranger)) == "{}"
    text = alice.get(f"/places/{UNKNOWN_ID}/secre").json["error"]["message"]
    assert "secret" not in text
    assert "<" not in alice.get(f"/places/{UNKNOWN_ID}/field/lin").json["error"]["message"]


@ON_SQLITE
def test_definitions_say_what_a_file_cannot_be(admin):
    for fields, place in (
        ({"history": {"type": "file"}}, "history"),
        ({"photo": {"type": "file", "public": True, "readable_by": ["editor"]}}, "photo"),
    ):
        answer = admin.post("/resources", json={"name": "places", "fields": fields})
        assert_failure(answer, 422, "VALIDATION_ERROR")
        assert list(answer.json["error"]["details"]["json"]["fields"]) == [place]
    assert admin.declare("places", {"history": {"type": "string"}})


@ON_SQLITE
def test_the_clean_up_deletes_thumbnails(photo, edith, settings):
    assert fetch(edith, f"{photo}?size=100x100").status_code == 200
    edith.patch(photo.rpartition("/")[0], json={"photo": None})
    clean_up_files(replace(settings, files_keep_days=0))
    assert [path for path in (settings.data_dir / "thumbnails").rglob("*") if path.is_file()] == []
