"""Uploads: `POST /api/v1/files`."""

import hashlib
from io import BytesIO

import pytest

from backend.models.file import File
from backend.services.files.storage import storage
from tests.helpers import assert_failure
from tests.parts.files import OPEN, PNG, WITH_FILES, uploaded


@pytest.fixture(autouse=True)
def places(admin):
    """A resource with a field for a file."""
    admin.declare("places", WITH_FILES, access=OPEN)


def stored(file):
    """Return the bytes in the storage."""
    with storage.open_file(file["id"]) as content:
        return content.read()


def test_a_file_is_stored_as_it_is_sent(alice, bob):
    file = uploaded(alice)
    assert set(file) == {"id", "name", "type", "bytes", "sha256", "expires_at"}
    assert (file["name"], file["type"], file["bytes"]) == ("a.png", "image/png", len(PNG))
    assert file["sha256"] == hashlib.sha256(PNG).hexdigest()
    assert stored(file) == PNG
    row = File.get_by_id(file["id"])
    assert (row.uploaded_by, row.resource, row.removed_at) == (alice.id, None, None)
    sent = bob.post("/files", data={"file": (BytesIO(PNG), "b.png", "image/png")})
    assert sent.status_code == 201
    assert stored(sent.json["data"]) == PNG
    assert sent.json["data"]["name"] == "b.png"


def form(*parts):
    """Return the body of a form of pairs of a header and a content."""
    texts = [f"--x\r\nContent-Disposition: form-data; {header}\r\n\r\n{text}\r\n" for header, text in parts]
    return "".join([*texts, "--x--\r\n"]).encode()


def test_a_form_has_one_file(alice):
    file = ('name="file"; filename="a.txt"', "text")
    for parts in ([], [file, file], [('name="picture"; filename="a"', "a")], [('name="file"', "a")], [file, ("", "b")]):
        answer = alice.post("/files", data=form(*parts), content_type="multipart/form-data; boundary=x")
        assert_failure(answer, 422, "VALIDATION_ERROR")
        assert "exactly one part" in answer.json["error"]["details"]["json"]["file"][0]["message"]
    for body in (form(file)[:-20], b"--y"):
        answer = alice.post("/files", data=body, content_type="multipart/form-data; boundary=x")
        assert_failure(answer, 400, "MALFORMED_REQUEST")
    assert File.select().count() == 0
    assert list(storage.stored()) == []
    assert alice.post("/files", data=form(file), content_type="multipart/form-data; boundary=x").status_code == 201
