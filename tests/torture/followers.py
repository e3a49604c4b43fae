"""Clients that keep a copy of all records by the feed of changes, through every fault, and what they must have seen."""

import random
import threading
import time

from tests.parts.server import Caller
from tests.parts.streams import connect_stream
from tests.torture.ledger import CLIENT_SECONDS, FAILED, read_pages
from tests.torture.order import apply, change_of, read_feed

MAX_PAUSE = 0.4  # seconds between two requests
MAX_LIST_PAUSE = 3  # seconds between two lists
DATA = ("true", "false")
CATCH_UP_SECONDS = 60  # on Postgres, a transaction whose process was killed may hold the feed back


class Reader(threading.Thread):
    """A client that reads until `stop` is set. `odd` has what it may not get."""

    def __init__(self, address, ticket, number):
        super().__init__(daemon=True)
        self.odd, self.stop = [], threading.Event()
        self._address, self._ticket, self._caller, self._random = address, ticket, None, random.Random(number)

    def _list(self):
        """List the records while others write; return {id: version} and the cursor of the first page."""
        cursor, listed = None, {}
        for page in read_pages(self._get, "/entries?per_page=50&sort=id&count=false&fields=id,version"):
            listed |= {record["id"]: record["version"] for record in page["data"]}
            cursor = cursor or page["meta"]["changes_cursor"]
        return listed, cursor

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


class Lister(Reader):
    """A client that lists all records at random moments. `lists` are what each list had, and its cursor."""

    def __init__(self, address, ticket, number):
        super().__init__(address, ticket, number)
        self.lists = []

    def run(self):
        while not self.stop.wait(self._random.uniform(0, MAX_LIST_PAUSE)):
            found = self._list()
            if not self.stop.is_set():  # else it may have ended early
                self.lists.append(found)

    def problems(self, caller, feed, final):
        """Yield that a list and the changes after it do not make the records of the end, in words."""
        for listed, cursor in self.lists:
            following = read_feed(caller, cursor)
            if following != feed[len(feed) - len(following) :]:
                yield f"the {len(following)} changes after a list are not the last ones of the feed"
            if differing := apply(following, listed).items() ^ final.items():
                yield f"a list and its changes differ from the records: {sorted(differing)[:3]} of {len(differing)}"
        if self.odd or not self.lists:
            yield f"{len(self.lists)} lists, and {self.odd[:2]}"


class Follower(Reader):
    """A client that lists all records `delay` seconds after its start, and follows their changes from there.

    Without a delay, it follows from before its start. `seen` are the changes as they came.
    """

    def __init__(self, address, ticket, number, delay):
        super().__init__(address, ticket, number)
        self.seen, self.connections, self._delay, self._gone = [], 0, delay, set()
        self._listed, self.cursor = ({}, None) if delay else self._list()

    def run(self):
        if self.cursor is None:
            self.stop.wait(self._delay)
            self._listed, self.cursor = self._list()
        while not self.stop.wait(self._random.uniform(0, MAX_PAUSE)):
            self.cursor = self._follow(self.cursor)

    def _follow(self, cursor):
        """Read some changes after a cursor; return where to continue."""
        limit, wait, data = self._random.choice([3, 100, 1000]), self._random.choice([0, 1]), self._random.choice(DATA)
        page = self._get(f"/changes?resource=entries&after={cursor}&limit={limit}&wait={wait}&data={data}")
        if page is None:
            return cursor
        for change in page["data"]:
            self._note(change)
        return page["meta"]["next_cursor"]

    def _note(self, data):
        self.seen.append(change_of(data))
        record = data.get("data", {})
        if record is None:
            self._gone.add(data["id"])
        elif record and (record["version"] < data["version"] or data["action"] == "delete"):
            self.odd.append(data)

    def problems(self, feed, final):
        """Yield what is wrong with what it saw, in words.

        `feed` are all changes in their order, and `final` is {id: version} of the records at the end.
        """
        deadline = time.monotonic() + CATCH_UP_SECONDS
        while self.seen[-1:] != feed[-1:] and time.monotonic() < deadline:
            time.sleep(0.1)
        expected = feed[len(feed) - len(self.seen) :] if self._delay else feed
        if self.seen != expected:
            first = next((pair for pair in zip(self.seen, expected, strict=False) if pair[0] != pair[1]), None)
            yield f"a follower saw {len(self.seen)} changes, expected {len(expected)}; the first difference: {first}"
        if differing := apply(self.seen, self._listed).items() ^ final.items():
            yield f"a copy differs from the records: {sorted(differing)[:3]} of {len(differing)}"
        if self.odd or self._gone & final.keys():
            yield f"a follower got {self.odd[:2]}, and no data of {[*self._gone & final.keys()][:3]}"


class StreamFollower(Follower):
    """A client that follows by a stream, and connects again after some changes or when the stream breaks."""

    def _follow(self, cursor):
        number = self._random.choice([1, 30, 1000])
        try:
            token, last = self._ticket.token(), {"Last-Event-ID": cursor}
            query = f"resource=entries&data={self._random.choice(DATA)}"
            with connect_stream(self._address, token, query, last) as (response, events):
                self.connections += response.status == 200
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
