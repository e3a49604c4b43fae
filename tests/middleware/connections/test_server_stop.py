"""How the server ends: on SIGTERM, with exit status 0, which running_server asserts."""

import signal
import time
from contextlib import ExitStack

import pytest

from tests.parts.server import Caller, running_server
from tests.parts.sockets import Connection


def test_stops_although_whoever_started_it_ignores_ctrl_c(tmp_path):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a script does for what it puts into the background
    try:
        with running_server(tmp_path, forked=False) as address, Caller(address) as caller:
            assert caller.call("GET", "/auth/me")[0] == 401
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.slow
def test_clients_that_read_nothing_hold_up_neither_others_nor_the_stop(tmp_path):
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
        began = time.monotonic()
    assert time.monotonic() - began < 20  # it would wait 30 seconds for clients that read
