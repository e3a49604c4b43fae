"""Downloads from a real server: ranges, several requests on one connection, and slow readers that hold no thread."""

import hashlib
import http.client
import socket
from contextlib import ExitStack

import pytest

from tests.helpers import OPEN
from tests.parts.downloads import attached
from tests.parts.server import HOST, running_server

LARGE = bytes(range(256)) * 80_000  # 20 MB, which no socket takes at once


@pytest.fixture
def url(admin, alice):
    """The path of a large file in a public field."""
    admin.declare("places", {"photo": {"type": "file", "public": True}}, access=OPEN)
    return f"/api/v1{attached(alice, LARGE, 'large.bin')}"


def ask(connection, url, method="GET", **headers):
    """Return (status, body, headers) of a request on a connection that stays open."""
    connection.request(method, url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.headers


def test_parts_are_sent_on_one_connection(url, database_url, tmp_path):
    with running_server(tmp_path, database_url=database_url) as address:
        connection = http.client.HTTPConnection(address, timeout=120)
        status, body, headers = ask(connection, url)
        assert (status, hashlib.sha256(body).digest()) == (200, hashlib.sha256(LARGE).digest())
        assert headers["Content-Length"] == str(len(LARGE))
        for sent, part in {
            "bytes=0-0": LARGE[:1],
            "bytes=1000000-1999999": LARGE[1_000_000:2_000_000],
            "bytes=-5": LARGE[-5:],
            f"bytes={len(LARGE) - 1}-": LARGE[-1:],
        }.items():
            status, body, headers = ask(connection, url, Range=sent, If_Range=headers["ETag"])
            assert (sent, status, body == part, headers["Content-Length"]) == (sent, 206, True, str(len(part)))
            assert headers["Content-Range"].endswith(f"/{len(LARGE)}")
        status, body, head = ask(connection, url, "HEAD")
        assert (status, body, head["Content-Length"]) == (200, b"", str(len(LARGE)))
        assert ask(connection, url, If_None_Match=headers["ETag"])[:2] == (304, b"")
        status, body, refused = ask(connection, url, Range=f"bytes={len(LARGE)}-")
        assert (status, refused["Content-Range"]) == (416, f"bytes */{len(LARGE)}")
        connection.close()


def test_slow_readers_hold_no_thread(url, database_url, tmp_path):
    """With two threads, twenty clients that read nothing would stop a server whose threads wait for them."""
    with running_server(tmp_path, database_url=database_url, threads=2) as address, ExitStack() as open_sockets:
        slow = [open_sockets.enter_context(begun(address, url, number)) for number in range(20)]
        connection = http.client.HTTPConnection(address, timeout=120)
        assert ask(connection, "/api/v1/places")[0] == 401
        assert ask(connection, url, Range="bytes=0-3")[1] == LARGE[:4]
        connection.close()
        assert rest_of(slow[0]).endswith(LARGE[-1000:])
        assert rest_of(slow[1]).endswith(LARGE[5:1_000_006])


def begun(address, url, number):
    """Return a socket on which a download has begun, of which nothing but the first bytes is read."""
    client = socket.create_connection((HOST, int(address.rpartition(":")[2])), timeout=120)
    part = "Range: bytes=5-1000005\r\n" if number % 2 else ""
    client.sendall(f"GET {url} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{part}\r\n".encode())
    assert client.recv(8) == b"HTTP/1.1"
    return client


def rest_of(client):
    parts = []
    while part := client.recv(1 << 20):
        parts.append(part)
    return b"".join(parts)
