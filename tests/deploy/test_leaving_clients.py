"""Clients that leave a stream behind a real Caddy."""

import socket
import subprocess

import pytest

from tests.deploy.machine import HOST
from tests.deploy.proxies import running_caddy


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_caddy_leaves_a_stream_when_its_client_leaves(tmp_path, version):
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        running_caddy(tmp_path, "127.0.0.1:1", streams=f"127.0.0.1:{listener.getsockname()[1]}") as (port, authority),
    ):
        listener.settimeout(60)
        url = f"https://{HOST}:{port}/api/v1/changes/stream"
        command = ["curl", "-sN", version, "--cacert", authority, "--resolve", f"{HOST}:{port}:127.0.0.1", url]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as client, listener.accept()[0] as upstream:
            upstream.settimeout(60)
            assert upstream.recv(65536).startswith(b"GET /api/v1/changes/stream")
            upstream.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nid: 1\n\n")
            assert client.stdout.readline() == b"id: 1\n"  # at once, although nothing follows
            client.kill()
            assert upstream.recv(1) == b""
