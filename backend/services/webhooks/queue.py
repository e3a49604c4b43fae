"""The second step of a webhook: which delivery is sent next, and what becomes of it."""

import json
import random
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

import structlog
from peewee import SQL, fn

from backend.models.database import database
from backend.models.delivery import DELIVERED, DROPPED, FAILED, WAITING, Delivery
from backend.models.user import User
from backend.models.webhook import GONE, Webhook
from backend.services.access import audit
from backend.services.access.actors import SYSTEM
from backend.services.accounts.outbox import queue_mail
from backend.services.operation.metrics import metrics
from backend.services.webhooks.delivery_statements import (
    IS_TEST,
    OUTCOME,
    is_due,
    lock_due,
    reserve,
    select_due,
    select_test,
    store_outcome,
)
from backend.utils.clock import rfc3339, utcnow

CLAIMED_FOR = timedelta(minutes=3)  # longer than MAX_CLAIMED calls take; after a crash, they are due again by then
MINUTE, HOUR = 60, 3600
# Between two attempts, in seconds (Standard Webhooks 1.0), each up to a tenth longer: not all come back at once.
DELAYS = (5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR)
JITTER = 0.1
RETRIED = "retried"
MAIL_EVERY = timedelta(days=1)
MAX_CLAIMED, THREADS = 10, 4  # deliveries that a thread claims at once, and threads of a webhook in a process
GONE_STATUS = 410  # RFC 9110, 15.5.11

log = structlog.get_logger()


class Outcome(NamedTuple):
    """What came of an attempt: the status of the response or an error; `wait` is what the receiver has asked for."""

    milliseconds: int
    status: int | None = None
    error: str | None = None
    wait: timedelta | None = None

    @property
    def is_success(self) -> bool:
        """Whether the receiver has accepted the message."""
        return self.status is not None and 200 <= self.status < 300


DROP = Outcome(0)  # nothing was sent, because the roles of the webhook do not see the change any longer


def due_webhooks() -> dict[str, bool]:
    """Return {id of a webhook: whether a test is due} of those that have something to send now.

    A test is sent also while its webhook is switched off.
    """
    due = Delivery.select(SQL("1")).where(Delivery.webhook_id == Webhook.id, is_due(utcnow()))
    has_test = fn.EXISTS(due.where(IS_TEST))
    found: Any = Webhook.with_active_maker(Webhook.id, has_test).where(Webhook.active & fn.EXISTS(due) | has_test)
    return {str(webhook_id): bool(is_tested) for webhook_id, is_tested in found.tuples()}


def claim(webhook: Webhook) -> list[Delivery]:
    """Return some deliveries that are due, and reserve them for this thread; none if no delivery is due.

    Of each record only the change with the lowest version is sent, also if it must be sent again later. A test is the
    first, because a person waits for its outcome.
    """
    now = utcnow()
    where = {"webhook_id": webhook.id, "now": rfc3339(now), "limit": MAX_CLAIMED * THREADS}
    found = select_test().run(where) or (select_due().run(where) if webhook.active else [])
    if not found:
        return []
    share = -(-len(found) // THREADS)  # the rest is for the other threads of the webhook
    with database.atomic():  # two claims that waited for each other's rows would end in a deadlock
        locked = lock_due().run({"ids": _ids(found), "now": rfc3339(now), "limit": share})
        if not locked:  # another process was faster
            return []
        claimed = reserve().run({"ids": _ids(locked), "until": rfc3339(now + CLAIMED_FOR)})
    return sorted(map(Delivery.of_row, claimed), key=lambda each: (each.version or 0, each.id))


def _ids(rows: Sequence[tuple[object, ...]]) -> str:
    return json.dumps([str(row[0]) for row in rows])


def release(deliveries: Sequence[Delivery]) -> None:
    """Make deliveries due again at once, which were claimed and not sent."""
    for delivery in deliveries:
        unsent = {"next_attempt_at": utcnow(), "attempts": Delivery.attempts - 1}
        same = Delivery.id == delivery.id, Delivery.attempts == delivery.attempts, Delivery.state == WAITING
        Delivery.update(unsent).where(*same).execute()


def settle(webhook: Webhook, outcomes: Sequence[tuple[Delivery, Outcome]]) -> None:
    """Store what came of attempts: each delivery ends, or is due again later."""
    with database.atomic():
        for delivery, outcome in outcomes:
            _settle_one(webhook, delivery, outcome)


def _settle_one(webhook: Webhook, delivery: Delivery, outcome: Outcome) -> None:
    shown = {"status": outcome.status, "error": outcome.error, "milliseconds": outcome.milliseconds}
    if outcome is DROP:
        _end(delivery, DROPPED, {})
    elif outcome.is_success:
        _end(delivery, DELIVERED, shown)
    elif outcome.status == GONE_STATUS and webhook.active:
        _end(delivery, FAILED, shown)
        _switch_off(webhook)
    elif delivery.resource is None:  # a person waits for the outcome of a test
        _end(delivery, FAILED, shown)
    elif delivery.attempts > len(DELAYS):
        is_first = not _has_failed_lately(webhook)
        if _end(delivery, FAILED, shown) and is_first:
            _mail(webhook, "webhook_failed")
    else:
        seconds = DELAYS[delivery.attempts - 1] * random.uniform(1, 1 + JITTER)
        wait = max(timedelta(seconds=seconds), outcome.wait or timedelta())
        _update(delivery, RETRIED, {**shown, "next_attempt_at": rfc3339(utcnow() + wait)})


def _end(delivery: Delivery, state: str, shown: dict[str, Any]) -> bool:
    return _update(delivery, state, {**shown, "state": state, "next_attempt_at": None, "ended_at": rfc3339(utcnow())})


def _update(delivery: Delivery, outcome: str, values: dict[str, Any]) -> bool:
    """Write the values, unless the delivery was claimed again or started anew meanwhile; return whether it was not."""
    all_values = {name: values.get(name, getattr(delivery, name)) for name in OUTCOME}
    if not store_outcome().run({"id": delivery.id, "attempts": delivery.attempts, **all_values}):
        return False
    database.after_commit(partial(_count, delivery, outcome, values))  # a commit that fails stores no outcome
    return True


def _count(delivery: Delivery, outcome: str, values: dict[str, Any]) -> None:
    """Count and log the outcome of an attempt."""
    metrics.process.tally().count_event("webhook", outcome)
    level = log.info if outcome in (DELIVERED, DROPPED) else log.warning
    shown = {name: value for name, value in values.items() if name in ("status", "milliseconds", "error")}
    level("webhook", outcome=outcome, webhook=str(delivery.webhook_id), attempts=delivery.attempts, **shown)


def _switch_off(webhook: Webhook) -> None:
    """Switch a webhook off whose receiver has said that it is gone for good."""
    if Webhook.switch_off(Webhook.id == webhook.id, GONE):
        audit.record(SYSTEM, "webhook.switch_off", ("webhook", str(webhook.id)), name=webhook.name, reason=GONE)
        _mail(webhook, "webhook_off")


def _has_failed_lately(webhook: Webhook) -> bool:
    """Return whether a delivery failed within MAIL_EVERY: its maker has a mail about it."""
    recently = Delivery.ended_at > utcnow() - MAIL_EVERY
    failed = Delivery.select().where(Delivery.webhook_id == webhook.id, Delivery.state == FAILED, recently)
    return bool(failed.exists())


def _mail(webhook: Webhook, kind: str) -> None:
    maker = User.get_or_none(User.id == webhook.created_by)
    if maker is not None and maker.email is not None:
        queue_mail(kind, maker.email)
