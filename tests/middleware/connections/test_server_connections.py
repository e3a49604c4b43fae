"""Connections of a server: what slow, idle and greedy clients cost it, on real sockets."""

import time
from contextlib import suppress

import pytest

from backend.middleware.connections import channel, lanes, server, tasks, timed_channel
from backend.middleware.connections.timers import Times
from backend.utils import spool
from tests.parts.sockets import BIG, App, channels, serving, wait_for

LITTLE = 4096
TIMES = Times(sweep=0.05)


class Clock:
    """The time of the connections, which passes only when a test says so: however slow the machine is."""

    def __init__(self):
        self.now, self.time = 1000.0, time.time

    def monotonic(self):
        return self.now

    def go_on(self, server, seconds):
        """Let so many seconds pass, and wait until the server has looked at its connections."""
        self.now += seconds
        wait_for(lambda: server._sweep_at > self.now)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    for module in (channel, lanes, server, tasks, timed_channel):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def app():
    app = App()
    yield app
    app.release.set()


@pytest.fixture
def connect(app):
    """Return the function that connects to a server of the app with the usual times."""
    with serving(app) as (_, connect):
        yield connect
        app.release.set()


@pytest.mark.parametrize("path", ["/big", "/pieces"])
def test_a_client_that_reads_nothing_holds_no_thread(app, connect, path):
    slow = [connect(receive_bytes=LITTLE).send(path) for _ in range(6)]
    wait_for(lambda: app.answered.count(path) == 6)
    assert connect().send("/short").read()[2] == b"short"
    assert [len(connection.read()[2]) for connection in slow] == [BIG] * 6


