"""Clients that write, and remember what may be in the database afterwards."""

import http.client
import json
import random
import threading
import time
import uuid
from collections import Counter, defaultdict
from functools import partial

from tests.conftest import PASSWORD
from tests.parts.server import Caller

EMAIL = "admin@example.com"
FIELDS = {
    "code": {"type": "string", "required": True, "index": True},
    "value": {"type": "integer"},
    "text": {"type": "text"},
    "file": {"type": "file"},
}
MAX_FILE_BYTES = 200_000
REFUSED = (503, 507)  # nothing was written
ABSENT = None
CLIENT_SECONDS = 20  # a request that takes longer has failed
FAILED = (OSError, http.client.HTTPException, ValueError)


class Ledger:
    """What the clients did: for each key the states its record may be in, and what each answer's status was.

    A state is the value of the record, or ABSENT. An acknowledged write leaves one state; one whose outcome nobody
    knows, as the connection broke or a 503 came, adds one. `batches` are sets of keys that are all there or none is.
    `changes` are pairs of the id and the new version of acknowledged writes, without deletions.
    """

    def __init__(self):
        self.states, self.batches, self.statuses = defaultdict(lambda: {ABSENT}), [], Counter()
        self.changes = set()
        self.acknowledged_at, self.acknowledged = 0.0, 0
        self.odd = []  # answers that no client may get
        self._lock = threading.Lock()

    def note(self, status, wrote=True, records=()):
        """Count an answer, None for none, with the records that it has."""
        with self._lock:
            self.statuses[status] += 1
            if wrote and status in (200, 201):
                self.acknowledged_at = time.monotonic()
                self.acknowledged += 1
                self.changes.update((record["id"], record["version"]) for record in records)

    def forget(self):
        """Start anew with what is written from now on."""
        with self._lock:
            self.states.clear()
            self.batches.clear()


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

    def _send(self, method, path, data=None, headers=()):
        """Return (status, answer); (None, None) where no whole answer came."""
        try:
            if self._caller is None:
                self._caller = Caller(self._address, self._ticket.token())
                self._caller.connection.timeout = CLIENT_SECONDS
            status, answer = self._caller.call(method, path, data, headers)
        except FAILED:
            self._hang_up()
            self._ledger.note(None)
            self.stop.wait(0.2)
            return None, None
        self._ledger.note(status, method != "GET", _written(method, path, answer) if status in (200, 201) else ())
        if status in (401, *REFUSED):
            if status == 401:
                self._ticket.lapse(self._caller.token)
                self._hang_up()
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
        if status in (200, 201, 503, None):
            states.add(state)
        return status in (200, 201)

    def _single(self, key):
        status, answer = self._send("POST", "/entries", {"code": key, "value": 0, "text": "x" * 200})
        if not self._wrote(key, status, 0):
            return
        path = f"/entries/{answer['data']['id']}"
        for value in range(1, self._random.randint(1, 4)):
            if_match = {"If-Match": f'"{answer["data"]["version"]}"'}
            status, answer = self._send("PATCH", path, {"value": value}, if_match)
            if not self._wrote(key, status, value):
                return
        if self._random.random() < 0.3:
            status, _ = self._send("DELETE", path)
            self._wrote(key, status, ABSENT)

    def _batch(self, key):
        keys = [f"{key}-{number}" for number in range(3)]
        creates = [{"op": "create", "resource": "entries", "data": {"code": each, "value": 0}} for each in keys]
        self._ledger.batches.append(keys)
        status, _ = self._send("POST", "/batch", {"operations": creates})
        for each in keys:
            self._wrote(each, status, 0)

    def _repeated(self, key):
        """Send a create with an Idempotency-Key again until there is an answer."""
        for _ in range(20):
            status, _ = self._send("POST", "/entries", {"code": key, "value": 0}, {"Idempotency-Key": key})
            if self._wrote(key, status, 0) or self.stop.is_set():
                return

    def _with_file(self, key):
        """Upload files, the second one to replace the first, and perhaps delete the record with it."""
        record = self._attach(key, 0, "POST", "/entries", {"code": key})
        if record is None:
            return
        path = f"/entries/{record['id']}"
        if self._random.random() < 0.5:
            self._attach(key, 1, "PATCH", path, {})
        if self._random.random() < 0.3:
            status, _ = self._send("DELETE", path)
            self._wrote(key, status, ABSENT)

    def _attach(self, key, value, method, path, data):
        """Upload a file, and write a record with it; return the record, or None if one of both failed."""
        content = self._random.randbytes(self._random.randrange(MAX_FILE_BYTES))
        status, answer = self._send("POST", "/files", content)
        if status != 201:
            return None
        status, answer = self._send(method, path, data | {"value": value, "file": answer["data"]["id"]})
        return answer["data"] if self._wrote(key, status, value) else None


def _written(method, path, answer):
    """Return the records in the answer to a write, without those of a deletion."""
    if path == "/batch":
        return [each["data"] for each in answer["data"]]
    return [answer["data"]] if path.startswith("/entries") and method != "DELETE" else []


def read_everything(caller):
    """Return {key: values of all records that have it}."""
    found = defaultdict(list)
    for page in read_pages(partial(read_page, caller), "/entries?per_page=200&count=false&fields=code,value"):
        for record in page["data"]:
            found[record["code"]].append(record["value"])
    return found


def read_pages(get, path):
    """Yield the pages of a list, until `get(path)` returns none."""
    page = get(path)
    while page:
        yield page
        cursor = page["meta"]["next_cursor"]
        page = cursor and get(f"{path}&cursor={cursor}")


def signed_in(address):
    """Return a Caller who has signed in; right after a fault it may take some tries."""
    for _ in range(20):
        caller = Caller(address)
        try:
            return caller.sign_in(EMAIL, PASSWORD)
        except (*FAILED, AssertionError) as error:
            caller.connection.close()
            failure = error
            time.sleep(0.5)
    raise AssertionError(f"nobody could sign in: {failure}")


def read_page(caller, path):
    """Return the answer to a read; right after a fault it may take some tries."""
    for _ in range(10):
        status, answer = caller.call("GET", path)
        if status == 200:
            return answer
        time.sleep(0.5)
    raise AssertionError(answer)


def compare(ledger, found):
    """Return (keys whose record is lost, wrong or half there; keys that are there twice)."""
    lost = [key for key, states in ledger.states.items() if (found.get(key) or [ABSENT])[0] not in states]
    half = [keys for keys in ledger.batches if len({key in found for key in keys}) > 1]
    doubled = [key for key, values in found.items() if len(values) > 1]
    return lost + [key for keys in half for key in keys], doubled


def prepare(address, records=0, *, feed=False):
    """Declare the resource, with so many large records in it."""
    with signed_in(address) as caller:
        access = {action: ["member"] for action in ("create", "update", "delete")} | {"list": ["public"]}
        body = {"name": "entries", "fields": FIELDS, "access": access, "feed": feed}
        status, answer = caller.call("POST", "/resources", body)
        assert status in (201, 409), answer
        for start in range(0, records, 50):
            data = [{"code": f"large-{number}", "text": "x" * 10_000} for number in range(start, start + 50)]
            creates = [{"op": "create", "resource": "entries", "data": each} for each in data]
            status, answer = caller.call("POST", "/batch", {"operations": creates})
            assert status == 200, json.dumps(answer)
