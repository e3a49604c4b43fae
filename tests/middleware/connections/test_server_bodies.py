"""Bodies as they come in: who may send a large one, and what the server does with a full disk."""

import json
import resource
from contextlib import ExitStack

import pytest

from tests.conftest import ON_SQLITE, PASSWORD, SECRET_KEY
from tests.parts.server import WITHOUT_LIMITS, Caller, doomed_server
from tests.parts.sockets import Connection

SMALL, LARGE, LIMIT = 20_000, 1_000_000, 2_000_000
PATH = "/api/v1/notes/import"
EXPECT = ["Expect: 100-continue"]


class Served:
    """A server with the resource `notes`, which only admins may fill."""

    def __init__(self, address, process, log):
        self.address, self.process, self._log = address, process, log
        self.tokens = {None: None}
        for name in ("admin", "alice"):
            with Caller(address) as caller:
                self.tokens[name] = caller.sign_in(f"{name}@example.com", PASSWORD).token
        definition = {"name": "notes", "fields": {"title": {"type": "text"}}, "access": {"list": ["member"]}}
        assert self.call("POST", "/resources", definition)[0] == 201

    def call(self, method, path, data=None):
        with Caller(self.address, self.tokens["admin"]) as caller:
            return caller.call(method, path, data)

    def ask(self, who=None, path=PATH, method="POST", length=LARGE, kind="text/csv", more=(), body=b""):
        """Return a connection on which a head was sent, and perhaps some of the body."""
        size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        bearer = [f"Authorization: Bearer {self.tokens.get(who, who)}"] if who else []
        connection = Connection(self.address.partition(":")[2])
        return connection.send(path, f"Content-Type: {kind}", size, *bearer, *more, method=method, body=body)

    def logged(self, text):
        return [line for line in self._log.read_text().splitlines() if text in line]


@pytest.fixture
def serve(database_url, tmp_path):
    """A function that starts a server with small limits, and settings."""
    with ExitStack() as stack:

        def start(**more):
            limits = {"max_body_bytes": SMALL, "max_import_bytes": LIMIT} | WITHOUT_LIMITS | more
            options = {"database_url": database_url, "secret_key": SECRET_KEY} | limits
            address, process = stack.enter_context(doomed_server(tmp_path, **options))
            return Served(address, process, tmp_path / "server0.log")

        yield start


@ON_SQLITE
def test_a_large_body_is_refused_by_its_head(serve):
    served = serve()
    cases = {
        "a stranger": (401, {}),
        "a token that is not valid": (401, {"who": "x.y.z"}),
        "no grant": (403, {"who": "alice"}),
        "no such resource": (404, {"who": "admin", "path": "/api/v1/books/import"}),
        "a system path": (404, {"who": "admin", "path": "/api/v1/users/import"}),
        "another method": (405, {"who": "admin", "method": "PUT"}),
        "a method without a body": (405, {"who": "admin", "method": "GET"}),
        "a larger one": (413, {"who": "admin", "length": LIMIT + 1}),
        "JSON": (415, {"who": "admin", "kind": "application/json"}),
        "no type": (415, {"who": "admin", "kind": ""}),
        "compressed": (415, {"who": "admin", "more": ["Content-Encoding: gzip"]}),
        "an unknown parameter": (422, {"who": "admin", "path": f"{PATH}?mod=x"}),
        "no key": (422, {"who": "admin", "path": f"{PATH}?mode=upsert"}),
        "in chunks": (401, {"length": None}),
        "in chunks, with a part": (403, {"who": "alice", "length": None, "body": b"9\r\ntitle\nabc\r\n"}),
        "with a part": (403, {"who": "alice", "body": b"title\nabc"}),
        "with Expect": (401, {"more": EXPECT}),
        "small, with Expect": (401, {"length": 9, "more": EXPECT}),
        "another path": (413, {"who": "admin", "path": "/api/v1/notes"}),
        "another path, with Expect": (413, {"who": "admin", "path": "/api/v1/notes", "more": EXPECT}),
        "a path that ends so": (413, {"path": "/import"}),
        "a path below": (413, {"path": "/api/v1/x/y/import"}),
        "a path before": (413, {"path": "/x/api/v1/notes/import"}),
    }
    for name, (expected, asked) in cases.items():
        with served.ask(**asked) as connection:
            status, headers, body = connection.read()
            assert (status, headers["connection"]) == (expected, "close"), name
            assert json.loads(body)["success"] is False, name
            assert headers["x-content-type-options"] == "nosniff", name
            assert connection.is_closed(), name


def test_a_caller_who_may_import_can_send_a_large_body(serve):
    served = serve()
    rows = b"title\n" + b"a note of some length\n" * 2_000
    parts = (rows[:7], rows[7:30_000], rows[30_000:])
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    for length, body in {len(rows): rows, None: chunks}.items():
        with served.ask("admin", length=length, body=body) as connection:
            assert connection.read()[0] == 200
        with served.ask("admin", length=length, more=EXPECT) as connection:
            assert connection.file.readline() + connection.file.readline() == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.socket.sendall(body)
            status, headers, answer = connection.read()
            assert (status, json.loads(answer)["data"]["created"]) == (200, 2_000)
            connection.send("/health/live")  # the connection stays open
            assert connection.read()[0] == 200
    assert served.call("GET", "/notes")[1]["meta"]["total"] == 8_000
    lines = [json.loads(line) for line in served.logged("/<name>/import") or served.logged(f'"path":"{PATH}"')]
    assert [line["status"] for line in lines] == [200] * 4


@ON_SQLITE
def test_a_request_that_expects_100_continue_counts_once(serve):
    served = serve(rate_limit="3/minute")  # the definition was the first
    with served.ask("admin", length=6, more=EXPECT) as connection:
        assert b" 100 " in connection.file.readline() + connection.file.readline()
        connection.socket.sendall(b"title\n")
        assert connection.read()[0] in (200, 422)  # there is no row
    assert [served.call("GET", "/notes")[0] for _ in range(2)] == [200, 429]


@ON_SQLITE
def test_on_a_full_disk_large_bodies_are_refused_and_the_server_continues(serve):
    served = serve()
    resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (600_000, 600_000))  # of each file it writes
    for length, body in {LARGE: b"x" * LARGE, None: b"%x\r\n" % LARGE + b"x" * LARGE + b"\r\n0\r\n\r\n"}.items():
        with served.ask("admin", length=length, body=body) as connection:
            status, headers, answer = connection.read()
        assert (status, headers["connection"], headers["retry-after"]) == (503, "close", "1")
        assert json.loads(answer)["error"]["code"] == "UNAVAILABLE"
        assert headers["content-security-policy"]
    assert served.call("GET", "/notes")[0] == 200
    assert [json.loads(line)["status"] for line in served.logged("no room for the body")] == [503, 503]
