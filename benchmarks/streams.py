"""What streams of changes cost: `python -m benchmarks.streams`.

One process answers reads and writes, a second one serves 300 streams of 30 users. In each round the waits of paced
requests to the first process are measured twice, without and with the streams, which receive each write. Then single
records are changed, and the time is taken from the response to the writer until the last client has the change. At the
end 100 clients vanish. The second process has less weight, as larder-streams.service gives it. With `--postgres` on
Postgres. The section of `benchmarks/results/scale.md` is written anew.
"""

import itertools
import os
import selectors
import socket
import statistics
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.paced import NOTES, parse_options, waits, waits_table
from benchmarks.processes import PASSWORD, database, running
from benchmarks.soak_load import declare, expect
from benchmarks.tables import replace_section
from tests.parts.server import Caller

STREAMS, USERS, VANISHING, SINGLE = 300, 30, 100, 15
NICE = 5  # a third of the weight
PAUSE_SECONDS = 0.05  # of a client between a read and a write and the next
SECRET = {"type": "string", "readable_by": ["admin"]}  # so that readers see less than all fields


def main():
    """Measure, print and write."""
    options = parse_options(__doc__, 8)
    with tempfile.TemporaryDirectory() as folder, database(folder, postgres=options.postgres) as url:
        settings = {"database_url": url, "log_level": "WARNING", "jobs": "off", "data_dir": folder}
        logs = Path(folder) / "streams"
        logs.mkdir()
        with running(folder, 1, **settings) as (ordinary,), running(logs, 1, streams=STREAMS, **settings) as (live,):
            lines = _measure(ordinary, live, options)
    replace_section(f"Streams of changes, {'Postgres' if options.postgres else 'SQLite'}", lines)


def _measure(ordinary, live, options):
    for thread in os.listdir(f"/proc/{live.pid}/task"):
        os.setpriority(os.PRIO_PROCESS, int(thread), NICE)
    admin = ordinary.caller()
    declare(admin, "notes", NOTES | {"fields": NOTES["fields"] | {"secret": SECRET}})
    tokens, before = _tokens(admin, ordinary), live.rss_mb
    without, with_streams = [], []
    for _ in range(options.rounds):
        without.append(waits(ordinary, options.seconds, PAUSE_SECONDS, _reads_and_updates))
        with Readers(live, tokens):
            with_streams.append(waits(ordinary, options.seconds, PAUSE_SECONDS, _reads_and_updates))
    with Readers(live, tokens) as readers, ordinary.caller() as admin:
        delays = sorted(_delay(admin, readers) for _ in range(SINGLE))
        memory, used = live.rss_mb, live.cpu_seconds
        time.sleep(options.seconds)
        idle = (live.cpu_seconds - used) / options.seconds
        descriptors, freed = live.descriptors, _vanish(readers, live)
    return [
        *waits_table([("without streams", without), (f"with {STREAMS} streams", with_streams)]),
        "",
        f"A change reaches the last of {STREAMS} clients {statistics.median(delays) * 1000:.0f} ms after the response "
        f"to its writer (median of {SINGLE}), at most {delays[-1] * 1000:.0f} ms. The process has {before:.0f} MiB "
        f"before its first stream and {memory:.0f} MiB with {STREAMS}, {descriptors} descriptors, and uses "
        f"{idle * 100:.1f} % of a core while nothing is written. When {VANISHING} clients vanish, their threads are "
        f"free after {freed:.1f} s.",
    ]


def _tokens(admin, server):
    emails = [f"reader{number}@example.com" for number in range(USERS)]
    for email in emails:
        expect(admin, "POST", "/users", {"email": email, "name": "R", "password": PASSWORD}, status=201)
    return [Caller(server.address).sign_in(email, PASSWORD).token for email in emails]


class Readers:
    """Clients with STREAMS streams, read by one thread, which notes when each has received the latest change."""

    def __init__(self, server, tokens):
        self.server, self._tokens, self._selector = server, tokens, selectors.DefaultSelector()
        self.sockets, self._over, self._has_all = [], threading.Event(), threading.Event()
        self._waiting, self._mark = set(), b""

    def __enter__(self):
        host, _, port = self.server.address.partition(":")
        for number in range(STREAMS):
            client = socket.create_connection((host, int(port)), timeout=60)
            token = self._tokens[number % USERS]
            head = "GET /api/v1/changes/stream?resource=notes HTTP/1.1\r\nHost: larder\r\n"
            client.sendall(f"{head}Authorization: Bearer {token}\r\n\r\n".encode())
            self.sockets.append(client)
        for client in self.sockets:
            assert client.recv(2000).startswith(b"HTTP/1.1 200")
            self._selector.register(client, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
        for client in self.sockets:
            client.close()
        while _open_streams(self.server):
            time.sleep(0.05)

    def expect(self, mark):
        """Wait from now on until all clients have received this text."""
        self._has_all.clear()
        self._waiting, self._mark = set(self.sockets), mark

    def wait(self):
        """Return when the last client has received it."""
        assert self._has_all.wait(60)
        return self._at

    def vanish(self, count):
        """Close the connections of some clients."""
        for client in self.sockets[:count]:
            self._selector.unregister(client)
            client.close()
        del self.sockets[:count]

    def _read(self):
        while not self._over.is_set():
            for key, _ in self._selector.select(0.1):
                received = key.fileobj.recv(1 << 16)
                if self._mark and self._mark in received:
                    self._waiting.discard(key.fileobj)
                    if not self._waiting:
                        self._at = time.perf_counter()
                        self._has_all.set()


def _delay(admin, readers):
    """Return the seconds from the response to a writer until the last client has received the change."""
    _, made = expect(admin, "POST", "/notes", {"title": "x"}, status=201)
    readers.expect(f'"id":"{made["data"]["id"]}","action":"update"'.encode())
    expect(admin, "PATCH", f"/notes/{made['data']['id']}", {"title": "y"})
    began = time.perf_counter()
    return readers.wait() - began


def _vanish(readers, live):
    began = time.perf_counter()
    readers.vanish(VANISHING)
    while _open_streams(live) > STREAMS - VANISHING:
        time.sleep(0.02)
    return time.perf_counter() - began


def _open_streams(server):
    with Caller(server.address) as caller:
        caller.connection.request("GET", "/metrics")
        text = caller.connection.getresponse().read().decode()
    return float(text.partition("\nlarder_streams ")[2].partition("\n")[0])


def _reads_and_updates(caller):
    """Yield, again and again, a read and an update of a note."""
    _, answer = expect(caller, "POST", "/notes", {"title": "0"}, status=201)
    path = f"/notes/{answer['data']['id']}"
    for number in itertools.count():
        yield [("GET", path, None, 200), ("PATCH", path, {"title": str(number)}, 200)]


if __name__ == "__main__":
    main()
