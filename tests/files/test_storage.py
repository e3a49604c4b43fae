"""The storage of files: a folder, and a bucket of a real S3 server."""

import os
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest

from backend import create_app
from backend.models.database import database
from backend.services.files.storage import open_storage
from backend.utils.ids import uuid7
from backend.utils.spool import SpoolFile
from tests.conftest import ON_SQLITE, Person
from tests.helpers import OPEN
from tests.parts.files import PNG, WITH_FILES, uploaded
from tests.parts.s3 import running_s3

BUCKET = "larder"
CHECKS = "http://localhost/health/checks"


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    """The folder of a bucket."""
    folder = tmp_path_factory.mktemp("s3")
    with running_s3(folder, BUCKET):
        yield folder / BUCKET


@pytest.fixture(params=["folder", "bucket"])
def place(request, tmp_path):
    """The storage, and the folder with its files."""
    folder, url = tmp_path / "stored", f"file://{tmp_path / 'stored'}"
    if request.param == "bucket":
        name = f"files-{uuid7()}"
        folder, url = request.getfixturevalue("bucket") / name, f"s3://{BUCKET}/{name}"
    return open_storage(url), folder


def test_a_file_is_kept_under_its_id(place):
    storage, folder = place
    contents = {uuid7(): b"one", uuid7(): os.urandom(6_000_000)}
    assert list(storage.stored()) == []
    for file_id, content in contents.items():
        storage.save(file_id, BytesIO(content))
    for file_id, content in contents.items():
        assert re.search(rf"{file_id[-2:]}/{file_id[-4:-2]}/{file_id}$", str(next(folder.rglob(file_id))))
        with storage.open_file(file_id) as file:
            assert (file.read(), file.seek(1), file.read(1)) == (content, 1, content[1:2])
    found = {each.id: each for each in storage.stored()}
    assert {file_id: each.bytes for file_id, each in found.items()} == {id: len(c) for id, c in contents.items()}
    assert all(abs(each.modified_at - datetime.now(UTC)) < timedelta(minutes=5) for each in found.values())
    one, other = contents
    assert storage.has(one)
    storage.delete([one, uuid7()])
    assert [each.id for each in storage.stored()] == [other]
    assert (storage.has(one), storage.has(other)) == (False, True)
    with pytest.raises(FileNotFoundError):
        storage.open_file(one)


def test_what_is_not_a_file_of_ours_is_not_listed(place):
    storage, folder = place
    mine = uuid7()
    storage.save(mine, BytesIO(b"mine"))
    for name in ("README", "aa/README", "aa/bb/README", f"aa/bb/{uuid7()}", f"{mine[-2:]}/{mine}"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("theirs")
    assert [each.id for each in storage.stored()] == [mine]


class BrokenStream(BytesIO):
    """A stream whose second read fails, as if the disk with it did."""

    def read(self, size=-1):
        if self.tell():
            raise OSError(5, "Input/output error")
        return super().read(min(size, 10) if size >= 0 else 10)


def test_nothing_is_left_of_a_file_that_cannot_be_stored(place):
    storage, folder = place
    with pytest.raises(OSError, match="Input/output error"):
        storage.save(uuid7(), BrokenStream(b"x" * 100))
    assert list(storage.stored()) == []
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_a_folder_lists_unfinished_files_and_deletes_them(tmp_path):
    storage, file_id = open_storage(f"file://{tmp_path}/stored"), uuid7()
    storage.save(file_id, BytesIO(b"done"))
    path = next((tmp_path / "stored").rglob(file_id))
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    path.rename(path.with_name(f"{file_id}.part"))
    assert [each.id for each in storage.stored()] == [file_id]
    storage.delete([file_id])
    assert list(storage.stored()) == []


def test_a_bucket_that_cannot_be_used_is_an_error_of_the_storage(bucket):
    missing, spooled = open_storage("s3://no-such-bucket/files"), SpoolFile()
    spooled.write(b"waiting")
    with pytest.raises(OSError, match="LARDER_FILES cannot be used"):
        missing.save(uuid7(), spooled)
    spooled.seek(0)
    storage = open_storage(f"s3://{BUCKET}/spooled")
    storage.save(uuid7(), spooled)
    assert [each.bytes for each in storage.stored()] == [7]


def test_a_bucket_that_does_not_answer_is_an_error_of_the_storage(tmp_path):
    with running_s3(tmp_path, "files") as server:
        bucket = open_storage("s3://files")
        server.kill()
        server.wait()
        asks = (bucket.open_file, lambda id: bucket.save(id, BytesIO(b"bytes")), lambda id: bucket.delete([id]))
        for ask in (*asks, lambda id: list(bucket.stored())):
            with pytest.raises(OSError, match="S3") as raised:
                ask(uuid7())
            assert not isinstance(raised.value, FileNotFoundError)
            assert "Debug source" not in str(raised.value)


@ON_SQLITE
def test_files_of_records_are_in_the_bucket(settings, bucket):
    app = create_app(replace(settings, files=f"s3://{BUCKET}/of-records"))
    admin, alice = Person(app, "admin"), Person(app, "alice")
    admin.declare("places", WITH_FILES, access=OPEN)
    content = PNG + os.urandom(3_000_000)
    file = uploaded(alice, content)
    url = alice.make("places", photo=file["id"])["photo"]["url"].removeprefix("/api/v1")
    assert alice.get(url).data == content
    part = alice.get(url, headers={"Range": "bytes=1000-1999"})
    assert (part.status_code, part.data) == (206, content[1000:2000])
    assert next((bucket / "of-records").rglob(file["id"])).read_bytes() == content
    (check,) = [each for each in admin.get(CHECKS).json["data"] if each["name"] == "storage"]
    assert (check["state"], check["message"]) == ("ok", "All 1 files are stored.")
    database.close_all()
