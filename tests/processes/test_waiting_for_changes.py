"""`GET /changes?wait=…`: a change ends the wait, few requests wait, and who leaves makes room."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.conftest import PASSWORD, SECRET_KEY, database_copy
from tests.parts.server import Caller, running_server

ACCESS = dict.fromkeys(("list", "read", "create"), ["member"])
WITHIN_SECONDS = 60


@pytest.fixture(params=["sqlite", "postgres"])
def server(request, tmp_path):
    """The address of a server on a database with the people in it, in which two requests may wait."""
    with database_copy(request, request.getfixturevalue(f"{request.param}_template"), tmp_path) as url:
        settings = {"database_url": url, "secret_key": SECRET_KEY, "log_level": "WARNING", "threads": 8}
        with running_server(tmp_path, **settings) as address:
            yield address


def signed_in(address, name):
    return Caller(address).sign_in(f"{name}@example.com", PASSWORD)


def ask(caller, cursor, wait):
    """Ask for changes; return the status, the body, and whether the request was refused to wait."""
    headers = {"Authorization": f"Bearer {caller.token}"}
    caller.connection.request("GET", f"/api/v1/changes?resource=notes&after={cursor}&wait={wait}", headers=headers)
    response = caller.connection.getresponse()
    return response.status, json.loads(response.read()), response.getheader("Retry-After") is not None


def wait_for(caller, cursor, seconds=25):
    """Ask for changes until the request may wait; return the status and the changes."""
    refused = True
    while refused:
        status, answer, refused = ask(caller, cursor, seconds)
    return status, answer.get("data")


def begin_to_wait(address, caller, cursor):
    """Return a socket whose request waits."""
    host, port = address.split(":")
    head = f"GET /api/v1/changes?resource=notes&after={cursor}&wait=25 HTTP/1.1\r\nHost: x\r\n"
    connection = socket.create_connection((host, int(port)))
    connection.sendall(f"{head}Authorization: Bearer {caller.token}\r\n\r\n".encode())
    connection.settimeout(2)
    with pytest.raises(TimeoutError):  # no answer yet
        connection.recv(1)
    return connection


def ask_until(caller, cursor, refused):
    """Ask until requests are refused to wait, or may wait again."""
    deadline = time.monotonic() + WITHIN_SECONDS
    while ask(caller, cursor, 1)[2] != refused:
        assert time.monotonic() < deadline


def test_a_change_ends_the_wait_and_few_requests_wait(server):
    people = [signed_in(server, name) for name in ("admin", "alice", "bob")]
    with ExitStack() as stack:
        _test_waits(server, *map(stack.enter_context, people))


def _test_waits(server, admin, alice, bob):
    body = {"name": "notes", "fields": {"title": {"type": "string"}}, "access": ACCESS, "feed": True}
    assert admin.call("POST", "/resources", body)[0] == 201
    cursor = bob.call("GET", "/notes")[1]["meta"]["changes_cursor"]
    waiting = [begin_to_wait(server, bob, cursor) for _ in range(2)]  # clients that will leave
    ask_until(admin, cursor, refused=True)
    for each in waiting:
        each.close()
    ask_until(admin, cursor, refused=False)
    with ThreadPoolExecutor() as pool:
        answers = [pool.submit(wait_for, *each) for each in ((alice, cursor), (bob, cursor, 15))]
        ask_until(admin, cursor, refused=True)
        with signed_in(server, "bob") as other:  # all sessions of bob end, also the one that waits
            assert other.call("DELETE", "/auth/sessions")[0] == 200
        note = admin.call("POST", "/notes", {"title": "Milk"})[1]["data"]
        status, changes = answers[0].result()
        assert (status, [each["id"] for each in changes]) == (200, [note["id"]])
        assert answers[1].result()[0] == 401


def test_a_server_that_stops_ends_the_wait(request, sqlite_template, tmp_path):
    with database_copy(request, sqlite_template, tmp_path) as url, ThreadPoolExecutor() as pool, ExitStack() as stack:
        with running_server(tmp_path, database_url=url, secret_key=SECRET_KEY, threads=4) as address:
            admin, waiting = (stack.enter_context(signed_in(address, "admin")) for _ in range(2))
            body = {"name": "notes", "fields": {"title": {"type": "string"}}, "feed": True}
            assert admin.call("POST", "/resources", body)[0] == 201
            cursor = admin.call("GET", "/notes")[1]["meta"]["changes_cursor"]
            answer = pool.submit(wait_for, waiting, cursor)
            ask_until(admin, cursor, refused=True)
        assert answer.result() == (200, [])
