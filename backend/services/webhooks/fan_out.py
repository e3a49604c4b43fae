"""The first step of a webhook: each change of the feed that it is interested in becomes a delivery."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from backend.models.database import database
from backend.models.delivery import Delivery
from backend.models.webhook import Webhook
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Catalog, Catalogs, Resource
from backend.services.errors import Unavailable
from backend.services.records.change_views import ChangeView
from backend.services.storage.feed_reading import START, Position, RecordChange, read_changed, read_last, read_state
from backend.services.webhooks.makers import find_actor
from backend.utils.clock import utcnow

MAX_WAITING = 1000  # deliveries of a webhook; the changes after them wait in the feed
READ_AT_ONCE = 500  # changes
# A position is written only after as many numbers of changes that the webhook does not send: a write costs more than
# to read a few changes again.
LEAST_STEP = 500


class FanOut:
    """Makes deliveries of the changes in the feed.

    It remembers webhooks that had nothing to send and passes over them until one of their resources is changed, or they
    are: their positions are not written, so each run would read the same changes again.
    """

    def __init__(self, catalogs: Catalogs) -> None:
        self._catalogs = catalogs
        self._last = START  # the end of the feed at the latest run
        self._idle: dict[str, Webhook] = {}  # as they were when they had nothing to send, by id

    def run(self) -> int:
        """Make deliveries of the changes after the position of each active webhook; return how many."""
        webhooks = list(Webhook.with_active_maker().where(Webhook.active))
        last = read_last() if webhooks else START
        self._wake_up(last)
        behind = [each for each in webhooks if position_of(each) < last and not self._is_idle(each, last)]
        if not behind:
            return 0
        catalog, waiting = self._catalogs.current(), Delivery.count_waiting([webhook.id for webhook in behind])
        return sum(self._run_one(catalog, each, MAX_WAITING - waiting.get(each.id, 0), last) for each in behind)

    def _wake_up(self, last: Position) -> None:
        """Forget the idle webhooks whose resources were changed since the latest run."""
        if last < self._last:  # a restored database begins anew
            self._idle.clear()
        elif self._idle and last > self._last:
            changed = read_changed(self._last)
            self._idle = {key: each for key, each in self._idle.items() if changed.isdisjoint(each.resources)}
        self._last = last

    def _is_idle(self, webhook: Webhook, last: Position) -> bool:
        known = self._idle.get(webhook.id)
        if known is None or (known.version, position_of(known)) != (webhook.version, position_of(webhook)):
            return False
        return last.sequence - webhook.sequence < LEAST_STEP

    def _run_one(self, catalog: Catalog, webhook: Webhook, room: int, last: Position) -> int:
        try:
            page = _read(catalog, webhook, room, last)
            if page is None:
                return 0
            if page.is_last and not page.changes and page.reached.sequence - webhook.sequence < LEAST_STEP:
                self._idle[webhook.id] = webhook
                return 0
            return _store(catalog, webhook, page)
        except Unavailable:  # a definition has just changed; the next catalog knows
            return 0


def catch_up(catalog: Catalog, webhook_id: str) -> None:
    """Make deliveries of all changes until now, as far as a webhook has room for them.

    Call it before other changes are of interest to the webhook, outside of a transaction: it would be sent those that
    were made before. Raises Unavailable if a definition has just changed.
    """
    last, is_last = read_last(), False
    while not is_last:
        webhook = Webhook.get_or_none(Webhook.id == webhook_id)
        if webhook is None or position_of(webhook) >= last:
            return
        page = _read(catalog, webhook, room_of(webhook.id), last)
        if page is None:
            return
        _store(catalog, webhook, page)
        is_last = page.is_last


def room_of(webhook_id: str) -> int:
    """Return how many more deliveries of a webhook may wait."""
    return MAX_WAITING - Delivery.count_waiting([webhook_id]).get(webhook_id, 0)


def position_of(webhook: Webhook) -> Position:
    """Return the Position up to which a webhook has read the feed."""
    return Position(webhook.transaction_id, webhook.sequence)


def readable_resources(actor: Actor, catalog: Catalog, names: Sequence[str]) -> list[Resource]:
    """Return the resources with a feed, among those with these names, of which the actor may list records."""
    found = [catalog.get(name) for name in names]
    return [each for each in found if each and each.has_feed and policies.scope(each, "list", actor)]


class _Page(NamedTuple):
    """Changes that a webhook sends; `reached` is the position after them, `is_last` says that no more follow."""

    changes: Sequence[RecordChange]
    reached: Position
    is_last: bool


def _read(catalog: Catalog, webhook: Webhook, room: int, last: Position) -> _Page | None:
    """Return the changes after the position of a webhook; None if it may have none now. Raises Unavailable."""
    actor, limit = find_actor(webhook), min(room, READ_AT_ONCE)
    resources = readable_resources(actor, catalog, webhook.resources) if actor else []
    if limit <= 0 or actor is None or not resources:
        return None
    end = read_state([resource.name for resource in resources]).end
    view = ChangeView(actor, resources, with_data=False)
    found = view.find(position_of(webhook), end, limit)
    changes = [each.change for each in view.show(found) if each.change.action in webhook.actions]
    is_last = len(found) < limit
    positions = [each.position for each in found[-1:]]
    return _Page(changes, max([last, *positions]) if is_last else positions[-1], is_last)


def _store(catalog: Catalog, webhook: Webhook, page: _Page) -> int:
    """Insert the deliveries and move the position, unless somebody else has moved it; return how many deliveries.

    Raises Unavailable if a definition has changed: deliveries would have the former name of a resource.
    """
    is_unmoved = (Webhook.transaction_id == webhook.transaction_id) & (Webhook.sequence == webhook.sequence)
    with database.atomic():
        for name in {change.resource for change in page.changes}:
            catalog[name].hold_definition()
        moved = Webhook.update(**page.reached._asdict()).where(Webhook.id == webhook.id, is_unmoved)
        if not moved.execute():
            return 0
        if page.changes:
            Delivery.insert_many([_row(webhook, change) for change in page.changes]).execute()
    return len(page.changes)


def _row(webhook: Webhook, change: RecordChange) -> dict[str, Any]:
    row = {name: getattr(change, name) for name in ("resource", "record_id", "action", "version", "fields")}
    times = {"changed_at": change.at, "next_attempt_at": utcnow()}
    return {"webhook_id": webhook.id, "changed_by": change.by, **row, **times}
