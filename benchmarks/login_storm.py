"""What a storm of wrong passwords does to a signed-in reader: `python -m benchmarks.login_storm`.

One reader asks for one record over one connection, at a steady pace of 50 requests a second; at the same time eight
others, from another process, send wrong passwords as fast as they are answered. Quiet and stormy times take turns on
one server, first without limits and then with the defaults.
"""

import argparse
import collections
import http.client
import json
import multiprocessing
import re
import socket
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.parts.server import Caller, running_server

EMAIL, PASSWORD = "admin@example.com", "correct horse battery"
LIMITS = {
    "limits off": {"rate_limit": "off", "rate_limit_auth": "off"},
    "limits by default": {"rate_limit": "6000/minute", "rate_limit_auth": "10/minute;100/hour"},
}
STORMS = 8
READS_PER_SECOND = 50


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2, help="of quiet and storm, for each setting")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each storm and each quiet time")
    arguments = parser.parse_args()
    for name, limits in LIMITS.items():
        _compare(name, limits, arguments.rounds, arguments.seconds)


def _compare(name, limits, rounds, seconds):
    quiet, stormy, answers = [], [], collections.Counter()
    settings = {"admin_email": EMAIL, "admin_password": PASSWORD, "log_level": "WARNING"}
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder), **settings | limits) as address:
        token, path = _make_record(address)
        with _worker() as reader:
            for _ in range(rounds):
                quiet += reader.apply(_read, (address, token, path, seconds))
                with _worker() as attacker:
                    storm = attacker.apply_async(_storm, (address, seconds))
                    stormy += reader.apply(_read, (address, token, path, seconds))
                    answers += storm.get()
    print(name)
    for when, latencies in (("quiet", quiet), ("storm", stormy)):
        print(f"  {when}: p50 {_percentile(latencies, 50):6.2f} ms, p99 {_percentile(latencies, 99):6.2f} ms")
    print(f"  p99 of the storm is {_percentile(stormy, 99) / _percentile(quiet, 99):.1f} times that of the quiet")
    print(f"  answers to the storm, per second: { ({s: round(n / rounds / seconds) for s, n in answers.items()}) }")


def _worker():
    """Return a process, whose threads do not hold up this one's."""
    return multiprocessing.get_context("spawn").Pool(1)


def _make_record(address):
    with Caller(address) as admin:
        admin.sign_in(EMAIL, PASSWORD)
        admin.call("POST", "/resources", {"name": "notes", "fields": {"title": {"type": "string"}}})
        record = admin.call("POST", "/notes", {"title": "Milk"})[1]["data"]
    return admin.token, f"/api/v1/notes/{record['id']}"


def _read(address, token, path, seconds):
    """Return the milliseconds that each read took."""
    connection, latencies = http.client.HTTPConnection(address), []
    started = time.perf_counter()
    for number in range(int(seconds * READS_PER_SECOND)):
        time.sleep(max(0, started + number / READS_PER_SECOND - time.perf_counter()))
        asked = time.perf_counter()
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        response.read()
        latencies.append((time.perf_counter() - asked) * 1000)
        if response.status != 200:
            raise RuntimeError(f"The reader was answered {response.status}")
    connection.close()
    return latencies


def _storm(address, seconds):
    """Return how often each status answered the wrong passwords."""
    with ThreadPoolExecutor(STORMS) as threads:
        counts = [threads.submit(_guess, address, number, seconds) for number in range(STORMS)]
    return sum((count.result() for count in counts), collections.Counter())


def _guess(address, number, seconds):
    body = json.dumps({"email": f"victim{number}@example.com", "password": "a wrong password"})
    head = "POST /api/v1/auth/login HTTP/1.1\r\nHost: larder\r\nContent-Type: application/json"
    request = f"{head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    host, _, port = address.partition(":")
    answers, deadline = collections.Counter(), time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        with socket.create_connection((host, int(port))) as connection:
            answers[_exchange(connection, request)] += 1
    return answers


def _percentile(values, percent):
    return sorted(values)[int(len(values) * percent / 100)]


def _exchange(connection, request):
    """Send the bytes of a request, read the whole answer and return its status."""
    connection.sendall(request)
    answer = connection.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    missing = int(re.search(rb"Content-Length: (\d+)", head)[1]) - len(body)
    while missing > 0:
        missing -= len(connection.recv(65536))
    return int(head.split(None, 2)[1])


if __name__ == "__main__":
    main()
