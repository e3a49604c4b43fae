"""Streams of changes to clients that do not read."""

import dataclasses

import pytest

from backend.middleware.connections import buffers
from backend.middleware.connections.timers import Pace
from backend.routes.toolkit import streaming
from backend.services.operation.open_streams import open_streams
from backend.utils import spool
from tests.conftest import ON_SQLITE
from tests.parts.sockets import PATIENT, channels, serving, wait_for

FIELDS = {"title": {"type": "text", "max_length": 100_000}}


@pytest.fixture
def settings(settings):
    return dataclasses.replace(settings, streams=2)


@ON_SQLITE
def test_a_client_that_reads_nothing_gets_a_bounded_part_and_is_closed(app, admin):
    admin.declare("notes", FIELDS, feed=True)
    cursor = admin.get("/notes").json["meta"]["changes_cursor"]
    operations = [{"op": "create", "resource": "notes", "data": {"title": "x" * 20_000}}] * 40
    for _ in range(10):  # 8 MB
        assert admin.post("/batch", json={"operations": operations}).status_code == 200
    path = f"/api/v1/changes/stream?resource=notes&data=true&after={cursor}"
    with serving(app, PATIENT) as (server, connect):
        connect(receive_bytes=4096).send(path, f"Authorization: Bearer {admin.token}")
        wait_for(lambda: open_streams.number == 1)
        (channel,) = channels(server)
        wait_for(lambda: channel.total_outbufs_len > streaming.MAX_UNSENT_BYTES)
        channel._pace_out = Pace(2, PATIENT.least_pace)  # only now: a busy machine may take long until here
        sizes = []
        wait_for(lambda: sizes.append(channel.total_outbufs_len) or open_streams.number == 0)
        assert max(sizes) < 600_000
        wait_for(lambda: not channels(server))
    assert 'larder_streams_ended_total{reason="slow client"} 1.0' in admin.client.get("/metrics").text


@ON_SQLITE
def test_a_client_that_there_is_no_space_for_is_not_counted_as_one_that_left(app, admin, monkeypatch):
    admin.declare("notes", FIELDS, feed=True)
    cursor = admin.get("/notes").json["meta"]["changes_cursor"]
    operations = [{"op": "create", "resource": "notes", "data": {"title": "x" * 90_000}}] * 10
    for _ in range(10):
        assert admin.post("/batch", json={"operations": operations}).status_code == 200
    monkeypatch.setattr(buffers, "MEMORY_BYTES", 1000)
    monkeypatch.setattr(spool.quota, "max_bytes", 0)
    monkeypatch.setattr(buffers.SpareBuffer, "quota", spool.Quota(1))
    path = f"/api/v1/changes/stream?resource=notes&data=true&after={cursor}"
    with serving(app) as (server, connect):
        connect(receive_bytes=4096).send(path, f"Authorization: Bearer {admin.token}")
        wait_for(lambda: 'ended_total{reason="no space"} 1.0' in admin.client.get("/metrics").text)
        wait_for(lambda: not channels(server))
