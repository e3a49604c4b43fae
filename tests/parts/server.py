"""Real server processes: `python wsgi.py`, started, waited for and stopped as an operator does it."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager

from tests.parts.forks import ROOT, Fork, Forker

START_SECONDS = STOP_SECONDS = 120  # a machine may be suspended, and a server may take 30 to stop
KEPT_SECONDS = 10  # a server closes a connection after 15 without a request
HOST = "127.0.0.1"
# No request fails because of earlier ones or because the machine is busy, and no line of the log says that it is.
WITHOUT_LIMITS = {
    "rate_limit": "off",
    "rate_limit_auth": "off",
    "database_timeout_seconds": 60,
    "query_timeout_seconds": 60,
    "slow_query_ms": 60_000,
}
# Starts a process with a socket as systemd does, see sd_listen_fds(3): descriptor 3, and its own process id.
WITH_SOCKET = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$1" 3<&"$2"'

_forker = Forker()


@contextmanager
def running_servers(folder, count=1, root=ROOT, stderr=None, forked=True, **settings):
    """Start `count` servers and yield their addresses, such as `127.0.0.1:41234`, when all of them are ready.

    `root` is the checkout that they run from. By default they are forks, which start faster. With a different checkout,
    or with `forked=False`, each is a new `python wsgi.py`. `stderr` is the file for their log lines, by default
    `server<number>.log`, which also has their standard output.

    `settings` are settings of config/settings.py by name. Nothing else is read from the environment or a `.env`. Data
    and logs are in `folder`. Raises RuntimeError if a server does not become ready. After the block the servers are
    stopped with SIGTERM, and the exit status of each must be 0.
    """
    with ExitStack() as stack:
        logs = [folder / f"server{i}.log" for i in range(count)]
        servers = [stack.enter_context(_server(log, settings, folder, root, stderr, forked)) for log in logs]
        for process, address, log in servers:
            _wait_until_ready(process, address, log)
        yield [address for _, address, _ in servers]


@contextmanager
def running_server(folder, **settings):
    """Start one server as running_servers does and yield its address."""
    with running_servers(folder, **settings) as (address,):
        yield address


@contextmanager
def doomed_server(folder, **settings):
    """Start one server as running_servers does, and yield its address and its process, which may be killed."""
    with _server(folder / "server0.log", settings, folder, doomed=True) as (process, address, log):
        _wait_until_ready(process, address, log)
        yield address, process


@contextmanager
def _server(log, settings, folder, root=ROOT, stderr=None, forked=True, doomed=False):
    with held_port() as port, log.open("wb") as output:
        # A folder where no `.env` of the developer is found.
        variables = environment(WITHOUT_LIMITS | {"data_dir": folder, "host": HOST, "port": port} | settings)
        process = start_process(folder, variables, output, stderr or output, root=root, forked=forked)
        try:
            yield process, f"{HOST}:{settings.get('port', port)}", log
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            finally:
                process.kill()
                process.wait()
        assert doomed or process.returncode == 0, log.read_text()


def start_process(folder, variables, stdout, stderr, *, listener=None, root=ROOT, forked=True) -> Fork:
    """Start `python wsgi.py` in a folder, listening on `listener` if it is given; return the process."""
    if forked and root == ROOT and _concern_no_interpreter(variables):
        files = [stdout, stderr] if listener is None else [stdout, stderr, listener]
        return _forker.fork(folder, variables, *(file if isinstance(file, int) else file.fileno() for file in files))
    command, options = [sys.executable, root / "wsgi.py"], {"stdout": stdout, "stderr": stderr}
    if listener is not None:
        command, options["pass_fds"] = (
            ["bash", "-c", WITH_SOCKET, *command, str(listener.fileno())],
            [listener.fileno()],
        )
    return subprocess.Popen(command, cwd=folder, env=variables, **options)


def _concern_no_interpreter(variables):
    """Return whether a fork can have these variables: all that differ from our own are read by the server itself."""
    ours = {"NOTIFY_SOCKET", "PATH", *(name for name in variables | os.environ if name.startswith("LARDER_"))}
    return {name for name, _ in variables.items() ^ os.environ.items()} <= ours


@contextmanager
def held_port():
    """Yield a free port that is reserved for the block, and on which a server can listen all the same."""
    # Two sockets with SO_REUSEADDR may share a port as long as only one listens. Linux does not give such a port to a
    # third socket that asks for any free port.
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((HOST, 0))
        yield holder.getsockname()[1]


def environment(settings):
    """Return the environment of a process with these settings and no others."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LARDER_")}
    return inherited | {f"LARDER_{name.upper()}": str(value) for name, value in settings.items()}


def _wait_until_ready(process, address, log):
    deadline = time.monotonic() + START_SECONDS
    while not _is_ready(address):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"The server did not get ready:\n{log.read_text()}")
        time.sleep(0.05)


def _is_ready(address):
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


class KeptConnection(http.client.HTTPConnection):
    """A connection that is opened again if it was not used for so long that the server may have closed it."""

    _used_at = 0.0

    def request(self, *arguments, **options):
        """Send a request."""
        if time.monotonic() - self._used_at > KEPT_SECONDS:
            self.close()
        self._used_at = time.monotonic()
        super().request(*arguments, **options)


class Caller:
    """A client whose one connection stays open until the end of a `with` block."""

    def __init__(self, address, token=None):
        self.connection = KeptConnection(address, timeout=120)
        self.token = token

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def call(self, method, path, data=None, headers=()):
        """Send `data` as JSON, or bytes as a file, to a path below `/api/v1`; return (status, JSON of the response)."""
        headers = dict(headers) | ({"Authorization": f"Bearer {self.token}"} if self.token else {})
        body = data if data is None or isinstance(data, bytes) else json.dumps(data)
        if body is not None:
            headers["Content-Type"] = "application/octet-stream" if isinstance(data, bytes) else "application/json"
        self.connection.request(method, f"/api/v1{path}", body, headers)
        response = self.connection.getresponse()
        return response.status, json.loads(response.read())

    def sign_in(self, email, password):
        """Sign in, send the token with all later calls, and return the caller itself."""
        status, answer = self.call("POST", "/auth/login", {"email": email, "password": password})
        assert status == 200, answer
        self.token = answer["data"]["access_token"]
        return self
