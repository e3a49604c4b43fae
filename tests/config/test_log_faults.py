"""A log that cannot be written, or whose reader has ended or is stopped: responses neither change nor wait."""

import json
import os
import socket
import time
from contextlib import contextmanager

import pytest
import structlog

from backend import create_app
from backend.config.log_outlet import STDERR, LogOutlet
from backend.config.log_repeats import LINES_PER_WINDOW
from tests.conftest import ON_SQLITE, PASSWORD
from tests.parts.server import Caller, running_server

SETTINGS = {"admin_email": "admin@example.com", "admin_password": PASSWORD}
NOTES = {"name": "notes", "fields": {"title": {"type": "string"}}, "access": {"create": ["member"], "list": ["public"]}}


@contextmanager
def standard_error(descriptor):
    """Have the descriptor as standard error in the block."""
    kept = os.dup(STDERR)
    os.dup2(descriptor, STDERR)
    try:
        yield
    finally:
        os.dup2(kept, STDERR)
        os.close(kept)


def use(address):
    """Make a resource and two records, one of them twice with one Idempotency-Key, and assert each answer."""
    with Caller(address) as caller:
        caller.sign_in("admin@example.com", PASSWORD)
        assert caller.call("POST", "/resources", NOTES)[0] == 201
        assert caller.call("POST", "/notes", {"title": "Milk"})[0] == 201
        for _ in range(2):
            assert caller.call("POST", "/notes", {"title": "Eggs"}, {"Idempotency-Key": "1"})[0] == 201
        status, answer = caller.call("GET", "/notes")
        assert (status, answer["meta"]["total"]) == (200, 2)
        caller.connection.request("GET", "/health/live")
        assert caller.connection.getresponse().status == 200


def test_responses_do_not_change_when_the_log_reader_has_ended(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    with running_server(tmp_path, stderr=writer, **SETTINGS) as address:
        os.close(writer)
        use(address)


def test_responses_neither_change_nor_wait_when_the_log_reader_is_stopped(tmp_path):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    with running_server(tmp_path, stderr=writer, **SETTINGS) as address:
        use(address)
        os.set_blocking(reader, False)
        while len(os.read(reader, 1 << 20)) == 1 << 20:
            pass
        with Caller(address) as caller:
            caller.call("GET", "/notes")
            caller.call("GET", "/notes")
    # The server has ended: all its lines are there.
    lines = [json.loads(line) for line in os.read(reader, 1 << 20).lstrip(b"x").decode().splitlines()]
    os.close(reader)
    os.close(writer)
    assert [line["event"] for line in lines] == ["request", "log lines were lost", "request"]
    assert lines[1]["lines"] >= 8


@pytest.mark.parametrize("stream", ["full", "closed"])
def test_responses_do_not_change_when_standard_error_cannot_be_written(tmp_path, stream):
    if stream == "full":
        with open("/dev/full", "w") as full, running_server(tmp_path, stderr=full, **SETTINGS) as address:
            use(address)
    else:
        with standard_error(STDERR), running_server(tmp_path, stderr=_closed(), **SETTINGS) as address:
            use(address)


def _closed():
    """Return a descriptor that can only be read, so that every write to it fails as on a closed one."""
    return os.open(os.devnull, os.O_RDONLY)


def test_a_socket_whose_reader_has_stopped_is_closed():
    ours, theirs = socket.socketpair()
    lost = []
    outlet = LogOutlet(lost.append)
    with ours, theirs, standard_error(theirs.fileno()):
        for number in range(20_000):
            outlet.write(f"{number} {'x' * 100}\n")
        ours.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                ours.recv(1 << 20)
        outlet.write("again\n")
        assert ours.recv(100).endswith(b"again\n")
    outlet.write("")  # to the standard error of before: it lets go of the socket
    assert len(lost) == 1
    assert 0 < lost[0] < 20_000


@ON_SQLITE
def test_repeated_warnings_are_counted(app, read_lines):
    log = structlog.get_logger()
    for _ in range(50):
        log.warning("database unavailable", reason="locked")
        log.info("request")
    log.warning("database unavailable", reason="full")
    events = [json.loads(line).get("reason") for line in read_lines()]
    assert events == ["locked"] * LINES_PER_WINDOW + ["full"]


@ON_SQLITE
def test_the_next_line_of_an_event_says_how_many_were_not_written(app, read_lines, monkeypatch):
    log = structlog.get_logger()
    for _ in range(LINES_PER_WINDOW + 7):
        log.warning("database unavailable", reason="locked")
    later = time.monotonic() + 60
    monkeypatch.setattr("backend.config.log_repeats.time.monotonic", lambda: later)
    log.warning("database unavailable", reason="locked")
    assert json.loads(read_lines()[-1])["repeated"] == 7


@ON_SQLITE
@pytest.mark.parametrize("form", ["json", "text"])
def test_no_control_character_reaches_the_log(settings, read_lines, form):
    from dataclasses import replace

    create_app(replace(settings, log_format=form))
    read_lines()
    controls = "\x1b\x00\x07\r\x7f\x9b\x85\u2028\u2029\u202e\u2066"
    try:
        raise ValueError(controls)
    except ValueError as error:
        structlog.get_logger().error(f"odd {controls}", path=controls, many=[controls], exc_info=error)
    text = "\n".join(read_lines())
    assert "odd" in text
    assert "Traceback" in text
    assert [character for character in controls if character in text] == []
