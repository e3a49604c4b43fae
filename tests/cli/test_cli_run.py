"""`flask run`: where it listens, what it prints, and its log on a terminal."""

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from tests.conftest import ON_SQLITE
from tests.parts.server import HOST, ROOT, WITHOUT_LIMITS, environment, held_port

pytestmark = ON_SQLITE
COMMAND = [sys.executable, "-m", "flask", "--app", str(ROOT / "wsgi.py"), "run"]


@pytest.fixture
def variables(tmp_path, database_url):
    """The environment of a development server on a database with the people in it."""
    with held_port() as port:
        settings = {"data_dir": tmp_path / "data", "database_url": database_url, "host": HOST, "port": port}
        yield environment(WITHOUT_LIMITS | settings)


@contextmanager
def terminal(folder, variables, *options):
    """Run `flask run` on a terminal, and yield a file with what it prints."""
    master, slave = pty.openpty()
    with os.fdopen(master, "r", encoding="utf-8") as screen:
        process = subprocess.Popen(
            [*COMMAND, *options], cwd=folder, env=variables, stdin=slave, stdout=slave, stderr=slave
        )
        os.close(slave)
        try:
            yield screen
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def lines_until(screen, end):
    """Return the lines that are printed up to the first that contains a text."""
    lines = []
    while not (lines and end in lines[-1]):
        lines.append(screen.readline().rstrip())
    return lines


def call(url, body=None):
    """Return the status of a response, as soon as the server listens."""
    request = urllib.request.Request(url, body and json.dumps(body).encode(), {"Content-Type": "application/json"})
    for _ in range(600):
        try:
            with urllib.request.urlopen(request, timeout=300) as response:
                return response.status
        except urllib.error.URLError:
            time.sleep(0.1)
    raise TimeoutError(url)


def test_on_a_terminal_it_prints_its_addresses_and_mails_that_can_be_read(tmp_path, variables):
    base = f"http://{HOST}:{variables['LARDER_PORT']}"
    with terminal(tmp_path, variables) as screen:
        addresses = lines_until(screen, "documentation")[-1]
        assert addresses == f"Larder answers at {base}/api/v1, its documentation is at {base}/docs"
        assert call(f"{base}/api/v1/auth/password/forgot", {"email": "alice@example.com"}) == 200
        lines = lines_until(screen, "#token=")
    assert lines[-1].startswith(f"    {base}/account/reset#token=")
    assert lines[-2] == ""
    assert any("\x1b[" in line and "/api/v1/auth/password/forgot" in line for line in lines)


def test_its_options_win_over_the_settings_and_its_log_is_json_elsewhere(tmp_path, variables):
    command = [*COMMAND, "--port", variables["LARDER_PORT"], "--host", "127.0.0.1"]
    variables |= {"LARDER_PORT": "1", "LARDER_HOST": "203.0.113.7"}
    with (tmp_path / "log").open("w+") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=variables, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            address = f"http://{HOST}:{command[-3]}"
            assert call(f"{address}/openapi.json") == 200
            assert f"Larder answers at {address}/api/v1," in lines_until(process.stdout, "Larder answers")[-1]
        finally:
            process.terminate()
            process.communicate(timeout=300)
        log.seek(0)
        assert [json.loads(line)["path"] for line in log] == ["/openapi.json"]


def test_a_taken_port_is_named(tmp_path, variables):
    with socket.create_server((HOST, 0)) as other:
        taken = variables | {"LARDER_PORT": str(other.getsockname()[1])}
        done = subprocess.run(COMMAND, cwd=tmp_path, env=taken, capture_output=True, text=True)
    reason = "another program uses that port. Set LARDER_PORT or stop the program."
    assert done.stderr == f"Error: Larder cannot listen on {HOST}:{taken['LARDER_PORT']}: {reason}\n"
    assert "Larder answers" not in done.stdout
