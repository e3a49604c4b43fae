"""A server that has no descriptor for another connection."""

import os
import resource
import time
from pathlib import Path

import pytest

from tests.conftest import PASSWORD
from tests.parts.server import Caller, doomed_server
from tests.parts.sockets import Connection, wait_for


def descriptors(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def limit(process, count):
    _, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (count, hard))


def live(port):
    with Connection(port) as connection:
        return connection.send("/health/live").read()[0]


def test_without_descriptors_idle_connections_make_way_and_the_log_stays_short(tmp_path):
    with doomed_server(tmp_path, log_level="WARNING") as (address, process):
        port, log = address.rpartition(":")[2], Path(tmp_path / "server0.log")
        kept = Connection(port)
        assert kept.send("/health/live").read()[0] == 200
        limit(process, descriptors(process) + 8)
        idle = [Connection(port) for _ in range(40)]  # the kernel takes those that the server cannot
        try:
            wait_for(lambda: "cannot accept connections" in log.read_text())
            assert live(port) == 200
            limit(process, 3)  # not even closing the idle ones helps now
            waiting = Connection(port).send("/health/live")
            before = log.stat().st_size
            time.sleep(1.5)
            assert log.stat().st_size - before < 2000
            limit(process, 1024)
            with waiting:
                assert waiting.read()[0] == 200
            assert live(port) == 200
        finally:
            for connection in (kept, *idle):
                connection.__exit__()


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/files", b"Milk\n", 503),
        ("/files", "Milk\n".encode("utf-16"), 503),
        ("/places", {"contact": "post@b\u00fccher.example"}, 201),
    ],
)
def test_the_first_request_of_its_kind_needs_no_descriptor_for_an_import(tmp_path, path, body, status):
    admin = {"admin_email": "admin@example.com", "admin_password": PASSWORD}
    fields = {"photo": {"type": "file"}, "contact": {"type": "email"}}
    with doomed_server(tmp_path, **admin) as (address, process), Caller(address) as caller:
        caller.sign_in("admin@example.com", PASSWORD)
        assert caller.call("POST", "/resources", {"name": "places", "fields": fields})[0] == 201
        limit(process, 3)
        answers = []
        # A job may use the one open connection to the database just then: this, too, is a 503.
        wait_for(lambda: answers.append(caller.call("POST", path, body)[0]) or answers[-1] == status)
        assert {*answers} <= {status, 503}
