"""A receiver of a webhook that must get each change at least once, signed, and those of a record in order."""

import random
import threading
import time
import uuid
from collections import Counter, defaultdict
from contextlib import closing, contextmanager, suppress
from datetime import timedelta

import cysqlite
import psycopg
from standardwebhooks import WebhookVerificationError

from backend.services.webhooks.queue import CLAIMED_FOR
from backend.utils.clock import rfc3339, utcnow
from tests.parts.receiver import receiver
from tests.parts.webhooks import verified
from tests.torture.ledger import FAILED, signed_in

REFUSED = 0.02  # the share of messages that it refuses at first
KILLS_OF_MANY = 20  # of the jobs, after the last change
FEW = 400  # messages of a run that is not given a number
CATCH_UP_SECONDS = 1200  # two commits for each delivery, and three minutes for what a killed process has claimed
SENT_WITHIN = 20  # seconds, in which a process that was not killed sends what it has claimed


class Hook:
    """What a receiver got: `accepted` maps the id of a record to the versions of its changes, as they came.

    It verifies each message with the secrets that it knows, and refuses those that it cannot verify. When it has half
    of the messages, the secret is replaced.
    """

    def __init__(self, inbox, stage, webhook):
        self.accepted, self._stage, self._refused, self._ids = defaultdict(list), stage, set(), Counter()
        self._path, self._secrets = f"/webhooks/{webhook['id']}/secret", [webhook["secret"]]
        self._with_new, self._unverified = 0, 0
        self._is_half, self._half = threading.Event(), (stage.changes or FEW) // 2
        self._rotating = threading.Thread(target=self._rotate, daemon=True)
        self._rotating.start()
        inbox.answer = self._answer

    def _answer(self, message):
        secrets = [secret for secret in self._secrets if _is_signed(message, secret)]
        if not secrets:
            self._unverified += 1
            return 401
        if message.id not in self._refused and random.random() < REFUSED:
            self._refused.add(message.id)
            return 500
        self._with_new += self._secrets[-1] in secrets and len(self._secrets) > 1
        self._ids[message.id] += 1
        self._stage.figures["messages"] = len(self._ids)
        data = message.json["data"]
        self.accepted[data["id"]].append(data["version"])
        if len(self._ids) >= self._half:
            self._is_half.set()
        return 204

    def _rotate(self):
        """Replace the secret; repeat the call until an answer with the new one arrives."""
        self._is_half.wait()
        once = {"Idempotency-Key": uuid.uuid4().hex}
        while len(self._secrets) == 1:
            time.sleep(0.2)
            with suppress(*FAILED, AssertionError), signed_in(self._stage.address) as caller:
                status, answer = caller.call("POST", self._path, headers=once)
                if status == 201:
                    self._secrets.append(answer["data"]["secret"])

    def problems(self, changes):
        """Yield what is wrong with what came, in words; `changes` are the (id, version) of the feed."""
        self._wait_for(changes)
        if missing := changes - self._came():
            yield f"{len(missing)} changes did not come to the webhook: {sorted(missing)[:3]}"
        if surplus := self._came() - changes:
            yield f"{len(surplus)} changes came to the webhook that are not in the feed: {sorted(surplus)[:3]}"
        wrong = [(record_id, came) for record_id, came in [*self.accepted.items()] if came != sorted(came)]
        if wrong:
            yield f"{len(wrong)} records came to the webhook in a wrong order: {wrong[:3]}"
        if len(self._ids) != len(changes):
            yield f"{len(self._ids)} ids of messages for {len(changes)} changes"
        if self._unverified or not self._with_new:
            yield f"{self._unverified} messages without a known signature, {self._with_new} with that of the new secret"

    def _wait_for(self, changes):
        """Wait until all changes came, and kill the jobs at random moments until most of them have.

        After many changes, wait as long as a receiver does for what a killed process has claimed.
        """
        deadline, due_at, kills = time.monotonic() + CATCH_UP_SECONDS, 0, KILLS_OF_MANY if self._stage.changes else 1
        while (missing := changes - self._came()) and time.monotonic() < deadline:
            time.sleep(random.uniform(0.05, 0.8))
            if kills > 0 and len(missing) > len(changes) / 10:
                kills -= self._stage.kill_jobs()
            if not self._stage.changes and time.monotonic() > due_at:
                due_at = time.monotonic() + SENT_WITHIN
                _make_due(self._stage)

    def figures(self):
        """Return what was counted, by name."""
        repeated = sum(self._ids.values()) - len(self._ids)
        return {
            "repeated": repeated,
            "refused": len(self._refused),
            "signed with the new secret": self._with_new,
            "unverified": self._unverified,
        }

    def _came(self):
        return {(record_id, version) for record_id, came in [*self.accepted.items()] for version in came}


def _is_signed(message, secret):
    try:
        verified(message, secret)
    except WebhookVerificationError:
        return False
    return True


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
        yield Hook(inbox, stage, answer["data"])
