"""How the server ends: on SIGTERM, with exit status 0, which running_server asserts."""

import signal
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from backend import server
from tests.parts.server import Caller, running_server
from tests.parts.sockets import App, Connection, channels, serving, wait_for


def test_stops_although_its_parent_ignores_ctrl_c(tmp_path):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a script does for what it puts into the background
    try:
        with running_server(tmp_path, forked=False) as address, Caller(address) as caller:
            assert caller.call("GET", "/auth/me")[0] == 401
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.slow
def test_clients_that_read_nothing_delay_neither_others_nor_the_stop(tmp_path):
    with ExitStack() as clients, running_server(tmp_path, threads=2) as address:
        port = address.rpartition(":")[2]
        for _ in range(8):
            slow = clients.enter_context(Connection(port, receive_bytes=4096))
            for _ in range(12):
                slow.send("/docs/swagger-ui-bundle.js")
        half = clients.enter_context(Connection(port))
        half.socket.sendall(b"GET / HTTP/1.1\r\nHost: lar")
        other = clients.enter_context(Connection(port))
        assert other.send("/").read()[0] == other.send("/health/live").read()[0] == 200


def test_a_stop_waits_for_clients_that_read_nothing_not_as_long_as_for_those_that_read(monkeypatch):
    """Uses a clock that advances only while the stop waits."""
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)
    clock.sleep = lambda seconds: setattr(clock, "now", clock.now + seconds)
    with serving(App()) as (stopping, connect):
        connect().socket.sendall(b"GET / HTTP/1.1\r\nHost: lar")
        for _ in range(12):
            connect(receive_bytes=4096).send("/big")
        wait_for(
            lambda: len([each for each in channels(stopping) if each.has_undelivered() and not each.requests]) == 12
        )
        monkeypatch.setattr(server, "time", clock)
        monkeypatch.setattr(server, "os", SimpleNamespace(kill=lambda *_: None, getpid=lambda: None))
        server._stop_when_idle(stopping)
    assert clock.now < server.DRAIN_SECONDS


def test_a_connection_that_is_being_accepted_at_the_signal_is_answered(monkeypatch):
    ends = []
    monkeypatch.setattr(server, "os", SimpleNamespace(kill=lambda *_: ends.append(True), getpid=lambda: None))
    monkeypatch.setattr(server.signal, "signal", lambda *_: None)
    monkeypatch.setattr(server, "notify", lambda _: None)
    with serving(App()) as (stopping, connect):
        stopping.owns_socket = False
        accept = stopping.accept

        def accept_amid_a_signal():
            accepted = accept()
            if accepted and not stopping.is_draining:
                stopping.call_soon(server._begin_drain)
                assert (stopping.is_draining, ends) == (False, [])
            return accepted

        stopping.accept = accept_amid_a_signal
        assert connect().send("/short").read()[2] == b"short"
        wait_for(lambda: ends)
