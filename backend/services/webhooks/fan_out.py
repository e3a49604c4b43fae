"""The first step of a webhook: each change of the feed that it is interested in becomes a delivery."""

from collections.abc import Sequence
from typing import Any

import structlog

from backend.models.database import database
from backend.models.delivery import WAITING, Delivery
from backend.models.user import User
from backend.models.webhook import Webhook
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Catalog, Resource
from backend.services.errors import Unavailable
from backend.services.records.changes import ChangeView
from backend.services.storage.feed_reading import Change, Position, read_last, read_state
from backend.services.webhooks.makers import actor_of
from backend.utils.clock import utcnow

MAX_WAITING = 1000  # deliveries of a webhook; the changes after them wait in the feed
READ_AT_ONCE = 500  # changes
# A position is written only after as many numbers of changes that the webhook does not send: a write costs more than
# to read a few changes again.
LEAST_STEP = 500

log = structlog.get_logger()


def fan_out(webhooks: Sequence[Webhook], catalog: Catalog) -> int:
    """Make deliveries of the changes after the position of each webhook; return how many."""
    last = read_last()
    return sum(_fan_out_one(catalog, webhook, last) for webhook in webhooks if position_of(webhook) < last)


def active_webhooks() -> list[Webhook]:
    """Return the webhooks that are switched on, and whose makers are active."""
    query = Webhook.select().join(User, on=(User.id == Webhook.created_by))
    return list(query.where(Webhook.active, User.active))


def position_of(webhook: Webhook) -> Position:
    """Return the Position up to which a webhook has read the feed."""
    return Position(webhook.transaction_id, webhook.sequence)


def readable_resources(actor: Actor, catalog: Catalog, names: Sequence[str]) -> list[Resource]:
    """Return the resources with a feed, among those with these names, of which the actor may list records."""
    found = [catalog.get(name) for name in names]
    return [each for each in found if each and each.has_feed and policies.scope(each, "list", actor)]


def _fan_out_one(catalog: Catalog, webhook: Webhook, last: Position) -> int:
    room = min(MAX_WAITING - _count_waiting(webhook), READ_AT_ONCE)
    actor = actor_of(webhook)
    resources = readable_resources(actor, catalog, webhook.resources) if actor else []
    if room <= 0 or actor is None or not resources:
        return 0
    try:
        end = read_state([each.name for each in resources]).end
    except LookupError:  # a feed has just ended; the next catalog knows
        return 0
    view = ChangeView(actor, resources, with_data=False)
    found = view.find(position_of(webhook), end, room)
    changes = [each.change for each in view.show(found) if each.change.action in webhook.actions]
    reached = found[-1].position if len(found) == room else max([last, *(each.position for each in found[-1:])])
    if not changes and reached.sequence - webhook.sequence < LEAST_STEP:
        return 0
    try:
        return _store(webhook, [catalog[name] for name in {change.resource for change in changes}], changes, reached)
    except Unavailable:  # a definition has just changed; the next catalog knows
        return 0


def _count_waiting(webhook: Webhook) -> int:
    count: int = Delivery.select().where(Delivery.webhook_id == webhook.id, Delivery.state == WAITING).count()
    return count


def _store(webhook: Webhook, resources: Sequence[Resource], changes: Sequence[Change], reached: Position) -> int:
    """Insert the deliveries and move the position, unless somebody else has moved it; return how many deliveries.

    Raises Unavailable if a definition has changed: deliveries would have the former name of a resource.
    """
    is_unmoved = (Webhook.transaction_id == webhook.transaction_id) & (Webhook.sequence == webhook.sequence)
    with database.atomic():
        for resource in resources:
            resource.hold_definition()
        moved = Webhook.update(**reached._asdict()).where(Webhook.id == webhook.id, is_unmoved)
        if not moved.execute():
            return 0
        if changes:
            Delivery.insert_many([_row(webhook, change) for change in changes]).execute()
    return len(changes)


def _row(webhook: Webhook, change: Change) -> dict[str, Any]:
    row = {name: getattr(change, name) for name in ("resource", "record_id", "action", "version", "fields")}
    times = {"changed_at": change.at, "next_attempt_at": utcnow()}
    return {"webhook_id": webhook.id, "changed_by": change.by, **row, **times}
