"""The deliveries of webhooks: which wait and what became of the others, tests, and sending one again."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from peewee import fn

from backend.models.database import database
from backend.models.delivery import WAITING, Delivery
from backend.models.user import User
from backend.models.webhook import GONE, PASSWORD_SET, Webhook
from backend.services.access import audit
from backend.services.access.actors import Actor
from backend.services.definitions.policies import Scope
from backend.services.errors import Conflict, NotFound
from backend.services.storage.conditions import Compare
from backend.services.webhooks.makers import actor_of
from backend.services.webhooks.webhooks import get_webhook
from backend.utils.clock import utcnow

MAKER_INACTIVE, NO_RESOURCES = "maker_inactive", "no_resources"
OFF_REASONS = (GONE, PASSWORD_SET, MAKER_INACTIVE, NO_RESOURCES)


class WebhookState(NamedTuple):
    """A Webhook, and what has become of its deliveries.

    `off_reason` says why it sends nothing although its maker has not switched it off, or is None. `waiting` is the
    number of deliveries that have not ended, `last_delivery` the latest one that has, `secret` a new secret.
    """

    webhook: Webhook
    off_reason: str | None
    waiting: int
    last_delivery: Delivery | None
    secret: str | None = None


def states_of(webhooks: Sequence[Webhook]) -> list[WebhookState]:
    """Return the WebhookState of each."""
    ids = [webhook.id for webhook in webhooks]
    makers = {user.id for user in User.select(User.id).where(User.active, User.id.in_(_makers_of(webhooks)))}
    waiting = _count_waiting(ids)
    last = {delivery.webhook_id: delivery for delivery in _last_deliveries(ids)}
    return [
        WebhookState(each, _off_reason(each, makers), waiting.get(each.id, 0), last.get(each.id)) for each in webhooks
    ]


def _count_waiting(webhook_ids: Sequence[str]) -> dict[str, int]:
    counted = Delivery.select(Delivery.webhook_id, fn.COUNT(Delivery.id)).where(
        Delivery.webhook_id.in_(list(webhook_ids)), Delivery.state == WAITING
    )
    rows: Any = counted.group_by(Delivery.webhook_id).tuples()
    return dict(rows)


def _makers_of(webhooks: Sequence[Webhook]) -> list[str]:
    return [webhook.created_by for webhook in webhooks if webhook.created_by is not None]


def _off_reason(webhook: Webhook, makers: set[str]) -> str | None:
    if webhook.off_reason is not None or not webhook.active:
        return webhook.off_reason
    if webhook.created_by not in makers:
        return MAKER_INACTIVE
    return None if webhook.resources else NO_RESOURCES


def _last_deliveries(webhook_ids: Sequence[str]) -> Sequence[Delivery]:
    ended = Delivery.alias()
    last = ended.select(ended.id).where(ended.webhook_id == Webhook.id, ended.state != WAITING)
    latest = Webhook.select(last.order_by(ended.id.desc()).limit(1)).where(Webhook.id.in_(list(webhook_ids)))
    return list(Delivery.select().where(Delivery.id.in_(latest)))


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
        if actor_of(webhook) is None:
            raise Conflict("The account that made the webhook is not active.")
        if Delivery.select().where(*_waiting_of(webhook), Delivery.resource.is_null()).exists():
            raise Conflict("A test of this webhook is waiting already.")
        delivery = Delivery.create(webhook_id=webhook.id, next_attempt_at=utcnow())
        audit.record(actor, "webhook.test", ("webhook", webhook.id), name=webhook.name)
        return Delivery.get_by_id(delivery.id)


def _waiting_of(webhook: Webhook) -> tuple[object, object]:
    return Delivery.webhook_id == webhook.id, Delivery.state == WAITING


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
