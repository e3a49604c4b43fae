"""The load: requests that wrk sends over keep-alive connections."""

import http.client
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

REPLAY = Path(__file__).with_name("replay.lua")
TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Request:
    """One HTTP request."""

    method: str
    path: str
    headers: dict = field(default_factory=dict)
    body: bytes = b""

    def raw(self):
        """Return the bytes of the request, as they are sent."""
        headers = {"Host": "localhost"} | self.headers | ({"Content-Length": len(self.body)} if self.body else {})
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + self.body

    def send(self, port):
        """Send the request to this port; return the status and the body of the response."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(self.method, self.path, self.body or None, self.headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def json_request(method, path, data=None, token=None, headers=()):
    """Return a Request with `data` as its JSON, and a bearer token if there is one."""
    headers = dict(headers) | ({"Authorization": f"Bearer {token}"} if token else {})
    if data is None:
        return Request(method, path, headers)
    return Request(method, path, headers | {"Content-Type": "application/json"}, json.dumps(data).encode())


def require_wrk():
    """End the program if wrk is not installed."""
    if not shutil.which("wrk"):
        sys.exit("The load generator wrk is missing. On Debian, run: apt-get install wrk")


def load(port, requests, connections, seconds, folder):
    """Send the requests in turn for some seconds; return what replay.lua measured, as a dict."""
    file = folder / "requests"
    file.write_bytes(b"".join(b"%d\n%b" % (len(raw), raw) for raw in (request.raw() for request in requests)))
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={TIMEOUT_SECONDS}s", f"-s{REPLAY}"]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}/", "--", file], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.partition("RESULT ")[2])
