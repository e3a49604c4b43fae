"""What lists cost a process that has no index for their order: keys and ids, not the records."""

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.parts.server import Caller, doomed_server

AT_ONCE = 8
ROWS = int(os.environ.get("LARDER_TEST_ROWS", "20000"))  # the long form takes 200,000
TEXT_BYTES = 500
KEY_BYTES = 150  # of a row in a sort: its key, its id and what the sort needs beside them
SLACK_BYTES = 25_000_000
EMAIL, PASSWORD = "owner@example.com", "correct horse battery"
NOTES = {
    "name": "notes",
    "fields": {"rank": {"type": "integer"}, "text": {"type": "string", "max_length": 1000}},
    "access": {"list": ["public"]},
}
FILL = """
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
    INSERT INTO notes (id, created_at, updated_at, version, rank, text)
    SELECT printf('01970000-0000-7000-8000-%012x', n), '2026-01-01T00:00:00.000000Z', '2026-01-01T00:00:00.000000Z', 1,
        (n * 7919) % 1000003, printf('%.*c', ?, 'x')
    FROM numbers
"""


def peak_bytes(process):
    """Return the most memory that a process has had."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def at_once(address, path, count=AT_ONCE):
    """Send so many requests for a list at once, and return how many records each answer has."""

    def length(_):
        with Caller(address) as caller:
            status, answer = caller.call("GET", path)
        assert status == 200, answer
        return len(answer["data"])

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(length, range(count)))


@pytest.fixture
def server(tmp_path):
    """The address and the process of a server with notes."""
    settings = {"admin_email": EMAIL, "admin_password": PASSWORD, "threads": AT_ONCE, "query_timeout_seconds": 120}
    with doomed_server(tmp_path, **settings) as (address, process):
        with Caller(address) as caller:
            status, answer = caller.sign_in(EMAIL, PASSWORD).call("POST", "/resources", NOTES)
        assert status == 201, answer
        with sqlite3.connect(tmp_path / "larder.db") as connection:
            connection.execute(FILL, (ROWS, TEXT_BYTES))
        connection.close()
        yield address, process


def test_a_deep_page_without_an_index_holds_keys_only(server):
    address, process = server
    reach = min(ROWS, 100_000)
    # Reads the whole table, so often that no thread is idle: then each has its connection, and that its cache.
    many = 4 * AT_ONCE
    assert at_once(address, "/notes?text__contains=y&count=false", many) == [0] * many
    before = peak_bytes(process)
    assert at_once(address, f"/notes?sort=rank&per_page=200&page={reach // 200}&count=false") == [200] * AT_ONCE
    added = peak_bytes(process) - before
    assert added < AT_ONCE * reach * KEY_BYTES + SLACK_BYTES, f"{added:,}"
    assert AT_ONCE * reach * KEY_BYTES + SLACK_BYTES < AT_ONCE * ROWS * TEXT_BYTES  # it can fail
