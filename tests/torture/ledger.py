"""What clients wrote, and what may be in the database afterwards."""

import http.client
import json
import threading
import time
from collections import Counter, defaultdict
from functools import partial
from typing import NamedTuple

from tests.conftest import PASSWORD
from tests.parts.server import Caller

EMAIL = "admin@example.com"
FIELDS = {
    "code": {"type": "string", "required": True, "index": True},
    "value": {"type": "integer"},
    "text": {"type": "text"},
    "file": {"type": "file"},
}
ABSENT = None
CLIENT_SECONDS = 20  # a request that takes longer has failed
FAILED = (OSError, http.client.HTTPException, ValueError)


class Change(NamedTuple):
    """A change of a record, as the feed shows it."""

    id: str
    version: int
    action: str


class Ledger:
    """What the clients did: for each key the states its record may be in, and what each answer's status was.

    A state is the value of the record, or ABSENT. An acknowledged write leaves one state; one whose outcome nobody
    knows, as the connection broke or a 503 came, adds one. `batches` are sets of keys that are all there or none is.

    `changes` maps each Change of an acknowledged write to the times when its request began and was answered. Nobody
    knows of `possible` ones whether they were made, nor whether there are records with `possible_keys`.
    """

    def __init__(self):
        self.states, self.batches, self.statuses = defaultdict(lambda: {ABSENT}), [], Counter()
        self.changes, self.possible, self.possible_keys = {}, set(), set()
        self.acknowledged_at, self.acknowledged = 0.0, 0
        self.odd = []  # answers that no client may get
        self._lock = threading.Lock()

    def note(self, status, *, changes=(), began=0.0):
        """Count an answer, None for none, with the changes that it acknowledges."""
        with self._lock:
            self.statuses[status] += 1
            if status in (200, 201):
                self.acknowledged_at = time.monotonic()
                self.acknowledged += 1
                self.changes |= dict.fromkeys(changes, (began, self.acknowledged_at))

    def forget(self):
        """Start anew with what is written from now on."""
        with self._lock:
            self.states.clear()
            self.batches.clear()


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
