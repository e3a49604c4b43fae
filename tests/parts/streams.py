"""Reads streams of changes."""

import http.client
import json
import subprocess
import threading
import time
from contextlib import contextmanager

from tests.parts.pages import read_blocks
from tests.parts.server import ROOT

PAGE = ROOT / "docs" / "api" / "streams.md"
WITHIN_SECONDS = 60


class Events:
    """The events of a stream: each call of `next` returns (event, data, id); a beat is ("beat", None, id)."""

    def __init__(self, read_line):
        self._read_line = read_line

    def next(self):
        """Return the next event; None at the end of the stream."""
        found = {}
        while line := self._read_line():
            name, _, value = line.rstrip("\n").partition(": ")
            if line != "\n":
                found[name] = value
            elif found.keys() - {"retry"}:
                data = json.loads(found["data"]) if "data" in found else None
                return found.get("event", "beat"), data, found.get("id")
            else:
                found = {}
        return None

    def take(self, count):
        """Return the data of the next changes, which may come between beats."""
        changes, deadline = [], time.monotonic() + WITHIN_SECONDS
        while len(changes) < count:
            event, data, _ = self.next()
            assert event == "change" or (event == "beat" and time.monotonic() < deadline), (event, data)
            changes += [data] if event == "change" else []
        return changes


@contextmanager
def open_stream(person, headers=(), **query):
    """Yield (the response, Events) of a stream in this process, read as it comes."""
    response = person.get("/changes/stream", query_string=query, headers=dict(headers), buffered=False)
    lines = (line for part in response.iter_encoded() for line in part.decode().splitlines(keepends=True))
    try:
        yield response, Events(lambda: next(lines, ""))
    finally:
        response.close()


@contextmanager
def connect_stream(address, token, query, headers=()):
    """Yield (the response, Events) of a stream of a server."""
    connection = http.client.HTTPConnection(address, timeout=WITHIN_SECONDS)
    headers = dict(headers) | ({"Authorization": f"Bearer {token}"} if token else {})
    connection.request("GET", f"/api/v1/changes/stream?{query}", headers=headers)
    response = connection.getresponse()
    try:
        yield response, Events(lambda: response.readline().decode())
    finally:
        response.close()
        connection.close()


def read_client(language):
    """Return the client of this language in docs/api/streams.md."""
    (found,) = [text for kind, _, text in read_blocks(PAGE) if kind == language and "follow(" in text]
    return found


def check_client(command, address, admin):
    """Run a client that follows parcels until the title is `end` and prints each title; check what it prints.

    `command` gets the address, a token and a cursor.
    """
    cursor = admin.call("GET", "/parcels")[1]["meta"]["changes_cursor"]
    assert admin.call("POST", "/parcels", {"title": "before"})[0] == 201
    client = subprocess.Popen([*command, address, admin.token, cursor], stdout=subprocess.PIPE, text=True)
    killer = threading.Timer(WITHIN_SECONDS, client.kill)
    killer.start()
    try:
        assert client.stdout.readline() == "before\n"
        for title in ("Käse\u2028\\n", "end"):
            assert admin.call("POST", "/parcels", {"title": title})[0] == 201
        assert client.communicate() == ("Käse\u2028\\n\nend\n", None)
    finally:
        killer.cancel()
        client.kill()
