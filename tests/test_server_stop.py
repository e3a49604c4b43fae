"""How the server ends: on SIGTERM, with exit status 0, which running_server asserts."""

import signal

from tests.server import Caller, running_server


def test_stops_although_whoever_started_it_ignores_ctrl_c(tmp_path):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a script does for what it puts into the background
    try:
        with running_server(tmp_path) as address, Caller(address) as caller:
            assert caller.call("GET", "/auth/me")[0] == 401
    finally:
        signal.signal(signal.SIGINT, before)