def test_unread_responses_are_kept_on_disk(app, connect):
    connection = connect(receive_bytes=LITTLE).send("/big")
    wait_for(lambda: spool.quota.reserved > BIG // 2)
    assert len(connection.read()[2]) == BIG
    wait_for(lambda: spool.quota.reserved == 0)


@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_a_body_that_trickles_is_answered_408_and_holds_no_thread(app, clock, framing):
    with serving(app, TIMES) as (server, connect):
        slow = [connect().send("/slow", framing, method="POST") for _ in range(4)]
        wait_for(lambda: sum(channel.is_in_body() for channel in channels(server)) == 4)
        for _ in range(3):
            assert connect().send("/short").read()[2] == b"short"
            for connection in slow:
                connection.socket.sendall(b"3" if "Length" in framing else b"1\r\na\r\n")
            clock.go_on(server, TIMES.pace / 2)
        for connection in slow:
            status, headers, body = connection.read()
            assert (status, headers["connection"]) == (408, "close")
            assert b"too slowly" in body
            assert connection.is_closed()
        assert "/slow" not in app.answered


def test_requests_sent_at_once_are_answered_one_by_one(app, connect):
    connection = connect(receive_bytes=LITTLE)
    for number in range(12):
        connection.send("/big" if number < 11 else "/last")
    wait_for(lambda: spool.quota.reserved > BIG // 2)  # what the first answer has to wait for
    assert app.answered == ["/big"]
    assert [len(connection.read()[2]) for _ in range(11)] == [BIG] * 11
    assert connection.read()[2] == b"short"


def test_a_client_that_reads_too_slowly_is_closed(app, clock):
    with serving(app, TIMES) as (server, connect):
        slow = [connect(receive_bytes=LITTLE).send(path) for path in ("/big", "/pieces")]
        quick = connect().send("/big")
        assert len(quick.read()[2]) == BIG
        wait_for(lambda: sum(bool(channel.total_outbufs_len) for channel in channels(server)) == 2)
        clock.go_on(server, 1)  # from here on it is measured
        clock.go_on(server, TIMES.pace)
        assert all(connection.is_closed() for connection in slow)
        wait_for(lambda: spool.quota.reserved == 0)
        assert connect().send("/short").read()[2] == b"short"


def test_a_client_that_reads_fast_enough_is_not_closed(app, clock):
    enough, rounds = 5 * int(TIMES.pace * TIMES.least_pace), 5
    with serving(app, TIMES) as (server, connect):
        connection = connect(receive_bytes=LITTLE).send("/big")
        for _ in range(rounds):
            assert len(connection.file.read(enough)) == enough
            clock.go_on(server, TIMES.pace)
        assert connect().send("/short").read()[2] == b"short"
        rest = BIG - rounds * enough
        assert len(connection.file.read(rest)) == rest > BIG // 2


def test_idle_connections_are_closed(app, clock):
    with serving(app, TIMES) as (server, connect):
        never, after = connect(), connect().send("/short")
        assert after.read()[0] == 200
        wait_for(lambda: [channel.is_idle() for channel in channels(server)] == [True, True])
        clock.go_on(server, TIMES.idle + 1)
        assert never.is_closed()
        assert after.is_closed()


def test_heads_and_bodies_that_trickle_are_closed_and_others_are_not(app, clock):
    with serving(app, TIMES) as (server, connect):
        head, blank, body = connect(), connect(), connect().send("/x", "Content-Length: 500000", method="POST")
        for _ in range(50):
            for connection, byte in ((head, b"G"), (blank, b"\r\n\r\n"), (body, b"x")):
                with suppress(OSError):  # it is closed
                    connection.socket.sendall(byte)
            assert connect().send("/short").read()[2] == b"short"
            clock.go_on(server, 1)
        assert head.is_closed()
        assert blank.is_closed()
        assert body.is_closed()


def test_a_long_request_is_not_taken_for_an_idle_connection(app, clock):
    with serving(app, TIMES) as (server, connect):
        connection = connect().send("/wait")
        wait_for(lambda: app.answered)
        for _ in range(3):
            clock.go_on(server, 600)
        app.release.set()
        assert connection.read()[2] == b"short"
        assert connection.send("/short").read()[2] == b"short"


def test_a_new_connection_replaces_the_one_that_has_been_idle_longest(app):
    with serving(app, most=5) as (server, connect):
        busy = connect().send("/wait")
        wait_for(lambda: app.answered)
        idle = [connect() for _ in range(4)]
        wait_for(lambda: len(server.active_channels) == 5)
        assert [connect().send("/short").read()[0] for _ in range(3)] == [200] * 3
        assert all(connection.is_closed() for connection in idle[:3])
        assert idle[3].send("/short").read()[0] == 200
        app.release.set()
        assert busy.read()[2] == b"short"


@pytest.mark.parametrize(("path", "headers"), [("/short", ()), ("/api/v1/notes/import", ("Content-Length: 9000000",))])
def test_a_connection_beyond_the_limit_is_answered_503_if_all_are_busy(app, path, headers):
    with serving(app, most=4, threads=1) as (server, connect):
        busy = [connect().send("/wait") for _ in range(4)]
        wait_for(lambda: sum(len(channel.requests) for channel in channels(server)) == 4)
        status, headers, body = connect().send(path, *headers, method="POST").read()
        assert (status, headers["connection"]) == (503, "close")
        assert b"UNAVAILABLE" in body
        assert connect().send("/health/live").read()[2] == b"short"
        app.release.set()
        assert [connection.read()[0] for connection in busy] == [200] * 4


def test_the_slowest_reader_is_closed_when_the_disk_space_is_used_up(app, monkeypatch):
    monkeypatch.setattr(spool.quota, "max_bytes", 2 * BIG)
    with serving(app) as (server, connect):
        first, second = (connect(receive_bytes=LITTLE).send("/big") for _ in range(2))
        wait_for(lambda: app.answered.count("/big") == 2 and spool.quota.reserved > BIG)
        wait_for(lambda: all(channel.unsent_since for channel in channels(server)))
        third = connect(receive_bytes=LITTLE).send("/big")
        wait_for(lambda: first.is_closed(0) or second.is_closed(0))
        assert len(third.read()[2]) == BIG


def test_if_no_file_can_be_written_responses_are_kept_in_memory(app, connect, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    connection = connect(receive_bytes=LITTLE).send("/big")
    wait_for(lambda: app.answered)
    assert connect().send("/short").read()[2] == b"short"
    assert len(connection.read()[2]) == BIG


def test_health_is_answered_while_all_threads_wait(app):
    with serving(app, threads=1) as (server, connect):
        for _ in range(3):
            connect().send("/wait")
        wait_for(lambda: app.answered)
        assert connect().send("/health/live").read()[2] == b"short"
        assert connect().send("//health/live?x=1", method="HEAD").read("HEAD")[0] == 200
        assert app.answered.count("/wait") == 1
        assert not app.release.is_set()
        app.release.set()
