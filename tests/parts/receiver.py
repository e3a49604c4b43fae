"""A real receiver of webhooks that keeps what it gets, and answers as a test wants."""

import json
import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

WAIT_SECONDS = 60


class Message(NamedTuple):
    """A request: its headers have names in lower case."""

    path: str
    headers: dict
    body: bytes

    @property
    def json(self):
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def id(self):
        """The id of the message, which is the same at each attempt."""
        return self.headers["webhook-id"]


class Receiver:
    """Keeps each message, and answers it with `answer(message)`: a status, or a status with headers."""

    def __init__(self):
        self.messages, self.answer = [], lambda message: 204
        self.url = self.port = None

    def take(self, number=None):
        """Return the messages since the last call; wait for as many as `number`."""
        deadline = time.monotonic() + WAIT_SECONDS
        while number is not None and len(self.messages) < number and time.monotonic() < deadline:
            time.sleep(0.02)
        taken, self.messages = self.messages, []
        assert number is None or len(taken) == number, taken
        return taken


@contextmanager
def receiver(certificate=None, key=None):
    """Yield a Receiver on 127.0.0.1; with the paths of a certificate and its key, it speaks TLS."""
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers["content-length"]))
            message = Message(self.path, headers, body)
            state.messages.append(message)
            answer = state.answer(message)
            status, more = answer if isinstance(answer, tuple) else (answer, {})
            self.send_response(status)
            for name, value in {"Content-Length": "0", **more}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *arguments: None  # clients may hang up
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    state.port = server.server_address[1]
    state.url = f"{'https' if certificate else 'http'}://127.0.0.1:{state.port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def raw_receiver(serve):
    """Yield the port of a server that calls `serve(connection)` in a thread for each connection, then closes it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run(connection):
        with connection, suppress(OSError):  # the client may hang up
            serve(connection)

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=run, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def make_certificate(folder, name):
    """Return the paths of a certificate for a host, signed by itself, and of its key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    new = ["openssl", "req", "-x509", *subject, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*new, "-days", "2", "-out", certificate, "-keyout", key], check=True, capture_output=True)
    return certificate, key
