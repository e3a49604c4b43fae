"""Uploads as a real server receives them: large ones are refused by their head, and slow ones hold no thread."""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import PASSWORD, SECRET_KEY
from tests.helpers import OPEN
from tests.parts.files import WITH_FILES
from tests.parts.server import Caller, running_server
from tests.parts.sockets import Connection

SMALL, LIMIT, STAGED, THREADS = 20_000, 400_000, 1_000_000, 2
PATH = "/api/v1/files"
EXPECT = ["Expect: 100-continue"]


class Served:
    """A server with the resource `places`, which has a field for a file."""

    def __init__(self, address, folder):
        self.address, self.folder = address, folder
        self.tokens = {name: self.sign_in(name) for name in ("admin", "alice", "bob", "edith")}
        with Caller(address, self.tokens["admin"]) as caller:
            body = {"name": "places", "fields": WITH_FILES, "access": OPEN}
            assert caller.call("POST", "/resources", body)[0] == 201

    def sign_in(self, name):
        with Caller(self.address) as caller:
            return caller.sign_in(f"{name}@example.com", PASSWORD).token

    def begin(self, who, length, body=b"", more=(), kind="text/plain"):
        """Return a connection on which the head of an upload was sent, and perhaps some of the body."""
        size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        bearer = [f"Authorization: Bearer {self.tokens[who]}"] if who else []
        connection = Connection(self.address.partition(":")[2])
        return connection.send(PATH, f"Content-Type: {kind}", size, *bearer, *more, method="POST", body=body)

    def upload(self, who, content, **options):
        with self.begin(who, len(content), content, **options) as connection:
            status, _, body = connection.read()
            return status, json.loads(body)

    def stored(self):
        """Return the contents of all stored files, sorted."""
        return sorted(path.read_bytes() for path in (self.folder / "files").rglob("*") if path.is_file())


@pytest.fixture
def served(database_url, tmp_path):
    limits = {"max_body_bytes": SMALL, "max_file_bytes": LIMIT, "files_staged_bytes": STAGED, "threads": THREADS}
    with running_server(tmp_path, database_url=database_url, secret_key=SECRET_KEY, **limits) as address:
        yield Served(address, Path(tmp_path))


def test_uploads_are_received_once_they_are_admitted(served):
    for status, who, length, more in [
        (401, None, LIMIT, []),
        (401, None, None, []),
        (401, None, 9, EXPECT),
        (413, "alice", LIMIT + 100_000, []),
        (413, "alice", LIMIT + 100_000, EXPECT),
        (415, "alice", LIMIT, ["Content-Encoding: gzip"]),
    ]:
        with served.begin(who, length, more=more) as connection:
            answer = connection.read()
            assert answer[0] == status
            if status == 413:
                assert "400,000 bytes (LARDER_MAX_FILE_BYTES)" in json.loads(answer[2])["error"]["message"]
    assert served.stored() == []
    content = os.urandom(LIMIT)
    assert served.upload("alice", content + b"x")[0] == 413  # within what a form may have besides its file
    assert served.upload("alice", content)[1]["data"]["sha256"] == hashlib.sha256(content).hexdigest()
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n%s\r\n--x--\r\n'
    assert served.upload("alice", part % content, kind="multipart/form-data; boundary=x")[1]["data"]["bytes"] == LIMIT
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in (content[:9], content[9:50_000])) + b"0\r\n\r\n"
    with served.begin("bob", None, more=EXPECT) as connection:
        assert connection.file.readline() + connection.file.readline() == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.socket.sendall(chunks)
        assert json.loads(connection.read()[2])["data"]["sha256"] == hashlib.sha256(content[:50_000]).hexdigest()
    assert served.stored() == sorted([content, content, content[:50_000]])


def test_slow_uploads_hold_no_thread(served):
    content = b"a slow file\n" * 2_000
    with ExitStack() as stack:
        slow = [stack.enter_context(served.begin("alice", len(content), content[:100])) for _ in range(4 * THREADS)]
        assert served.upload("bob", b"a fast file")[0] == 201
        for connection in slow:
            connection.socket.sendall(content[100:])
        assert [connection.read()[0] for connection in slow] == [201] * len(slow)


def test_parallel_uploads_do_not_exceed_the_limit_of_a_user(served):
    content = os.urandom(LIMIT)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: served.upload("alice", content), range(8)))
    assert sorted(status for status, _ in answers) == [201, 201] + [409] * 6
    message = next(body["error"]["message"] for status, body in answers if status == 409)
    assert "at most 1,000,000 bytes (LARDER_FILES_STAGED_BYTES)" in message
    assert served.stored() == [content, content]
    assert served.upload("bob", content)[0] == 201
