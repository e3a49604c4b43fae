"""Follows the feed of changes."""

import time

WAIT_SECONDS = 60  # on Postgres, transactions of other tests hold the feed back


class Follower:
    """Reads the feed of resources, from now on."""

    def __init__(self, person, resource="notes", **options):
        self.person, self.query = person, {"resource": resource, **options}
        self.start = self.cursor = self.ask()["meta"]["next_cursor"]

    def ask(self, **options):
        answer = self.person.get("/changes", query_string=self.query | options)
        assert answer.status_code == 200, answer.json
        return answer.json

    def read(self, count):
        """Return the changes since the last call, at least `count`; wait for them."""
        found, deadline = [], time.monotonic() + WAIT_SECONDS
        while True:
            page = self.ask(after=self.cursor)
            self.cursor = page["meta"]["next_cursor"]
            found += page["data"]
            if len(found) >= count and not page["meta"]["more"]:
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.02)
