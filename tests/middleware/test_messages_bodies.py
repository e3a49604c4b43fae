"""The messages about bodies that cannot be read: what is wrong, where, and what to do."""

import gzip

import pytest

from tests.conftest import ON_SQLITE
from tests.helpers import assert_failure

pytestmark = ON_SQLITE

NOT_JSON = {
    '{"title": "a",}': "line 1, column 15: a comma before a closing bracket is not allowed.",
    '{"tags": ["a",]}': "line 1, column 15: a comma before a closing bracket is not allowed.",
    "{'title': 'a'}": "line 1, column 2: names and texts must be in straight double quotes.",
    "{“title”: “a”}": "line 1, column 2: names and texts must be in straight double quotes.",
    '{\n  title: "a"\n}': "line 2, column 3: a name must be here, in double quotes.",
    '{"title": "a"': "line 1, column 14: the text ends too early; a closing bracket or a value is missing.",
    '{"title": "a': "line 1, column 11: the quote that ends this text is missing.",
    '{"title": "a"} x': "line 1, column 16: there is more text after the end of the JSON.",
    '{"title": "a"}}': "line 1, column 15: this closing bracket is one too many.",
    '{"title": "a" "stars": 1}': "line 1, column 15: a comma or a closing bracket must be here.",
    '{"title" "a"}': "line 1, column 10: a colon must be here, between the name and its value.",
    '{"open": True}': "line 1, column 10: write true, false or null, in lower case.",
    '{"open": undefined}': "line 1, column 10: write true, false or null, in lower case.",
    '{"stars": 01}': "line 1, column 12: a number has no leading zeros.",
    '{"stars": NaN}': "line 1, column 11: NaN is not a number of JSON.",
    '{"title": "NaN", "stars": -Infinity}': "line 1, column 27: -Infinity is not a number of JSON.",
    "// a note\n{}": "line 1, column 1: JSON has no comments.",
    '{"title": "a\nb"}': "line 1, column 13: a line break or tab within a text must be written as \\n or \\t.",
    '{"title": "C:\\x"}': "line 1, column 14: a backslash in a text must be written as \\\\, and \\u has four "
    "hexadecimal digits.",
    "title=a": "line 1, column 1: a value must be here: a text in double quotes, a number, true, false, null, an "
    "object or an array.",
}
UNREADABLE = {
    b"": "The body is empty; JSON was expected.",
    b" \n": "The body is empty; JSON was expected.",
    b'{"title": "\xe4"}': "The body is not UTF-8: byte 12 is 0xE4.",
    '{"title": "a"}'.encode("utf-16"): "The body is in UTF-16; send it in UTF-8.",
    '{"title": "a"}'.encode("utf-16-le"): "The body is in UTF-16; send it in UTF-8.",
    b'{"title": "a", "title": "b"}': "The key title is given twice, the second time at line 1, column 16.",
    b'{"a": [{"b": 1, "c": {"b": 2}, "b": 3}]}': "The key b is given twice, the second time at line 1, column 32.",
    b'{"a": "{\\"b\\": 1, \\"b\\": 2}", "\\u0061": 1}': "The key a is given twice, the second time at line 1, "
    "column 31.",
    b"[" * 100_000: "The JSON is nested too deeply.",
    b'{"stars": ' + b"1" * 5_000 + b"}": "A number has too many digits.",
}
TYPES = {
    "text/plain": "The body must be application/json, not text/plain.",
    "application/vnd.api+json": "The body must be application/json, not application/vnd.api+json.",
    "multipart/form-data; boundary=x": "The body must be application/json, not multipart/form-data. Upload a file "
    "with POST /api/v1/files, and send its id.",
    "": "The request has no Content-Type; send application/json.",
}


@pytest.fixture
def post(admin, alice):
    """A function that sends a body to a resource and returns the response."""
    admin.declare("notes", {"title": {"type": "string"}}, access={"create": ["member"], "list": ["member"]})
    headers = {"Authorization": f"Bearer {alice.token}"}

    def post(body, content_type="application/json", path="/notes", **more):
        return alice.client.post(f"/api/v1{path}", data=body, content_type=content_type, headers=headers | more)

    yield post
    assert alice.get("/notes").json["data"] == []


def test_a_body_that_is_not_json_is_explained_with_its_place(post):
    for body, message in NOT_JSON.items():
        answer = post(body.encode())
        assert_failure(answer, 400, "MALFORMED_REQUEST")
        assert answer.json["error"]["message"] == f"Not JSON at {message}"


def test_a_body_that_cannot_be_read_is_explained(post):
    for body, message in UNREADABLE.items():
        answer = post(body)
        assert_failure(answer, 400, "MALFORMED_REQUEST")
        assert answer.json["error"]["message"] == message


def test_a_body_of_another_type_is_named(post):
    for content_type, message in TYPES.items():
        answer = post(b"{}", content_type)
        assert_failure(answer, 415, "UNSUPPORTED_MEDIA_TYPE")
        assert answer.json["error"]["message"] == message
    answer = post(b"title\na\n", "application/json", "/notes/import")
    assert answer.json["error"]["message"] == "The body must be text/csv or application/x-ndjson, not application/json."
    answer = post(b"", "multipart/form-data; boundary=x", "/notes/import")
    assert answer.json["error"]["message"].endswith("Send the file itself as the body, not as a form.")


def test_a_compressed_body_is_refused_by_the_name_of_its_coding(post):
    for path, content_type in (("/notes", "application/json"), ("/notes/import", "text/csv")):
        answer = post(gzip.compress(b"{}"), content_type, path, **{"Content-Encoding": "gzip"})
        assert_failure(answer, 415, "UNSUPPORTED_MEDIA_TYPE")
        assert answer.json["error"]["message"] == "The body is compressed (gzip); send it without Content-Encoding."


def test_a_body_that_is_too_large_is_refused_with_the_setting(post, settings):
    limit = f"{settings.max_body_bytes:,}"
    answer = post(b" " * (settings.max_body_bytes + 1))
    assert_failure(answer, 413, "PAYLOAD_TOO_LARGE")
    assert answer.json["error"]["message"] == f"The body is larger than {limit} bytes (LARDER_MAX_BODY_BYTES)."


def test_a_byte_order_mark_is_ignored(alice, admin):
    admin.declare("notes", {"title": {"type": "string"}}, access={"create": ["member"]})
    answer = alice.post("/notes", data=b'\xef\xbb\xbf{"title": "a"}', content_type="application/json")
    assert (answer.status_code, answer.json["data"]["title"]) == (201, "a")
