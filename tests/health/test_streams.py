"""Streams of changes in `flask doctor`: what clients ask for, and what the processes of this machine serve."""

import dataclasses
import os
import time
from contextlib import ExitStack

import pytest

from backend.services.health.stream_checks import check_streams
from backend.services.operation.metrics import metrics
from backend.services.operation.open_streams import open_streams
from tests.conftest import ON_SQLITE
from tests.parts.streams import open_stream

pytestmark = ON_SQLITE


@pytest.fixture
def checked(settings):
    """A function that returns the state and all words of the check; `streams` is how many this process serves."""

    def checked(streams):
        open_streams.open(dataclasses.replace(settings, streams=streams))
        metrics.process.write(minutes=True)
        check = check_streams(settings)
        return check.state, f"{check.message} {check.advice}"

    return checked


def test_says_how_many_streams_are_open(admin, checked):
    admin.declare("notes", {"title": {"type": "string"}}, feed=True)
    assert checked(0) == (
        "ok",
        "No process serves streams of changes, and no client asked for one in the last 10 minutes. ",
    )
    assert checked(2) == ("ok", "0 of 2 streams of changes are open. ")
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(open_stream(admin, resource="notes"))
        state, words = checked(2)
        assert (state, "2 of 2" in words, "LARDER_STREAMS" in words) == ("warning", True, True)


def test_finds_that_clients_ask_for_streams_that_no_process_serves(admin, checked, settings):
    admin.declare("notes", {"title": {"type": "string"}}, feed=True)
    checked(0)
    assert admin.get("/changes/stream?resource=notes").status_code == 503
    state, words = checked(0)
    assert (state, "1 request" in words, "larder-streams" in words) == ("warning", True, True)
    started = settings.data_dir / "metrics" / f"process-{metrics.process.number}"
    os.utime(started)  # one that was down then serves them
    assert checked(5) == ("ok", "0 of 5 streams of changes are open. ")
    long_ago = time.time() - 120
    os.utime(started, (long_ago, long_ago))  # one served them all the time, and the proxy does not know
    state, words = checked(5)
    assert (state, "0 of 5" in words, "/api/v1/changes/stream" in words) == ("warning", True, True)


def test_a_command_serves_no_streams(app, settings):
    open_streams.open(dataclasses.replace(settings, streams=5))
    assert metrics.process.total_load().stream_places == 0
    metrics.begin_serving()
    assert metrics.process.total_load().stream_places == 5
