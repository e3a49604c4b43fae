"""Backups while others write.

`BACKUP_SECONDS=60 python -m pytest -s tests/backups/test_backups_under_load.py` is the long form
waited.
"""

import json
import os
import threading
import time

from backend.models.database import connected, database
from tests.conftest import PASSWORD
from tests.parts.backups import other_machine
from tests.parts.server import Caller, running_server

SECONDS = float(os.environ.get("BACKUP_SECONDS", 3))
WRITERS = 8
FIELDS = {"number": {"type": "integer", "required": True}, "text": {"type": "text"}}


class Writer(threading.Thread):
    """A client that creates record after record, and knows when each was acknowledged."""

    def __init__(self, address, token, first, stop):
        super().__init__()
        self.acknowledged, self.longest_wait = {}, 0
        self._address, self._token, self._first, self._stop_asked = address, token, first, stop

    def run(self):
        number = self._first
        with Caller(self._address, self._token) as caller:
            while not self._stop_asked.is_set():
                began = time.monotonic()
                status, answer = caller.call("POST", "/lines", {"number": number, "text": "x" * 500})
                assert status == 201, answer
                self.acknowledged[number] = time.monotonic()
                self.longest_wait = max(self.longest_wait, self.acknowledged[number] - began)
                number += 1


def test_each_backup_has_all_that_was_acknowledged_before_it_began(database_url, request, tmp_path):
    stop, began = threading.Event(), {}
    with running_server(tmp_path, database_url=database_url) as address, Caller(address) as admin:
        admin.sign_in("admin@example.com", PASSWORD)
        admin.call("POST", "/resources", {"name": "lines", "fields": FIELDS})
        writers = [Writer(address, admin.token, i * 1_000_000, stop) for i in range(WRITERS)]
        for writer in writers:
            writer.start()
        end = time.monotonic() + SECONDS
        while (moment := time.monotonic()) < end or len(began) < 2:
            status, answer = admin.call("POST", "/backups")
            assert status == 201, answer
            began[answer["data"]["name"]] = moment
            time.sleep(max(0, moment + 1 - time.monotonic()))
        stop.set()
        for writer in writers:
            writer.join()
    assert len(began) >= 2
    assert all(writer.acknowledged for writer in writers)
    print(
        json.dumps({"backups": len(began), "longest wait of a writer, s": max(each.longest_wait for each in writers)})
    )
    for name, moment in began.items():
        expected = {number for each in writers for number, when in each.acknowledged.items() if when < moment}
        assert expected <= _numbers_in(request, tmp_path / "backups" / name, tmp_path / name)


def _numbers_in(request, path, folder):
    """Return the numbers of the records in a backup, restored into an installation of its own."""
    with other_machine(request, request.getfixturevalue("settings"), folder) as run:
        result = run("restore", path)
        assert result.exit_code == 0, result.output
        with connected():
            return {number for (number,) in database.execute_sql("SELECT number FROM lines").fetchall()}
