"""A receiver of a webhook that must get each change at least once, those of a record in order."""

import random
import time
from collections import defaultdict
from contextlib import contextmanager

from tests.parts.receiver import receiver
from tests.torture.ledger import signed_in

REFUSED = 0.02  # the share of messages that it refuses at first
CATCH_UP_SECONDS = 240  # a killed process keeps what it has claimed for a minute; two commits for each delivery


class Hook:
    """What a receiver got: `accepted` maps the id of a record to the versions of its changes, as they came."""

    def __init__(self, inbox):
        self.accepted, self._inbox, self._refused = defaultdict(list), inbox, set()
        inbox.answer = self._answer

    def _answer(self, message):
        if message.id not in self._refused and random.random() < REFUSED:
            self._refused.add(message.id)
            return 500
        data = message.json["data"]
        self.accepted[data["id"]].append(data["version"])
        return 204

    def problems(self, changes):
        """Yield what is wrong with what came, in words; `changes` are the (id, version) of the feed."""
        deadline = time.monotonic() + CATCH_UP_SECONDS
        while (missing := changes - self._came()) and time.monotonic() < deadline:
            time.sleep(0.2)
        if missing:
            yield f"{len(missing)} changes did not come to the webhook: {sorted(missing)[:3]}"
        if surplus := self._came() - changes:
            yield f"{len(surplus)} changes came to the webhook that are not in the feed: {sorted(surplus)[:3]}"
        wrong = [(record_id, came) for record_id, came in [*self.accepted.items()] if came != sorted(came)]
        if wrong:
            yield f"{len(wrong)} records came to the webhook in a wrong order: {wrong[:3]}"

    def _came(self):
        return {(record_id, version) for record_id, came in [*self.accepted.items()] for version in came}


@contextmanager
def hook(address):
    """Yield the Hook of a webhook of all changes from now on."""
    with receiver() as inbox, signed_in(address) as caller:
        body = {"name": "Torture", "url": inbox.url, "resources": ["entries"], "roles": ["admin"]}
        status, answer = caller.call("POST", "/webhooks", body)
        assert status == 201, answer
        yield Hook(inbox)
