"""How the server sends a refusal to come back later: held back for a moment, and at the cost of nobody else."""

import http.client

from tests.parts.server import Caller, running_server
from tests.parts.sockets import connect

LIMITS = {"rate_limit_auth": "1/hour", "threads": 2}
HEAD = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: larder\r\nContent-Type: application/json\r\n"
BODY = b'{"email": "alice@example.com", "password": "wrong horse"}'
LOGIN = HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


def guess(address):
    """Return a connection on which a wrong password was sent."""
    connection = connect(address)
    connection.sendall(LOGIN)
    return connection


def read_all(connection):
    with connection, connection.makefile("rb") as answer:
        return answer.read()


def test_a_refusal_ends_its_connection(tmp_path):
    with running_server(tmp_path, **LIMITS) as address, Caller(address) as caller:
        assert caller.call("POST", "/auth/login", {"email": "a@example.com", "password": "x"})[0] == 401
        caller.connection.request("POST", "/api/v1/auth/login", BODY, {"Content-Type": "application/json"})
        response = caller.connection.getresponse()
        assert (response.status, response.headers["Connection"]) == (429, "close")
        assert int(response.headers["Retry-After"]) > 60


def test_pipelined_requests_after_a_refusal_are_not_handled(tmp_path):
    with running_server(tmp_path, **LIMITS) as address:
        connection = connect(address)
        connection.sendall(LOGIN * 20)
        answers = read_all(connection)
    assert answers.count(b"HTTP/1.1 401") == answers.count(b"HTTP/1.1 429") == 1
    assert (tmp_path / "server0.log").read_text().count('"/api/v1/auth/login"') == 4  # path and route of each


def test_delayed_refusals_do_not_delay_others(tmp_path):
    with running_server(tmp_path, **LIMITS) as address:
        read_first = http.client.HTTPResponse(first := guess(address))
        read_first.begin()
        first.close()
        refused = [guess(address) for _ in range(20)]
        with Caller(address) as caller:
            caller.connection.request("GET", "/")
            assert caller.connection.getresponse().status == 200
        answers = [read_all(connection) for connection in refused]
    assert {answer.split(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 429 TOO MANY REQUESTS"}


def test_a_stop_still_sends_delayed_responses(tmp_path):
    with running_server(tmp_path, **LIMITS) as address:
        with Caller(address) as caller:
            assert caller.call("POST", "/auth/login", {"email": "a@example.com", "password": "x"})[0] == 401
        connection = guess(address)
        with Caller(address) as caller:  # answered later than the guess was worked on
            caller.call("GET", "/auth/me")
            caller.call("GET", "/auth/me")
    assert b" 429 " in read_all(connection).split(b"\r\n")[0]


def test_refusals_by_the_server_have_the_headers_of_all_responses(tmp_path):
    with running_server(tmp_path) as address:
        connection = connect(address)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: larder\r\nContent-Length: many\r\n\r\n")
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"\r\nX-Content-Type-Options: nosniff\r\n" in answer
    assert b"\r\nContent-Security-Policy: default-src 'none'" in answer
