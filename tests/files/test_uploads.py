"""Uploads: `POST /api/v1/files`."""

import errno
import hashlib
import os
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from backend import create_app
from backend.models.database import database
from backend.models.file import File
from backend.services.files.storage import storage
from tests.conftest import ON_SQLITE, Person
from tests.helpers import OPEN, assert_failure
from tests.parts.files import PNG, WITH_FILES, upload, uploaded

FORM = "multipart/form-data; boundary=x"

NAMES = [
    (None, "file"),
    ("attachment", "file"),
    ("attachment; filename=a.txt", "a.txt"),
    ('attachment; filename="a b.txt"', "a b.txt"),
    (r'attachment; filename="a \"b\".txt"', 'a "b".txt'),
    ("attachment; filename*=UTF-8''gr%C3%BC%C3%9Fe%20%22x%22.txt", 'grüße "x".txt'),
    ("attachment; filename=a.txt; filename*=UTF-8''b.txt", "b.txt"),
    ("attachment; filename*=UTF-8''b.txt; filename=a.txt", "b.txt"),
    ("attachment; FileName*=utf-8'en'b.txt;filename=a.txt", "b.txt"),
    ('inline; filename="grüße.txt"'.encode().decode("latin-1"), "grüße.txt"),
    ('inline; filename="gr\xfc\xdfe.txt"', "grüße.txt"),
    ("attachment; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", "passwd"),
    ("attachment; filename*=UTF-8''a%0D%0Ab%E2%80%AE.txt", "ab.txt"),
    ("attachment; filename*=unknown''a.txt", "a.txt"),
    ("no disposition = at all;;;", "file"),
    (f"attachment; filename={'x' * 500}.jpeg", "x" * 250 + ".jpeg"),
]


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
        answer = alice.post("/files", data=form(*parts), content_type=FORM)
        assert_failure(answer, 422, "VALIDATION_ERROR")
        assert "exactly one part" in answer.json["error"]["details"]["json"]["file"][0]["message"]
    for body in (form(file)[:-20], b"--y"):
        answer = alice.post("/files", data=body, content_type=FORM)
        assert_failure(answer, 400, "MALFORMED_REQUEST")
    assert File.select().count() == 0
    assert list(storage.stored()) == []
    assert alice.post("/files", data=form(file), content_type=FORM).status_code == 201


@ON_SQLITE
def test_the_name_is_that_of_the_disposition(alice):
    for header, name in NAMES:
        headers = {} if header is None else {"Content-Disposition": header}
        answer = alice.post("/files", data=b"text", headers=headers, content_type="text/plain")
        assert (answer.status_code, answer.json["data"]["name"]) == (201, name), header


@ON_SQLITE
def test_the_name_in_a_form_is_that_of_its_part(alice):
    for header, name in [
        ('name="file"; filename="grüße.txt"', "grüße.txt"),
        ('name="file"; filename*=UTF-8\'\'b.txt; filename="a.txt"', "b.txt"),
        ('name="file"; filename="C:\\\\folder\\\\a.txt"', "a.txt"),
    ]:
        answer = alice.post("/files", data=form((header, "text")), content_type=FORM)
        assert (answer.status_code, answer.json["data"]["name"]) == (201, name)


def test_an_empty_file_is_refused(alice):
    for body in ({"data": b""}, {"data": form(('name="file"; filename="a"', "")), "content_type": FORM}):
        answer = alice.post("/files", **body)
        assert_failure(answer, 422, "VALIDATION_ERROR")
        assert answer.json["error"]["details"]["json"]["file"][0]["message"] == "The file is empty."


def limited(settings, name="alice", **limits):
    """Return a person whose app has these limits."""
    return Person(create_app(replace(settings, **limits)), name)


def test_files_have_limits(settings, admin, alice):
    person = limited(settings, max_file_bytes=2000, files_staged_bytes=14_000, files_max_bytes=9000)
    answer = upload(person, b"x" * 2001)
    assert_failure(answer, 413, "PAYLOAD_TOO_LARGE")
    assert answer.json["error"]["message"] == "The file is larger than 2,000 bytes (LARDER_MAX_FILE_BYTES)."
    answer = upload(person, b"x" * 50_000)
    assert_failure(answer, 413, "PAYLOAD_TOO_LARGE")
    assert answer.json["error"]["message"] == "The body is larger than 2,000 bytes (LARDER_MAX_FILE_BYTES)."
    # Each counts 4,096 bytes more, so a third one is too much, however small it is.
    first, _ = uploaded(person, b"x" * 2000), uploaded(person, b"y" * 2000)
    uploaded(person, b"x" * 1712)
    answer = upload(person, b"x")
    assert_failure(answer, 409, "CONFLICT")
    assert "(LARDER_FILES_STAGED_BYTES)" in answer.json["error"]["message"]
    alice.make("places", photo=first["id"])  # then it is not staged
    uploaded(person, b"x" * 2000)
    database.close_all()
    other = limited(settings, "bob", files_max_bytes=9000)
    uploaded(other, b"x" * 1288)
    answer = upload(other, b"x")
    assert_failure(answer, 507, "STORAGE_FULL")
    assert "9,000 bytes (LARDER_FILES_MAX_BYTES)" in answer.json["error"]["message"]
    with database.connection_context():
        assert File.select().count() == len(list(storage.stored())) == 5
    database.close_all()


def test_nothing_is_left_if_a_file_cannot_be_stored(settings, alice, monkeypatch):
    folder = Path(settings.files.removeprefix("file://"))
    folder.write_text("a file where the folder should be")
    assert_failure(upload(alice), 503, "UNAVAILABLE")
    folder.unlink()
    uploaded(alice)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: _full_disk())
        assert_failure(upload(alice), 507, "STORAGE_FULL")
    with database.connection_context():
        assert File.select().count() == len(list(storage.stored())) == 1
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 1


def _full_disk():
    raise OSError(errno.ENOSPC, "No space left on device")


def test_uploads_are_in_the_audit_trail(admin, alice):
    file = uploaded(alice, name="a.png")
    entry = admin.get("/audit?action=file.upload").json["data"][0]
    assert (entry["actor_id"], entry["target_type"], entry["target_id"]) == (alice.id, "file", file["id"])
    assert entry["details"] == {"name": "a.png", "type": "image/png", "bytes": len(PNG)}
