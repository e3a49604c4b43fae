"""Backups while clients upload, attach, replace and delete files.

`BACKUP_SECONDS=60 python -m pytest -s tests/backups/test_files_under_load.py` is the long form.
"""

import json
import os
import random
import threading
import time

from tests.conftest import PASSWORD
from tests.helpers import OPEN
from tests.parts.backups import contents, other_machine
from tests.parts.files import WITH_FILES
from tests.parts.server import Caller, running_server

SECONDS = float(os.environ.get("BACKUP_SECONDS", 3))
CLIENTS = 4
LARGEST_BYTES = 300_000


class Client(threading.Thread):
    """A client that changes which files its records have, and knows since when and until when each was attached."""

    def __init__(self, address, token, seed, stop):
        super().__init__()
        self.attached, self.detached = {}, {}  # moments by id: that of the response, and that of the request
        self._address, self._token, self._random, self._stop_asked = address, token, random.Random(seed), stop
        self._file_of = {}  # by record

    def run(self):
        with Caller(self._address, self._token) as self._caller:
            while not self._stop_asked.is_set():
                record = self._random.choice([None, *self._file_of])
                if record and self._random.random() < 0.3:
                    self._call("DELETE", f"/places/{record}", record, None)
                else:
                    self._set(record, self._upload())

    def _upload(self):
        content = self._random.randbytes(self._random.randrange(1, LARGEST_BYTES))
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/octet-stream"}
        self._caller.connection.request("POST", "/api/v1/files", content, headers)
        response = self._caller.connection.getresponse()
        answer = json.loads(response.read())
        assert response.status == 201, answer
        return answer["data"]["id"]

    def _set(self, record, file):
        if record:
            self._call("PATCH", f"/places/{record}", record, file)
        else:
            self._call("POST", "/places", None, file)

    def _call(self, method, path, record, file):
        if record:
            self.detached[self._file_of.pop(record)] = time.monotonic()
        status, answer = self._caller.call(method, path, {"photo": file} if file else None)
        assert status in (200, 201), answer
        if file:
            self.attached[file] = time.monotonic()
            self._file_of[answer["data"]["id"]] = file


def test_each_backup_has_every_file_that_its_records_name(database_url, request, settings, tmp_path):
    stop, made = threading.Event(), {}
    with running_server(tmp_path, database_url=database_url) as address, Caller(address) as admin:
        admin.sign_in("admin@example.com", PASSWORD)
        admin.call("POST", "/resources", {"name": "places", "fields": WITH_FILES, "access": OPEN})
        clients = [Client(address, admin.token, number, stop) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        end = time.monotonic() + SECONDS
        while (began := time.monotonic()) < end or len(made) < 2:
            status, answer = admin.call("POST", "/backups")
            assert status == 201, answer
            made[answer["data"]["name"]] = began, time.monotonic()
            time.sleep(max(0, began + 1 - time.monotonic()))
        stop.set()
        for client in clients:
            client.join()
    uploads = sum(len(client.attached) for client in clients)
    print(json.dumps({"backups": len(made), "uploads": uploads}))
    (tmp_path / "files").rename(tmp_path / "lost")
    for name, (began, ended) in made.items():
        with other_machine(request, settings, tmp_path / name) as run:
            result = run("restore", tmp_path / "backups" / name)
            assert result.exit_code == 0, result.output
            found = set(contents())
        for client in clients:
            gone = {file for file, moment in client.detached.items() if moment < ended}
            assert {file for file, moment in client.attached.items() if moment < began} - gone <= found
