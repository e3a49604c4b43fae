"""Files in a bucket of a real S3 server."""

import io
import os

import pytest

from backend.services.files.storage import open_storage
from backend.utils.spool import SpoolFile
from tests.parts.s3 import running_s3

SIZES = (0, 10, 20_000_000)  # larger ones are sent in parts


def test_a_bucket_keeps_files_until_they_are_deleted(tmp_path):
    with running_s3(tmp_path, "files"):
        bucket = open_storage("s3://files/larder/main")
        assert list(bucket.stored()) == []
        contents = {str(size): os.urandom(size) for size in SIZES}
        for name, content in contents.items():
            waiting = io.BytesIO(b"before" + content)
            waiting.seek(6)
            bucket.save(name, waiting)
        assert {file.id: file.bytes for file in bucket.stored()} == {str(size): size for size in SIZES}
        assert {path.parent for path in (tmp_path / "files").rglob("*0")} == {tmp_path / "files" / "larder" / "main"}
        for name, content in contents.items():
            with bucket.open_file(name) as file:
                assert file.read() == content
                assert file.seek(-1 if content else 0, os.SEEK_END) == max(0, len(content) - 1)
        bucket.delete(["0", "never stored"])
        assert {file.id for file in bucket.stored()} == {"10", "20000000"}
        with pytest.raises(FileNotFoundError):
            bucket.open_file("0")


def test_an_upload_from_a_temporary_file_is_stored(tmp_path):
    with running_s3(tmp_path, "files"):
        bucket, spooled = open_storage("s3://files"), SpoolFile()
        spooled.write(b"bytes")
        spooled.seek(0)
        bucket.save("one", spooled)
        assert (tmp_path / "files" / "one").read_bytes() == b"bytes"


def test_a_bucket_that_does_not_answer_is_an_os_error(tmp_path):
    with running_s3(tmp_path, "files") as server:
        bucket = open_storage("s3://files")
        server.kill()
        server.wait()
        for ask in (
            lambda: bucket.save("one", io.BytesIO(b"bytes")),
            lambda: bucket.open_file("one"),
            lambda: bucket.delete(["one"]),
            lambda: list(bucket.stored()),
        ):
            with pytest.raises(OSError, match="S3") as raised:
                ask()
            assert not isinstance(raised.value, FileNotFoundError)
            assert "Debug source" not in str(raised.value)
