"""The messages that webhooks send: made anew at each attempt, of what the roles of the webhook see now."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from backend.models.delivery import Delivery
from backend.models.webhook import Webhook
from backend.services.access.actors import Actor
from backend.services.definitions.catalog import Catalog
from backend.services.records.changes import ChangeView, members_of
from backend.services.storage.feed_reading import Change, Position
from backend.services.webhooks.fan_out import readable_resources
from backend.services.webhooks.secrets import webhook_secrets
from backend.utils.clock import rfc3339, utcnow

TEST = "webhook.test"  # the type of a message that a user has asked for
SECRET_LOST = "The secret cannot be decrypted, because LARDER_SECRET_KEY has changed. Create a new secret."


class Message(NamedTuple):
    """What one attempt sends; `secrets` are those that sign it, or None if they cannot be decrypted."""

    id: str
    url: str
    body: str
    secrets: Sequence[str] | None


def make_message(actor: Actor, catalog: Catalog, webhook: Webhook, delivery: Delivery) -> Message | None:
    """Return the message of a delivery; None if the actor may not see the change, or if it is no longer wanted."""
    body = _test_body(webhook) if delivery.resource is None else _change_body(actor, catalog, webhook, delivery)
    if body is None:
        return None
    return Message(f"msg_{delivery.id}", webhook.url, body, _secrets_of(webhook))


def _test_body(webhook: Webhook) -> str:
    data = {"webhook": str(webhook.id), "name": webhook.name}
    return json.dumps({"type": TEST, "timestamp": rfc3339(utcnow()), "data": data}, separators=(",", ":"))


def _change_body(actor: Actor, catalog: Catalog, webhook: Webhook, delivery: Delivery) -> str | None:
    change = _change_of(delivery)
    if change.resource not in webhook.resources or change.action not in webhook.actions:
        return None
    resources = readable_resources(actor, catalog, [change.resource])
    if not resources:
        return None
    # Also without data in the payload: only then is the record looked for in the scope.
    shown = ChangeView(actor, resources, with_data=True).show([change])
    if not shown:
        return None
    change, record = shown[0]
    data = json.dumps(members_of(change), separators=(",", ":"))
    if webhook.with_data:
        data = f'{data[:-1]},"record":{record}}}'
    return f'{{"type":"{change.resource}.{change.action}","timestamp":"{change.at}","data":{data}}}'


def _change_of(delivery: Delivery) -> Change:
    assert delivery.resource is not None  # it is no test
    assert delivery.action is not None
    assert delivery.version is not None
    assert delivery.changed_at is not None
    by = delivery.changed_by and str(delivery.changed_by)
    what = delivery.resource, str(delivery.record_id), delivery.action, delivery.version, delivery.fields
    return Change(Position(0, 0), *what, at=rfc3339(delivery.changed_at), by=by)


def _secrets_of(webhook: Webhook) -> list[str] | None:
    stored = [webhook.secret]
    if webhook.previous_secret and webhook.previous_until and webhook.previous_until > utcnow():
        stored.append(webhook.previous_secret)
    try:
        return [webhook_secrets.unseal(each) for each in stored]
    except ValueError:
        return None
