"""The second step of a webhook: which delivery is sent next, and what becomes of it."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import structlog
from peewee import SQL, Expression, Function, fn

from backend.models.database import database
from backend.models.delivery import DELIVERED, DROPPED, FAILED, WAITING, Delivery
from backend.models.user import User
from backend.models.webhook import GONE, Webhook
from backend.services.access import audit
from backend.services.access.actors import SYSTEM
from backend.services.accounts.outbox import queue_mail
from backend.services.operation.metrics import metrics
from backend.utils.clock import utcnow

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


def due_webhooks() -> list[str]:
    """Return the ids of the webhooks that have something to send now, a test also while they are switched off."""
    may_be_sent = Webhook.active | Delivery.resource.is_null()
    due = Delivery.select(SQL("1")).where(Delivery.webhook_id == Webhook.id, _is_due(utcnow()), may_be_sent)
    return [str(webhook.id) for webhook in Webhook.with_active_maker(Webhook.id).where(fn.EXISTS(due))]


def _is_due(now: datetime) -> Expression:
    return (Delivery.state == WAITING) & (Delivery.next_attempt_at <= now)


def claim(webhook: Webhook) -> list[Delivery]:
    """Return some deliveries that are due, and reserve them for this thread; none if no delivery is due.

    Of each record only the change with the lowest version is sent, also if it must be sent again later. A test passes a
    backlog, because a person waits for its outcome.
    """
    now = utcnow()
    due = Delivery.select(Delivery.id).where(
        Delivery.webhook_id == webhook.id, _is_due(now), ~_follows_another(webhook)
    )
    if not webhook.active:
        due = due.where(Delivery.resource.is_null())
    order, most = (Delivery.next_attempt_at, Delivery.version, Delivery.id), MAX_CLAIMED * THREADS
    found = [delivery.id for delivery in due.order_by(*order).limit(most)]
    if not found:
        return []
    if len(found) == most and (test := due.where(Delivery.resource.is_null()).first()) is not None:
        found = [test.id]
    share = -(-len(found) // THREADS)  # the rest is for the other threads of the webhook
    still_due = Delivery.select(Delivery.id).where(Delivery.id.in_(found), _is_due(now)).order_by(*order).limit(share)
    with database.atomic():  # two claims that waited for each other's rows would end in a deadlock
        ids = [delivery.id for delivery in database.lock_for_update(still_due, skip_locked=True)]
        if not ids:  # another process was faster
            return []
        claimed = Delivery.update(next_attempt_at=now + CLAIMED_FOR, attempts=Delivery.attempts + 1)
        claimed.where(Delivery.id.in_(ids)).execute()
    return list(Delivery.select().where(Delivery.id.in_(ids)).order_by(Delivery.version, Delivery.id))


def release(deliveries: Sequence[Delivery]) -> None:
    """Make deliveries due again at once, which were claimed and not sent."""
    for delivery in deliveries:
        unsent = {"next_attempt_at": utcnow(), "attempts": Delivery.attempts - 1}
        Delivery.update(unsent).where(_is_same(delivery)).execute()


def _follows_another(webhook: Webhook) -> Function:
    """Return the condition that an earlier change of the same record waits, too."""
    earlier = Delivery.alias()
    same = (earlier.webhook_id == webhook.id) & (earlier.record_id == Delivery.record_id)
    waits = (earlier.state == WAITING) & (earlier.version < Delivery.version)
    return fn.EXISTS(earlier.select(SQL("1")).where(same, waits))


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
        _update(delivery, RETRIED, {**shown, "next_attempt_at": utcnow() + wait})


def _end(delivery: Delivery, state: str, shown: dict[str, Any]) -> bool:
    return _update(delivery, state, {**shown, "state": state, "next_attempt_at": None, "ended_at": utcnow()})


def _update(delivery: Delivery, outcome: str, values: dict[str, Any]) -> bool:
    """Write the values, unless the delivery was claimed again or started anew meanwhile; return whether it was not."""
    if not Delivery.update(values).where(_is_same(delivery)).execute():
        return False
    metrics.process.tally().count_event("webhook", outcome)
    level = log.info if outcome in (DELIVERED, DROPPED) else log.warning
    shown = {name: value for name, value in values.items() if name in ("status", "milliseconds", "error")}
    level("webhook", outcome=outcome, webhook=str(delivery.webhook_id), attempts=delivery.attempts, **shown)
    return True


def _is_same(delivery: Delivery) -> Expression:
    same = (Delivery.id == delivery.id) & (Delivery.attempts == delivery.attempts)
    return same & (Delivery.state == WAITING)


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
