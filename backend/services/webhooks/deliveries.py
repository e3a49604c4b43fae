"""The deliveries of webhooks: which wait and what became of the others, tests, and sending one again."""

from typing import Any

from peewee import ColumnBase

from backend.models.database import database
from backend.models.delivery import FAILED, WAITING, Delivery
from backend.models.webhook import Webhook
from backend.services.access import audit
from backend.services.access.actors import Actor
from backend.services.definitions.policies import Scope
from backend.services.errors import Conflict, NotFound
from backend.services.storage.conditions import Compare
from backend.services.webhooks.fan_out import MAX_WAITING, room_of
from backend.services.webhooks.makers import find_actor
from backend.services.webhooks.queue import CLAIMED_FOR
from backend.services.webhooks.states import WebhookState, state_of
from backend.services.webhooks.webhooks import get_webhook
from backend.utils.clock import utcnow


def scope_of(webhook: Webhook) -> Scope:
    """Return the Scope of the deliveries of a webhook."""
    return Scope(Compare("webhook_id", "eq", webhook.id))


def get_delivery(actor: Actor, webhook_id: str, delivery_id: str) -> Delivery:
    """Return a Delivery of one of the actor's webhooks. Raises NotFound if there is no such webhook or delivery."""
    webhook = get_webhook(actor, webhook_id)
    delivery = Delivery.get_or_none(Delivery.id == delivery_id, Delivery.webhook_id == webhook.id)
    if delivery is None:
        raise NotFound("The webhook has no such delivery.")
    return delivery


def send_test(actor: Actor, webhook_id: str) -> Delivery:
    """Queue a test of a webhook, also of one that is switched off, and return its Delivery.

    Raises NotFound, and Conflict if a test is waiting, or if the maker's account is not active.
    """
    with database.atomic():
        webhook = get_webhook(actor, webhook_id)
        if find_actor(webhook) is None:
            raise Conflict("The account that made the webhook is not active.")
        waiting = Delivery.select().where(Delivery.webhook_id == webhook.id, Delivery.state == WAITING)
        if waiting.where(Delivery.resource.is_null()).exists():
            raise Conflict("A test of this webhook is waiting already.")
        delivery = Delivery.create(webhook_id=webhook.id, next_attempt_at=utcnow())
        audit.record_repeated(actor, "webhook.test", ("webhook", webhook.id))
        return Delivery.get_by_id(delivery.id)


def redeliver(actor: Actor, webhook_id: str, delivery_id: str) -> Delivery:
    """Make a delivery due now, whether it waits or has ended, and return it.

    It keeps its id, by which the receiver can recognise it. It may be sent twice if it is being sent now. Raises what
    get_delivery raises, and Conflict if it has ended and MAX_WAITING others wait.
    """
    with database.atomic():
        delivery = get_delivery(actor, webhook_id, delivery_id)
        if delivery.state != WAITING and room_of(webhook_id) <= 0:
            raise Conflict(f"{MAX_WAITING:,} deliveries of the webhook wait, and no more are possible.")
        # One that is due already stays so: a client that repeats the call would move it on and on.
        is_due = (Delivery.state == WAITING) & (Delivery.next_attempt_at <= utcnow())
        Delivery.update(_due_now()).where(Delivery.id == delivery.id, ~is_due).execute()
        audit.record_repeated(actor, "webhook.redeliver", ("webhook", webhook_id))
        return Delivery.get_by_id(delivery.id)


def redeliver_all(actor: Actor, webhook_id: str) -> WebhookState:
    """Make all changes due now that wait for a later attempt, and those that have failed; return the WebhookState.

    Of those that have failed the first ones, so that MAX_WAITING wait together. Raises NotFound.
    """
    with database.atomic():
        webhook = get_webhook(actor, webhook_id)
        own = (Delivery.webhook_id == webhook.id) & Delivery.resource.is_null(False)
        later = Delivery.next_attempt_at > utcnow() + CLAIMED_FOR  # others are due in a moment, or being sent
        _make_due(own & (Delivery.state == WAITING) & later, MAX_WAITING)
        _make_due(own & (Delivery.state == FAILED), max(0, room_of(webhook_id)))
        audit.record_repeated(actor, "webhook.redeliver", ("webhook", webhook_id))
        return state_of(webhook_id)


def _make_due(which: ColumnBase, limit: int) -> None:
    """Make some deliveries due, which are locked in the order in which their outcomes are stored: no deadlock."""
    some = Delivery.select(Delivery.id).where(which).order_by(Delivery.id).limit(limit)
    locked = Delivery.select(Delivery.id).where(Delivery.id.in_(some)).order_by(Delivery.version, Delivery.id)
    ids = [delivery.id for delivery in database.lock_for_update(locked)]
    Delivery.update(_due_now()).where(Delivery.id.in_(ids), which).execute()


def _due_now() -> dict[str, Any]:
    return {"state": WAITING, "attempts": 0, "next_attempt_at": utcnow(), "ended_at": None}
