"""A browser, and a real Caddy with the configuration of deploy/."""

import http.client
import json
import socket
import ssl
import subprocess
import time
from contextlib import closing, contextmanager, suppress

from tests.deploy.machine import HOST
from tests.parts.server import ROOT, held_port

CLIENT = "127.0.0.2"  # another address of this machine than the proxy's
GLOBAL = "{\n\tskip_install_trust\n\tadmin off\n\thttp_port HTTP\n"
SITE = f"{{$DOMAIN:{HOST}}} {{"


class Browser:
    """A client at an address of its own, that trusts the CA of the proxy and keeps the cookies it is sent."""

    def __init__(self, port, authority):
        self._port, self._context = port, ssl.create_default_context(cafile=authority)

    def send(self, method, path, body=None, headers=()):
        """Return (status, headers, body) of an answer."""
        with self.sent(method, path, body, headers) as answer:
            return answer.status, answer.headers, answer.read()

    @contextmanager
    def sent(self, method, path, body=None, headers=()):
        """Yield an answer whose body has not been read."""
        connection = http.client.HTTPSConnection(HOST, self._port)
        plain = socket.create_connection(("127.0.0.1", self._port), source_address=(CLIENT, 0))
        connection.sock = self._context.wrap_socket(plain, server_hostname=HOST)
        headers = {"Content-Type": "application/json", "Host": HOST} | dict(headers)
        with closing(connection):
            with suppress(OSError):  # the proxy may respond and close before the whole body was sent
                connection.request(method, path, json.dumps(body) if isinstance(body, dict) else body, headers)
            yield connection.getresponse()

    def api(self, method, path, body=None, **headers):
        """Return (status, data or error) of a call."""
        status, _, content = self.send(method, f"/api/v1{path}", body, headers)
        answer = json.loads(content)
        return status, answer.get("data", answer.get("error"))


@contextmanager
def running_caddy(folder, upstream, change=lambda text: text, streams=None):
    """Run Caddy with the Caddyfile of deploy/, which gets ports and a certificate of its own CA; yield (port, CA).

    `change` may change the text of the Caddyfile; `streams` is the address of another process for streams.
    """
    with held_port() as port, held_port() as plain_port, held_port() as nobody:
        streams = streams or f"127.0.0.1:{nobody}"
        with _caddy(folder, {"UPSTREAM": upstream, "STREAMS": streams}, change, port, plain_port) as authority:
            yield port, authority


@contextmanager
def _caddy(folder, variables, change, port, plain_port):
    text = change((ROOT / "deploy" / "Caddyfile").read_text())
    text = text.replace("{\n", GLOBAL.replace("HTTP", str(plain_port)), 1)
    (folder / "Caddyfile").write_text(text.replace(SITE, f"{SITE}\n\ttls internal", 1))
    authority = folder / "caddy/pki/authorities/local/root.crt"
    variables = {"PATH": "/usr/bin", "DOMAIN": f"{HOST}:{port}"} | variables
    homes = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(folder))
    command = ["caddy", "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile"]
    with (folder / "caddy.log").open("wb") as log:
        process = subprocess.Popen(command, env=homes | variables, stdout=log, stderr=log)
        try:
            wait_for_tls(authority, port, process, folder / "caddy.log")
            yield authority
        finally:
            process.terminate()
            process.wait(120)


def wait_for_tls(authority, port, process, log):
    deadline = time.monotonic() + 120
    while True:
        try:
            context = ssl.create_default_context(cafile=authority)
            with socket.create_connection(("127.0.0.1", port)) as plain:
                context.wrap_socket(plain, server_hostname=HOST).close()
                return
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
