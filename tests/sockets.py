"""A client on a bare socket, for what proper clients do not do: read nothing, send slowly, send all at once."""

import socket
import time

CLOSED_STATES = (7, 8)  # TCP_CLOSE and TCP_CLOSE_WAIT of the kernel's tcp_states.h


class Connection:
    """A connection to a server; `with` closes it. With a small `receive_bytes` the kernel takes little for it."""

    def __init__(self, port, receive_bytes=None):
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(20)
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
        """Return (status, headers by lower-case name, body) of the next answer; raises EOFError if there is none."""
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

    def is_closed(self, seconds=10):
        """Tell whether the server closes the connection in time, without reading what it sends."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in CLOSED_STATES:
                return True
            time.sleep(0.02)
        return False
