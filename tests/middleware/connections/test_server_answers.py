"""Heads of answers, and which answers leave their connection open."""

import pytest

from tests.parts.sockets import BIG, App, serving


@pytest.fixture(scope="module")
def connect():
    """Return the function that connects to a server of an App."""
    with serving(App()) as (_, connect):
        yield connect


def twice(connection, path, method="GET", version="1.1", *headers):
    """Ask for a path twice on one connection; return the two answers."""
    return [connection.send(path, *headers, method=method, version=version).read(method) for _ in range(2)]


def test_answers_without_a_body_leave_the_connection_open(connect):
    for path, method, status in (
        ("/nothing", "GET", 304),
        ("/nothing", "HEAD", 304),
        ("/empty", "DELETE", 204),
        ("/short", "HEAD", 200),
        ("/pieces", "HEAD", 200),
        ("/big", "HEAD", 200),
    ):
        for version, keep in (("1.1", ()), ("1.0", ("Connection: keep-alive",))):
            connection = connect()
            for _, headers, body in twice(connection, path, method, version, *keep):
                assert (body, headers.get("connection")) == (b"", "keep-alive" if keep else None), (path, method)
                assert "transfer-encoding" not in headers
            # Nothing of a body is left on the way to the next answer.
            assert connection.send("/short", *keep, version=version).read()[2] == b"short"
            assert status == connect().send(path, method=method).read(method)[0]


def test_the_head_of_an_answer_to_head_says_how_long_the_body_would_be(connect):
    assert connect().send("/big", method="HEAD").read("HEAD")[1]["content-length"] == str(BIG)
    assert "content-length" not in connect().send("/nothing").read()[1]
    assert "content-length" not in connect().send("/empty").read()[1]


def test_chunks_leave_the_connection_open_and_are_not_sent_to_old_clients(connect):
    for _, headers, body in twice(connect(), "/pieces"):
        assert (headers["transfer-encoding"], len(body)) == ("chunked", BIG)
    for keep in ((), ("Connection: keep-alive",)):
        connection = connect().send("/pieces", *keep, version="1.0")
        _, headers, body = connection.read()
        assert ("transfer-encoding" in headers, headers["connection"], len(body)) == (False, "close", BIG)
        assert connection.is_closed()


@pytest.mark.parametrize(
    ("version", "said", "is_open"),
    [
        ("1.1", None, True),
        ("1.1", "close", False),
        ("1.1", "Keep-Alive, Close", False),
        ("1.1", "upgrade", True),
        ("1.0", None, False),
        ("1.0", "Keep-Alive", True),
        ("1.0", "keep-alive, x", True),
    ],
)
def test_the_client_says_whether_the_connection_stays_open(connect, version, said, is_open):
    connection = connect().send("/short", *([f"Connection: {said}"] if said else []), version=version)
    assert connection.read()[2] == b"short"
    assert connection.is_closed(0.2 if is_open else 60) != is_open


def test_a_refused_client_that_still_sends_sees_the_refusal(connect):
    connection = connect().send("/x", "Content-Length: 9999999999", method="POST", body=b"x" * 300_000)
    status, _, body = connection.read()
    assert status == 413
    assert b'"success": false' in body
