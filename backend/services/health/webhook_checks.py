"""What waits to be sent to webhooks, for metrics, and the check of `flask doctor`; both need a connection."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple

from peewee import fn

from backend.models.delivery import WAITING, Delivery
from backend.models.webhook import GONE, Webhook
from backend.services.health.check import FAILURE, OK, WARNING, Check
from backend.services.webhooks.secrets import webhook_secrets
from backend.utils.clock import utcnow

LATE_AFTER = timedelta(hours=1)
NAMED = 5  # webhooks in a message


class Backlog(NamedTuple):
    """The deliveries of a webhook that wait: how many, and for how many seconds the oldest."""

    name: str
    waiting: int
    oldest_seconds: float


def read_backlogs() -> list[Backlog]:
    """Return the Backlog of each active webhook that has one, the oldest first."""
    waits = (Delivery.webhook_id == Webhook.id) & (Delivery.state == WAITING)
    oldest = fn.MIN(Delivery.created_at)
    query = Webhook.select(Webhook.name, fn.COUNT(Delivery.id), oldest).join(Delivery, on=waits)
    rows: Any = query.where(Webhook.active).group_by(Webhook.id, Webhook.name).order_by(oldest).tuples()
    return [Backlog(name, number, (utcnow() - since).total_seconds()) for name, number, since in rows]


def check_webhooks() -> Check:
    """Look for lost secrets, makers who have left, deliveries that wait for long, and receivers that are gone."""
    if lost := [webhook.name for webhook in Webhook.select(Webhook.name, Webhook.secret) if not _can_sign(webhook)]:
        message = f"The secrets of these webhooks cannot be decrypted: {_named(lost)}."
        return Check("webhooks", FAILURE, message, "Add the former key to LARDER_SECRET_KEY, or create new secrets.")
    if left := _without_maker():
        advice = "Activate the accounts, give the webhooks to others (`created_by` of PATCH /webhooks), or delete them."
        return Check("webhooks", WARNING, f"The accounts of these webhooks are not active: {_named(left)}.", advice)
    late = [each for each in read_backlogs() if each.oldest_seconds > LATE_AFTER.total_seconds()]
    if late:
        hours, names = late[0].oldest_seconds / 3600, _named(each.name for each in late)
        message = f"Deliveries of these webhooks have waited for up to {hours:,.0f} hours: {names}."
        advice = "Look at the errors of their deliveries. With LARDER_JOBS=off, `flask jobs run` must run."
        return Check("webhooks", WARNING, message, advice)
    if off := [webhook.name for webhook in Webhook.select(Webhook.name).where(Webhook.off_reason == GONE)]:
        advice = "Delete them, or give them the new URL of their receiver and switch them on."
        return Check("webhooks", WARNING, f"Their receivers are gone: {_named(off)}.", advice)
    return Check("webhooks", OK, "Nothing has waited for long to be sent to a webhook.")


def _without_maker() -> list[str]:
    """Return the names of webhooks that send nothing because their maker is deleted or inactive."""
    silent = Webhook.id.not_in(Webhook.with_active_maker(Webhook.id))
    return [webhook.name for webhook in Webhook.select(Webhook.name).where(Webhook.active, silent)]


def _can_sign(webhook: Webhook) -> bool:
    try:
        return bool(webhook_secrets.unseal(webhook.secret))
    except ValueError:
        return False


def _named(names: Iterable[str]) -> str:
    found = [*names]
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return ", ".join(found[:NAMED]) + more
