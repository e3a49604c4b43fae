"""The messages that webhooks send: made anew at each attempt, of what the roles of the webhook see now."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from backend.models.delivery import Delivery
from backend.models.webhook import Webhook
from backend.services.access.actors import Actor
from backend.services.definitions.catalog import Catalog, Resource
from backend.services.records.change_views import ChangeView
from backend.services.records.changes import members_of
from backend.services.storage.feed_reading import START, RecordChange
from backend.services.webhooks.fan_out import readable_resources
from backend.services.webhooks.secrets import signing_secrets
from backend.utils.clock import rfc3339, utcnow

TEST = "webhook.test"  # the type of a message that a user has asked for


class Message(NamedTuple):
    """What one attempt sends; `secrets` are those that sign it, or None if they cannot be decrypted."""

    id: str
    url: str
    body: str
    secrets: Sequence[str] | None


def make_messages(
    actor: Actor, catalog: Catalog, webhook: Webhook, deliveries: Sequence[Delivery]
) -> list[Message | None]:
    """Return the messages of deliveries of different records; None where the actor no longer sees the change, or where
    the webhook no longer wants it.

    They are those of the first deliveries, as many as fit into a response together, but at least one.
    """
    secrets, changes = signing_secrets(webhook), [_change_of(each) for each in deliveries if each.resource is not None]
    resources = readable_resources(actor, catalog, sorted({change.resource for change in changes}))
    bodies, left_out = _change_bodies(actor, webhook, resources, changes) if resources else ({}, set())
    messages: list[Message | None] = []
    for delivery in deliveries:
        if delivery.record_id in left_out:
            break
        body = _test_body(webhook) if delivery.resource is None else bodies.get(delivery.record_id)
        messages.append(None if body is None else Message(f"msg_{delivery.id}", webhook.url, body, secrets))
    return messages


def _test_body(webhook: Webhook) -> str:
    data = {"webhook": str(webhook.id), "name": webhook.name}
    return json.dumps({"type": TEST, "timestamp": rfc3339(utcnow()), "data": data}, separators=(",", ":"))


def _change_bodies(
    actor: Actor, webhook: Webhook, resources: Sequence[Resource], changes: Sequence[RecordChange]
) -> tuple[dict[str | None, str], set[str | None]]:
    """Return the bodies of visible changes by the id of the record, and the ids of those that are left out."""
    names = {resource.name for resource in resources}
    wanted = [each for each in changes if each.resource in webhook.resources and each.action in webhook.actions]
    readable = [change for change in wanted if change.resource in names]
    # Also without data in the payload: only then are the records looked for in the scope.
    view = ChangeView(actor, resources, with_data=True)
    fitting = view.fitting(readable)
    bodies: dict[str | None, str] = {}
    for change, record in view.show(fitting):
        data = json.dumps(members_of(change), separators=(",", ":"))
        if webhook.with_data:
            data = f'{data[:-1]},"record":{record}}}'
        kind = f"{change.resource}.{change.action}"
        bodies[change.record_id] = f'{{"type":"{kind}","timestamp":"{change.at}","data":{data}}}'
    return bodies, {change.record_id for change in readable[len(fitting) :]}


def _change_of(delivery: Delivery) -> RecordChange:
    assert delivery.resource is not None  # it is no test
    assert delivery.action is not None
    assert delivery.version is not None
    assert delivery.changed_at is not None
    by = delivery.changed_by and str(delivery.changed_by)
    what = delivery.resource, str(delivery.record_id), delivery.action, delivery.version, delivery.fields
    return RecordChange(START, *what, at=rfc3339(delivery.changed_at), by=by)
