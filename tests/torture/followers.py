"""Clients that keep a copy of all records by the feed of changes, through every fault, and what they must have seen."""

import random
import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from functools import partial

from tests.parts.server import Caller
from tests.torture.faults import KILLS, fault
from tests.torture.ledger import CLIENT_SECONDS, FAILED, Ticket, read_page, read_pages

FOLLOWERS = 3
START_WITHIN = 2  # seconds, after which the last follower begins to list
MAX_PAUSE = 0.4  # seconds between two requests
CATCH_UP_SECONDS = 60  # on Postgres, a transaction whose process was killed may hold the feed back


class Follower(threading.Thread):
    """A client that lists all records `delay` seconds after its start, and follows their changes from there.

    `records` maps the id of each record to its version, as far as the client knows; `listed` is what the list had.
    `seen` are the (id, version, action) of the feed.
    """

    def __init__(self, address, ticket, number, delay):
        super().__init__(daemon=True)
        self.listed, self.records, self.seen, self.odd = {}, {}, [], []
        self._address, self._ticket, self._delay, self._caller = address, ticket, delay, None
        self._random, self.stop = random.Random(number), threading.Event()
        self._cursor = None if delay else self._list()

    def run(self):
        self.stop.wait(self._delay)
        cursor = self._cursor or self._list()
        while not self.stop.wait(self._random.uniform(0, MAX_PAUSE)):
            limit, wait = self._random.choice([3, 100, 1000]), self._random.choice([0, 1])
            page = self._get(f"/changes?resource=entries&after={cursor}&limit={limit}&wait={wait}")
            if page is not None:
                for change in page["data"]:
                    self._note(change["id"], change["version"], change["action"])
                cursor = page["meta"]["next_cursor"]

    def _list(self):
        """List the records while others write; return the cursor of the first page."""
        path, cursor = "/entries?per_page=50&sort=id&count=false&fields=id,version", None
        for page in read_pages(self._get, path):
            self.listed |= {record["id"]: record["version"] for record in page["data"]}
            cursor = cursor or page["meta"]["changes_cursor"]
        self.records |= self.listed
        return cursor

    def _note(self, record_id, version, action):
        self.seen.append((record_id, version, action))
        if action == "delete":
            self.records.pop(record_id, None)
        else:
            self.records[record_id] = max(version, self.records.get(record_id, 0))

    def _get(self, path):
        """Return the JSON of a 200, however often it takes; None if the client stops."""
        while not self.stop.is_set():
            try:
                if self._caller is None:
                    self._caller = Caller(self._address, self._ticket.token())
                    self._caller.connection.timeout = CLIENT_SECONDS + 1
                status, answer = self._caller.call("GET", path)
                if status == 200:
                    return answer
                if status == 401:
                    self._ticket.lapse(self._caller.token)
                elif status != 503:
                    self.odd.append((path, status, answer))
            except FAILED:
                pass
            self._hang_up()
            self.stop.wait(0.1)
        return None

    def _hang_up(self):
        if self._caller is not None:
            self._caller.connection.close()
            self._caller = None

    def problems(self, acknowledged, final):
        """Yield what is wrong with what it saw, in words.

        `acknowledged` are pairs of the id and version of writes, `final` is {id: version} of the records at the end.
        """
        deadline = time.monotonic() + CATCH_UP_SECONDS
        while self.records != final and time.monotonic() < deadline:
            time.sleep(0.1)
        self.stop.set()
        self.join(CLIENT_SECONDS)
        if differing := self.records.items() ^ final.items():
            yield f"a copy differs from the records: {sorted(differing)[:3]} of {len(differing)}"
        if self.odd:
            yield f"a follower got {self.odd[:2]}"
        yield from self._wrong_orders()
        seen = {(record_id, version) for record_id, version, _ in self.seen}
        missing = [each for each in acknowledged - seen if not self._may_miss(*each, final)]
        if missing:
            yield f"{len(missing)} acknowledged changes are not in the feed: {missing[:3]}"

    def _wrong_orders(self):
        """Yield that a record has a change twice, or in a wrong order, or lacks one."""
        versions = defaultdict(list)
        for record_id, version, _ in self.seen:
            versions[record_id].append(version)
        for record_id, found in versions.items():
            if found != [*range(found[0], found[0] + len(found))]:
                yield f"versions {found} of {record_id}"
            if found[0] > self.listed.get(record_id, 0) + 1 and record_id in self.records:
                yield f"versions {found} of {record_id}, which was listed as {self.listed.get(record_id)}"

    def _may_miss(self, record_id, version, final):
        """Return whether a change may have been made before the list: it had it, or the record was deleted by then."""
        return self.listed.get(record_id, 0) >= version or (self._delay > 0 and record_id not in final)


@contextmanager
def followers(stage):
    """Run the jobs and some followers; yield the function of (ledger, caller) that yields what they saw wrong."""
    ticket = Ticket(stage.address)
    delays = [START_WITHIN * number / (FOLLOWERS - 1) for number in range(FOLLOWERS)]
    clients = [Follower(stage.address, ticket, number, delay) for number, delay in enumerate(delays)]
    with stage.running_jobs():
        for client in clients:
            client.start()
        try:
            yield partial(_problems, clients)
        finally:
            for client in clients:
                client.stop.set()
            for client in clients:
                client.join(CLIENT_SECONDS)


def _problems(clients, ledger, caller):
    pages = read_pages(partial(read_page, caller), "/entries?per_page=200&count=false&fields=id,version")
    final = {record["id"]: record["version"] for page in pages for record in page["data"]}
    for client in clients:
        yield from client.problems(ledger.changes, final)


@fault("kill -9 of processes and jobs, followers of the feed", beside=followers, options={"jobs": "off"})
def kills_of_all(stage, seconds):
    """Kill and start the processes and the jobs at random moments."""
    yield
    for index in range(round(KILLS * min(seconds / 8, 1))):
        time.sleep(random.uniform(0.05, 0.8))
        stage.kill(index % 2)
        if index % 4 == 3:
            stage.kill_jobs()
