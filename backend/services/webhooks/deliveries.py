"""The deliveries of webhooks: which wait and what became of the others, tests, and sending one again."""

from backend.models.database import database
from backend.models.delivery import WAITING, Delivery
from backend.models.webhook import Webhook
from backend.services.access import audit
from backend.services.access.actors import Actor
from backend.services.definitions.policies import Scope
from backend.services.errors import Conflict, NotFound
from backend.services.storage.conditions import Compare
from backend.services.webhooks.makers import find_actor
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
        audit.record(actor, "webhook.test", ("webhook", webhook.id), name=webhook.name)
        return Delivery.get_by_id(delivery.id)


def redeliver(actor: Actor, webhook_id: str, delivery_id: str) -> Delivery:
    """Make a delivery due now, whether it waits or has ended, and return it. Raises what get_delivery raises.

    It keeps its id, by which the receiver can recognise it. It may be sent twice if it is being sent now.
    """
    with database.atomic():
        delivery = get_delivery(actor, webhook_id, delivery_id)
        due = {"state": WAITING, "attempts": 0, "next_attempt_at": utcnow(), "ended_at": None}
        Delivery.update(due).where(Delivery.id == delivery.id).execute()
        audit.record(actor, "webhook.redeliver", ("webhook", webhook_id), delivery=delivery_id)
        return Delivery.get_by_id(delivery.id)
