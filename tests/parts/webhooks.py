"""Webhooks of a test, and what sends them at once, without waiting for the threads of the server."""

import dataclasses
from datetime import timedelta

from standardwebhooks import Webhook as Verifier

from backend.models.database import connected
from backend.models.delivery import WAITING, Delivery
from backend.models.webhook import Webhook
from backend.services.storage.feed_reading import read_last
from backend.services.webhooks import queue
from backend.services.webhooks.fan_out import FanOut
from backend.services.webhooks.secrets import make_secret, webhook_secrets
from backend.services.webhooks.sender import Sender
from backend.utils.clock import utcnow

LOCAL = "127.0.0.0/8"


def make_webhook(maker_id, url, resources=("notes",), roles=("member",), **values):
    """Create a webhook that begins now; return its id and its secret."""
    secret = make_secret()
    given = {"name": "Orders", "url": url, "resources": list(resources), "roles": list(roles)}
    given |= {"actions": ["create", "update", "delete"], "secret": webhook_secrets.seal(secret)}
    with connected():
        made = Webhook.create(**given | values, created_by=maker_id, **read_last()._asdict())
    return str(made.id), secret


class Sending:
    """Sends webhooks when a test says so."""

    def __init__(self, app, settings):
        self.sender = Sender(dataclasses.replace(settings, webhook_networks=LOCAL), app.catalogs)
        self._fan_out = FanOut(app.catalogs)

    def fan_out(self):
        """Make deliveries of all changes, without sending them."""
        with connected():
            while self._fan_out.run():
                pass

    def run(self):
        """Make deliveries of all changes and send all that is due; return the number of attempts."""
        self.fan_out()
        with connected():
            due = queue.due_webhooks()
        return sum(self._send(webhook_id) for webhook_id in due)

    def _send(self, webhook_id):
        attempts = 0
        while number := self.sender.send_some(webhook_id):
            attempts += number
        return attempts

    def run_later(self):
        """Do as if all times of waiting were over, then run()."""
        with connected():
            Delivery.update(next_attempt_at=utcnow()).where(Delivery.state == WAITING).execute()
        return self.run()


def deliveries(*names):
    """Return these values of all deliveries, by id."""
    with connected():
        return list(Delivery.select(*(getattr(Delivery, name) for name in names)).order_by(Delivery.id).tuples())


def seconds_left(delivery_time):
    """Return the seconds until a moment."""
    return (delivery_time - utcnow()) / timedelta(seconds=1)


def verified(message, secret):
    """Return the payload of a message, as the official verifier reads it."""
    return Verifier(secret).verify(message.body, message.headers)


def resending_webhook(admin, maker, app, settings):
    """Return what check_receiver of guides.py needs: a webhook of `notes` whose changes are sent twice."""
    access = dict.fromkeys(("list", "read", "create"), ["member"])
    admin.declare("notes", {"title": {"type": "string"}}, access=access, feed=True)
    maker_id, sending = maker.id, Sending(app, settings)

    def create(url):
        webhook_id, secret = make_webhook(maker_id, url)

        def send():
            with connected():
                Delivery.create(webhook_id=webhook_id, next_attempt_at=utcnow())
            assert sending.run() == 1
            note = maker.make("notes", title="Grüße")
            for _ in range(2):
                assert sending.run_later() == 1
                assert deliveries("status") == [(204,), (204,)]
                with connected():
                    Delivery.update(state=WAITING).where(Delivery.resource.is_null(False)).execute()
            return note["id"]

        return secret, send

    return create
