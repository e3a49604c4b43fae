"""Streams of a real server: nothing is missed, who leaves makes room, and a stop ends all."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from tests.conftest import PASSWORD, SECRET_KEY, database_copy
from tests.parts.server import Caller, running_server
from tests.parts.streams import check_client, connect_stream, read_client

WITHIN_SECONDS = 60
FIELDS = {"title": {"type": "text", "max_length": 100_000}}
STREAMS = 6


@contextmanager
def server(request, kind, folder):
    """Yield the address of a server that serves streams, and a signed-in admin with a resource."""
    with database_copy(request, request.getfixturevalue(f"{kind}_template"), folder) as url:
        settings = {"database_url": url, "secret_key": SECRET_KEY, "threads": 4, "streams": STREAMS}
        with running_server(folder, **settings) as address, Caller(address) as admin:
            admin.sign_in("admin@example.com", PASSWORD)
            body = {"name": "notes", "fields": FIELDS, "feed": True}
            assert admin.call("POST", "/resources", body)[0] == 201
            yield address, admin


def until(condition):
    deadline = time.monotonic() + WITHIN_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def open_streams(address):
    with Caller(address) as caller:
        caller.connection.request("GET", "/metrics")
        text = caller.connection.getresponse().read().decode()
    return float(next(line for line in text.splitlines() if line.startswith("larder_streams "))[15:])


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_clients_that_connect_again_miss_nothing_while_others_write(request, tmp_path, kind):
    with server(request, kind, tmp_path) as (address, admin), ThreadPoolExecutor() as pool:
        cursor = admin.call("GET", "/notes")[1]["meta"]["changes_cursor"]

        def write():
            with Caller(address, admin.token) as writer:
                answers = [writer.call("POST", "/notes", {"title": str(number)}) for number in range(40)]
            return [answer["data"]["id"] for _, answer in answers]

        def follow():
            found, after = [], cursor
            while len(found) < 80:
                with connect_stream(address, admin.token, "resource=notes", {"Last-Event-ID": after}) as (
                    answer,
                    events,
                ):
                    # Then the client loses its connection. Its place may be free only a second later.
                    for _ in range(7 if answer.status == 200 else 0):
                        event, data, after = events.next()
                        found += [data["id"]] if event == "change" else []
                        if len(found) >= 80:
                            break
            return found

        readers, writers = [pool.submit(follow) for _ in range(2)], [pool.submit(write) for _ in range(2)]
        written = [each for writer in writers for each in writer.result()]
        for reader in readers:
            assert sorted(reader.result()) == sorted(written)


def test_who_leaves_makes_room_and_a_stop_ends_streams(request, tmp_path):
    with ExitStack() as readers, ExitStack() as stack, server(request, "sqlite", tmp_path) as (address, admin):
        streams = [stack.enter_context(connect_stream(address, admin.token, "resource=notes")) for _ in range(STREAMS)]
        assert [events.next()[0] for _, events in streams] == ["beat"] * STREAMS
        with connect_stream(address, admin.token, "resource=notes") as (refused, _):
            assert refused.status == 503
        assert admin.call("GET", "/notes")[0] == 200  # other requests have threads of their own
        for response, _ in streams:
            response.close()
        stack.close()
        until(lambda: open_streams(address) == 0)
        rest = [readers.enter_context(connect_stream(address, admin.token, "resource=notes")) for _ in range(3)]
        assert [events.next()[0] for _, events in rest] == ["beat"] * 3
        note = admin.call("POST", "/notes", {"title": "Milk"})[1]["data"]
        for _, events in rest:
            assert events.take(1)[0]["id"] == note["id"]
        reading = readers.pop_all()  # until the server has stopped
    with reading:
        for _, events in rest:
            assert {event for event, _, _ in iter(events.next, None)} <= {"beat"}


def test_the_client_of_the_page(request, tmp_path):
    program = """
import sys
host, token, cursor = sys.argv[1:]
while True:
    for cursor, change in follow(host, token, "parcels", cursor):
        if change:
            print(change["data"]["title"], flush=True)
            if change["data"]["title"] == "end":
                sys.exit()
"""
    (tmp_path / "client.py").write_text(read_client("python") + program)
    with server(request, "sqlite", tmp_path) as (address, admin):
        body = {"name": "parcels", "fields": FIELDS, "feed": True}
        assert admin.call("POST", "/resources", body)[0] == 201
        check_client([sys.executable, tmp_path / "client.py"], address, admin)
