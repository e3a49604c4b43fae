"""Downloads: `GET /api/v1/<name>/<id>/<field>`."""

import hashlib

import pytest

from backend.services.files.storage import storage
from tests.conftest import ON_SQLITE
from tests.helpers import OPEN, assert_failure
from tests.parts.downloads import PNG, attached, fetch, upload

TEXT = b"0123456789" * 10
NOT_PART = None
# Range: (status, the bytes, Content-Range).
RANGES = {
    "bytes=0-9": (206, TEXT[:10], "bytes 0-9/100"),
    "bytes=95-": (206, TEXT[95:], "bytes 95-99/100"),
    "bytes=-3": (206, TEXT[-3:], "bytes 97-99/100"),
    "bytes=0-": (206, TEXT, "bytes 0-99/100"),
    "bytes=99-99": (206, TEXT[99:], "bytes 99-99/100"),
    "bytes=90-5000": (206, TEXT[90:], "bytes 90-99/100"),
    "bytes=-5000": (206, TEXT, "bytes 0-99/100"),
    "bytes=100-": (416, None, "bytes */100"),
    "bytes=5000-6000": (416, None, "bytes */100"),
    "bytes=0-1,5-6": (200, TEXT, NOT_PART),  # several parts at once: the whole file
    "bytes=9-1": (200, TEXT, NOT_PART),  # not valid
    "bytes=x-": (200, TEXT, NOT_PART),
    "bytes=": (200, TEXT, NOT_PART),
    "lines=1-2": (200, TEXT, NOT_PART),
    f"bytes=0-{'9' * 5000}": (200, TEXT, NOT_PART),
}


@pytest.fixture
def places(admin):
    admin.declare("places", {"photo": {"type": "file"}, "plan": {"type": "file"}}, access=OPEN)


def test_sends_the_file_with_its_name_and_type(places, alice, bob):
    url = attached(alice, PNG, "Früh am Morgen.png")
    answer = fetch(bob, url)
    assert (answer.status_code, answer.data) == (200, PNG)
    assert dict(answer.headers) == {
        "Content-Type": "image/png",
        "Content-Length": str(len(PNG)),
        "Content-Disposition": "inline; filename=\"Fruh am Morgen.png\"; filename*=UTF-8''Fr%C3%BCh%20am%20Morgen.png",
        "ETag": f'"{hashlib.sha256(PNG).hexdigest()}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Vary": answer.headers["Vary"],
        "X-Request-ID": answer.headers["X-Request-ID"],
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'; style-src 'unsafe-inline'",
    }
    assert fetch(bob, url.replace("photo", "plan")).status_code == 404


def test_head_has_the_headers_of_get(places, alice):
    url = attached(alice, PNG)
    get, head = fetch(alice, url), fetch(alice, url, method="HEAD", headers={"Range": "bytes=0-1"})
    assert (head.status_code, head.data) == (200, b"")
    assert without_id(head) == without_id(get)


def without_id(answer):
    return {name: value for name, value in answer.headers.items() if name != "X-Request-ID"}


def test_sends_parts(places, alice):
    url = attached(alice, TEXT, "a.txt")
    for sent, (status, content, part) in RANGES.items():
        answer = fetch(alice, url, headers={"Range": sent})
        assert (sent, answer.status_code, answer.headers.get("Content-Range")) == (sent, status, part)
        if content is None:
            assert_failure(answer, 416, "RANGE_NOT_SATISFIABLE")
        else:
            assert answer.data == content
            assert answer.headers["Content-Length"] == str(len(content))


def test_sends_a_part_only_of_the_file_that_the_client_knows(places, alice):
    url = attached(alice, TEXT, "a.txt")
    tag = fetch(alice, url).headers["ETag"]
    for if_range, status in {
        tag: 206,
        '"other"': 200,
        f"W/{tag}": 200,
        "Wed, 21 Oct 2099 07:28:00 GMT": 200,
        "Wed, 21 Oct 99999999999 07:28:00 GMT": 206,  # not valid, so ignored
    }.items():
        answer = fetch(alice, url, headers={"Range": "bytes=5-6", "If-Range": if_range})
        assert (if_range, answer.status_code) == (if_range, status)


def test_sends_nothing_that_the_client_has(places, alice):
    url = attached(alice, PNG)
    tag = fetch(alice, url).headers["ETag"]
    for sent in (tag, f"W/{tag}", f'"a", {tag}'):
        for more in ({}, {"Range": "bytes=0-1"}, {"Range": "bytes=5000-"}):
            answer = fetch(alice, url, headers={"If-None-Match": sent, **more})
            assert (answer.status_code, answer.data, answer.headers["ETag"]) == (304, b"", tag)
            assert answer.headers["Cache-Control"] == "private, no-cache"
    assert fetch(alice, url, headers={"If-None-Match": '"a"'}).status_code == 200


def test_a_replaced_file_is_another_one_at_the_same_place(places, alice):
    url = attached(alice, PNG)
    tag, path = fetch(alice, url).headers["ETag"], url.rpartition("/")[0]
    alice.patch(path, json={"photo": upload(alice, TEXT, "a.txt")})
    answer = fetch(alice, url, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.data) == (200, TEXT)
    alice.patch(path, json={"photo": None})
    assert_failure(fetch(alice, url), 404, "NOT_FOUND")


@ON_SQLITE
def test_a_file_whose_bytes_are_lost_is_an_error(places, alice, app, read_lines):
    url = attached(alice, PNG)
    storage.delete([alice.get(url.rpartition("/")[0]).json["data"]["photo"]["id"]])
    read_lines()
    assert_failure(fetch(alice, url), 503, "UNAVAILABLE")
    assert "file missing in storage" in "".join(read_lines())


def test_unknown_parameters_are_refused(places, alice):
    url = attached(alice, PNG)
    assert_failure(fetch(alice, f"{url}?sizes=200x200"), 422, "VALIDATION_ERROR")
