"""Clients that keep a copy of all records by the feed of changes, through every fault, and what they must have seen."""

import random
import threading
import time
from collections import defaultdict

from tests.parts.server import Caller
from tests.parts.streams import connect_stream
from tests.torture.ledger import CLIENT_SECONDS, FAILED, read_pages

MAX_PAUSE = 0.4  # seconds between two requests
CATCH_UP_SECONDS = 60  # on Postgres, a transaction whose process was killed may hold the feed back


def complete_pages(get):
    """Yield the pages of all records, with nothing but their ids and versions."""
    return read_pages(get, "/entries?per_page=50&sort=id&count=false&fields=id,version")


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
            cursor = self._follow(cursor)

    def _follow(self, cursor):
        """Read some changes after a cursor; return where to continue."""
        limit, wait = self._random.choice([3, 100, 1000]), self._random.choice([0, 1])
        page = self._get(f"/changes?resource=entries&after={cursor}&limit={limit}&wait={wait}")
        if page is None:
            return cursor
        for change in page["data"]:
            self._note(change)
        return page["meta"]["next_cursor"]

    def _list(self):
        """List the records while others write; return the cursor of the first page."""
        cursor = None
        for page in complete_pages(self._get):
            self.listed |= {record["id"]: record["version"] for record in page["data"]}
            cursor = cursor or page["meta"]["changes_cursor"]
        self.records |= self.listed
        return cursor

    def _note(self, change):
        record_id, version, action = change["id"], change["version"], change["action"]
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


class StreamFollower(Follower):
    """A client that follows by a stream, and connects again after some changes or when the stream breaks."""

    def _follow(self, cursor):
        number = self._random.choice([1, 30, 1000])
        try:
            token, last = self._ticket.token(), {"Last-Event-ID": cursor}
            with connect_stream(self._address, token, "resource=entries", last) as (response, events):
                if response.status == 401:
                    self._ticket.lapse(token)
                elif response.status not in (200, 429, 503):  # 429 while those are counted that were left
                    self.odd.append((response.status, response.read()))
                while response.status == 200 and number > 0 and not self.stop.is_set() and (found := events.next()):
                    cursor = self._take(*found) or cursor
                    number -= 1
        except FAILED:
            pass
        return cursor

    def _take(self, event, data, cursor):
        """Note an event; return where to continue."""
        if event == "change":
            self._note(data)
        elif event == "expired":
            self.odd.append((event, data))
        return cursor
