"""Connections of a server: what slow, idle and greedy clients cost it, on real sockets."""

import socket
import threading
import time
from contextlib import ExitStack, contextmanager

import pytest

from backend.config.settings import Settings
from backend.middleware.connections.server import open_server
from backend.middleware.connections.timers import Times
from backend.utils import spool
from tests.sockets import Connection

BIG = 8 << 20
QUICK = Times(idle=0.6, head=0.6, pace=0.6, least_pace=200_000, linger=0.3, spared=0.1, sweep=0.05, pace_at_stop=0.3)
PATIENT = Times(sweep=0.05)


class App:
    """A WSGI app: `/big` is BIG bytes, `/pieces` too, `/wait` ends when `release` is set, all else is short."""

    def __init__(self):
        self.release, self.answered = threading.Event(), []

    def __call__(self, environ, start_response):
        path = environ["PATH_INFO"]
        body = environ["wsgi.input"].read()
        self.answered.append(path)
        if path == "/wait":
            self.release.wait(20)
        if path == "/nothing":
            start_response("304 Not Modified", [("ETag", '"1"')])
            return []
        if path == "/pieces":
            start_response("200 OK", [])
            return (b"x" * 65536 for _ in range(BIG // 65536))
        content = b"x" * BIG if path == "/big" else body or b"short"
        start_response("200 OK", [("Content-Length", str(len(content)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [content]


@contextmanager
def serving(times=PATIENT, most=None, threads=2):
    """Serve an App in this process and yield (it, the server, a function that connects)."""
    app, stopped = App(), threading.Event()
    with socket.socket() as listener, ExitStack() as clients:
        listener.bind(("127.0.0.1", 0))
        server = open_server(app, listener, Settings(threads=threads), times)
        server.most_connections = most or server.most_connections

        def loop():
            while not stopped.is_set():
                server.turn()

        def connect(**options):
            return clients.enter_context(Connection(server.effective_port, **options))

        looping = threading.Thread(target=loop)
        looping.start()
        try:
            yield app, server, connect
        finally:
            stopped.set()
            app.release.set()
            server.pull_trigger()
            looping.join()
            server.lanes.shutdown()
            for channel in list(server.active_channels.values()):
                channel.abort()
            server.trigger.close()
            spool.room.when_full = lambda: None
    assert spool.room.taken == 0


@pytest.fixture
def served():
    with serving() as served:
        yield served


def wait_for(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


LITTLE = 4096


@pytest.mark.parametrize("path", ["/big", "/pieces"])
def test_who_reads_nothing_holds_no_thread(served, path):
    app, server, connect = served
    slow = [connect(receive_bytes=LITTLE).send(path) for _ in range(6)]
    wait_for(lambda: app.answered.count(path) == 6)
    assert connect().send("/short").read()[2] == b"short"
    assert [len(connection.read()[2]) for connection in slow] == [BIG] * 6


def test_what_is_not_read_waits_on_disk(served):
    app, server, connect = served
    connection = connect(receive_bytes=LITTLE).send("/big")
    wait_for(lambda: spool.room.taken > BIG - (4 << 20))
    assert len(connection.read()[2]) == BIG
    wait_for(lambda: spool.room.taken == 0)


def test_requests_sent_at_once_are_answered_one_by_one(served):
    app, server, connect = served
    connection = connect(receive_bytes=LITTLE)
    for number in range(12):
        connection.send("/big" if number < 11 else "/last")
    wait_for(lambda: app.answered)
    time.sleep(0.2)
    assert app.answered == ["/big"]
    assert [len(connection.read()[2]) for _ in range(11)] == [BIG] * 11
    assert connection.read()[2] == b"short"
