"""A receiver of a webhook that must get each change at least once, those of a record in order."""

import random
import time
from collections import defaultdict
from contextlib import closing, contextmanager
from datetime import timedelta

import cysqlite
import psycopg

from backend.services.webhooks.queue import CLAIMED_FOR
from backend.utils.clock import rfc3339, utcnow
from tests.parts.receiver import receiver
from tests.torture.ledger import signed_in

REFUSED = 0.02  # the share of messages that it refuses at first
CATCH_UP_SECONDS = 240  # two commits for each delivery
SENT_WITHIN = 20  # seconds, in which a process that was not killed sends what it has claimed


class Hook:
    """What a receiver got: `accepted` maps the id of a record to the versions of its changes, as they came."""

    def __init__(self, inbox, stage):
        self.accepted, self._stage, self._refused = defaultdict(list), stage, set()
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
        deadline, due_at = time.monotonic() + CATCH_UP_SECONDS, 0
        while (missing := changes - self._came()) and time.monotonic() < deadline:
            if time.monotonic() > due_at:
                due_at = time.monotonic() + SENT_WITHIN
                _make_due(self._stage)
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


def _make_due(stage):
    """Do not wait for minutes for what a killed process has claimed, and for what was refused after that."""
    now = utcnow()
    claimed_before = now + CLAIMED_FOR - timedelta(seconds=SENT_WITHIN)
    moments = [rfc3339(moment) for moment in (now, now, claimed_before, now + CLAIMED_FOR)]
    query = (
        "UPDATE larder_deliveries SET next_attempt_at = {0} WHERE state = 'waiting' AND next_attempt_at > {0}"
        " AND (next_attempt_at < {0} OR next_attempt_at > {0})"
    )
    if stage.kind == "sqlite":
        with closing(cysqlite.connect(stage.database_url.removeprefix("sqlite:///"), timeout=30)) as connection:
            connection.execute(query.format("?"), moments)
    else:
        with psycopg.connect(stage.database_url) as connection:
            connection.execute(query.format("%s"), moments)


@contextmanager
def hook(stage):
    """Yield the Hook of a webhook of all changes from now on."""
    with receiver() as inbox, signed_in(stage.address) as caller:
        body = {"name": "Torture", "url": inbox.url, "resources": ["entries"], "roles": ["admin"]}
        status, answer = caller.call("POST", "/webhooks", body)
        assert status == 201, answer
        yield Hook(inbox, stage)
