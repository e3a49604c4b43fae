"""A server in this process, and clients on bare sockets: they read nothing, send slowly, or send all at once."""

import socket
import threading
import time
from contextlib import ExitStack, contextmanager

from backend.config.settings import Settings
from backend.middleware.connections.server import open_server
from backend.middleware.connections.timers import Times
from backend.utils import spool

BIG = 3 << 20
PATIENT = Times(idle=600, head=600, pace=600, sweep=0.05)
CLOSED_STATES = (7, 8)  # TCP_CLOSE and TCP_CLOSE_WAIT of the kernel's tcp_states.h


class Connection:
    """A connection to a server, closed by `with`. A small `receive_bytes` limits what the kernel buffers for it."""

    def __init__(self, port, receive_bytes=None):
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(60)
        self.socket.connect(("127.0.0.1", int(port)))
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, path, *headers, method="GET", version="1.1", body=b""):
        """Send a request and return the connection."""
        head = "\r\n".join([f"{method} {path} HTTP/{version}", "Host: larder", *headers, "", ""])
        self.socket.sendall(head.encode() + body)
        return self

    def read(self, method="GET"):
        """Return (status, headers by lower-case name, body) of the next response. Raises EOFError if there is none."""
        status = self.file.readline()
        if not status:
            raise EOFError("The connection is closed.")
        headers = dict(iter(self._header, None))
        return int(status.split()[1]), headers, self._body(int(status.split()[1]), headers, method)

    def _header(self):
        line = self.file.readline().decode().strip()
        if not line:
            return None
        name, _, value = line.partition(": ")
        return name.lower(), value

    def _body(self, status, headers, method):
        if method == "HEAD" or status in (204, 304):
            return b""
        if "content-length" in headers:
            return self.file.read(int(headers["content-length"]))
        if headers.get("transfer-encoding") != "chunked":
            return self.file.read()
        body = b""
        while size := int(self.file.readline(), 16):
            body += self.file.read(size)
            self.file.readline()
        self.file.readline()
        return body

    def is_closed(self, seconds=60):
        """Return whether the server closes the connection within `seconds`; read nothing of what it sends."""
        deadline = time.monotonic() + seconds
        while self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] not in CLOSED_STATES:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True


class App:
    """A WSGI app with responses of several kinds.

    `/big` and `/pieces` have BIG bytes, `/nothing` and `/empty` no body. `/wait` returns when `release` is set. All
    other paths have a short body, or that of the request.
    """

    def __init__(self):
        self.release, self.answered = threading.Event(), []

    def __call__(self, environ, start_response):
        path = environ["PATH_INFO"]
        body = environ["wsgi.input"].read()
        self.answered.append(path)
        if path == "/wait":
            self.release.wait()
        if path == "/nothing":
            start_response("304 Not Modified", [("ETag", '"1"')])
            return []
        if path == "/empty":
            start_response("204 No Content", [])
            return []
        if path == "/pieces":
            start_response("200 OK", [])
            return (b"x" * 65536 for _ in range(BIG // 65536))
        content = b"x" * BIG if path == "/big" else body or b"short"
        start_response("200 OK", [("Content-Length", str(len(content)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [content]


@contextmanager
def serving(app, times=PATIENT, most=None, threads=2):
    """Serve a WSGI app in this process; yield the server, and a function that connects to it."""
    stopped = threading.Event()
    with socket.socket() as listener, ExitStack() as clients:
        listener.bind(("127.0.0.1", 0))
        server = open_server(app, listener, Settings(threads=threads), times)
        server.max_connections = most or server.max_connections

        def loop():
            while not stopped.is_set():
                server.turn()

        def connect(**options):
            return clients.enter_context(Connection(server.effective_port, **options))

        looping = threading.Thread(target=loop)
        looping.start()
        try:
            yield server, connect
        finally:
            stopped.set()
            server.pull_trigger()
            looping.join()
            server.lanes.shutdown()
            for channel in list(server.active_channels.values()):
                channel.abort()
            server.trigger.close()
            spool.quota.when_full = lambda: None
    assert spool.quota.reserved == 0


def connect(address):
    """Return a connection to an address such as `127.0.0.1:8000`."""
    host, _, port = address.partition(":")
    return socket.create_connection((host, int(port)), timeout=60)


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def channels(server):
    """Return the open connections of a server, as it knows them."""
    return list(server.active_channels.values())
