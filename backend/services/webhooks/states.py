"""The states of webhooks: why one sends nothing, how many deliveries wait, and which one has ended last."""

from collections.abc import Sequence
from typing import NamedTuple

from backend.models.delivery import WAITING, Delivery
from backend.models.webhook import GONE, PASSWORD_SET, Webhook

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
    with_maker = {webhook.id for webhook in Webhook.with_active_maker(Webhook.id).where(Webhook.id.in_(ids))}
    waiting = Delivery.count_waiting(ids)
    last = {delivery.webhook_id: delivery for delivery in _last_deliveries(ids)}
    return [
        WebhookState(each, _off_reason(each, each.id in with_maker), waiting.get(each.id, 0), last.get(each.id))
        for each in webhooks
    ]


def state_of(webhook_id: str, secret: str | None = None) -> WebhookState:
    """Return the WebhookState of one, with its new secret. Read it in the transaction that makes the secret.

    A read after the commit might fail, and the secret is never shown again.
    """
    return states_of([Webhook.get_by_id(webhook_id)])[0]._replace(secret=secret)


def _off_reason(webhook: Webhook, has_active_maker: bool) -> str | None:
    if webhook.off_reason is not None or not webhook.active:
        return webhook.off_reason
    if not has_active_maker:
        return MAKER_INACTIVE
    return None if webhook.resources else NO_RESOURCES


def _last_deliveries(webhook_ids: Sequence[str]) -> Sequence[Delivery]:
    ended = Delivery.alias()
    last = ended.select(ended.id).where(ended.webhook_id == Webhook.id, ended.state != WAITING)
    latest = Webhook.select(last.order_by(ended.id.desc()).limit(1)).where(Webhook.id.in_(list(webhook_ids)))
    return list(Delivery.select().where(Delivery.id.in_(latest)))
