"""Clients that write to records of their own, alone and in batches, and note what came of it in the ledger."""

import random
import threading
import time
import uuid

from tests.conftest import PASSWORD
from tests.parts.server import Caller
from tests.torture.ledger import ABSENT, CLIENT_SECONDS, EMAIL, FAILED, Change

MAX_FILE_BYTES = 200_000
REFUSED = (503, 507)
UNKNOWN = (503, None)  # the write may have been carried out
DELETED = 0.3  # the share of records that are deleted by their client


class Ticket:
    """The access token that all clients share: the limit on sign-ins would refuse one for each of them."""

    def __init__(self, address):
        self._address, self._token, self._lock = address, None, threading.Lock()

    def token(self):
        """Return the token, got by signing in at the first call; raises one of FAILED."""
        with self._lock:
            if self._token is None:
                with Caller(self._address) as caller:
                    caller.connection.timeout = CLIENT_SECONDS
                    status, answer = caller.call("POST", "/auth/login", {"email": EMAIL, "password": PASSWORD})
                if status != 200:
                    raise ValueError(status)
                self._token = answer["data"]["access_token"]
            return self._token

    def lapse(self, token):
        """Sign in anew at the next call, unless somebody has done so."""
        with self._lock:
            if self._token == token:
                self._token = None


class Client(threading.Thread):
    """Somebody who creates, changes and deletes records of their own, alone and in batches, until `stop` is set.

    With `sends_files`, all of them have files.
    """

    def __init__(self, address, ticket, ledger, number, *, sends_files=False):
        super().__init__(daemon=True)
        own = [self._single, self._single, self._single, self._batch, self._repeated, self._with_file]
        self._deeds = [self._with_file] if sends_files else own
        self._ticket, self._ledger, self._random = ticket, ledger, random.Random(number)
        self._address, self._caller, self.stop = address, None, threading.Event()

    def run(self):
        while not self.stop.is_set():
            key = uuid.uuid4().hex
            self._random.choice(self._deeds)(key)
        self._hang_up()

    def _send(self, method, path, data=None, headers=(), *, makes=(), began=None):
        """Return (status, answer); (None, None) where no whole answer came.

        `makes` are the changes that the write makes, as far as they are known before, and `began` is when it was sent
        for the first time.
        """
        began = began or time.monotonic()
        try:
            if self._caller is None:
                self._caller = Caller(self._address, self._ticket.token())
                self._caller.connection.timeout = CLIENT_SECONDS
            status, answer = self._caller.call(method, path, data, headers)
        except FAILED:
            status, answer = None, None
        is_acknowledged = status in (200, 201)
        self._ledger.note(status, changes=(makes or _creations(path, answer)) if is_acknowledged else (), began=began)
        if status in UNKNOWN:
            self._ledger.possible.update(makes)
        if status == 401:
            self._ticket.lapse(self._caller.token)
        if status in (401, None):
            self._hang_up()
        if status in (401, None, *REFUSED):
            self.stop.wait(0.2)
        elif status >= 500:
            self._ledger.odd.append((method, path, status, answer))
        return status, answer

    def _hang_up(self):
        if self._caller is not None:
            self._caller.connection.close()
            self._caller = None

    def _wrote(self, key, status, state):
        """Note what a write may have left; return whether it was acknowledged."""
        states = self._ledger.states[key]
        if status in (200, 201):
            states.clear()
        if status in (200, 201, *UNKNOWN):
            states.add(state)
        return status in (200, 201)

    def _created(self, key, status):
        """Note that a record may have been created; return whether it was."""
        if is_acknowledged := self._wrote(key, status, 0):
            self._ledger.possible_keys.discard(key)
        elif status in UNKNOWN:
            self._ledger.possible_keys.add(key)
        return is_acknowledged

    def _single(self, key):
        status, answer = self._send("POST", "/entries", {"code": key, "value": 0, "text": "x" * 200})
        if not self._created(key, status):
            return
        record = answer["data"]
        for value in range(1, self._random.randint(1, 4)):
            record = self._change(key, record, value, {"If-Match": f'"{record["version"]}"'})
            if record is None:
                return
        self._perhaps_delete(key, record)

    def _change(self, key, record, value, headers=(), **data):
        """Change a record; return what it is then, or None if that was not acknowledged."""
        makes = [Change(record["id"], record["version"] + 1, "update")]
        path = f"/entries/{record['id']}"
        status, answer = self._send("PATCH", path, {"value": value, **data}, headers, makes=makes)
        return answer["data"] if self._wrote(key, status, value) else None

    def _perhaps_delete(self, key, record):
        if self._random.random() < DELETED:
            makes = [Change(record["id"], record["version"] + 1, "delete")]
            status, _ = self._send("DELETE", f"/entries/{record['id']}", makes=makes)
            self._wrote(key, status, ABSENT)

    def _batch(self, key):
        keys = [f"{key}-{number}" for number in range(3)]
        creates = [{"op": "create", "resource": "entries", "data": {"code": each, "value": 0}} for each in keys]
        self._ledger.batches.append(keys)
        status, _ = self._send("POST", "/batch", {"operations": creates})
        for each in keys:
            self._created(each, status)

    def _repeated(self, key):
        """Send a create with an Idempotency-Key again until there is an answer."""
        began, once = time.monotonic(), {"Idempotency-Key": key}
        for _ in range(20):
            status, _ = self._send("POST", "/entries", {"code": key, "value": 0}, once, began=began)
            if self._created(key, status) or self.stop.is_set():
                return

    def _with_file(self, key):
        """Upload files, the second one to replace the first, and perhaps delete the record with it."""
        file_id = self._upload()
        if file_id is None:
            return
        status, answer = self._send("POST", "/entries", {"code": key, "value": 0, "file": file_id})
        if not self._created(key, status):
            return
        record = answer["data"]
        if self._random.random() < 0.5 and (file_id := self._upload()):
            record = self._change(key, record, 1, file=file_id)
        if record is not None:
            self._perhaps_delete(key, record)

    def _upload(self):
        """Return the id of a new file, or None if that was not acknowledged."""
        status, answer = self._send("POST", "/files", self._random.randbytes(self._random.randrange(MAX_FILE_BYTES)))
        return answer["data"]["id"] if status == 201 else None


def _creations(path, answer):
    """Return the changes of a write that created records, as its answer shows them."""
    if path == "/batch":
        return [Change(each["data"]["id"], each["data"]["version"], "create") for each in answer["data"]]
    return [Change(answer["data"]["id"], answer["data"]["version"], "create")] if path == "/entries" else []
