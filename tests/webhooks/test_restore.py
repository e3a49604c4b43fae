"""Webhooks after a restored backup: none is silent, and none sends what it has sent before."""

from backend.models.database import connected
from backend.models.webhook import Webhook
from tests.parts.backups import app_with, make_backup, restore
from tests.parts.webhooks import make_webhook


def test_a_webhook_goes_on_after_a_restore(notes, alice, inbox, sending, settings):
    run, _ = app_with(settings)
    webhook, _ = make_webhook(alice.id, inbox.url)
    alice.make("notes", title="before")
    sending.run()
    waiting = alice.make("notes", title="waiting")
    sending.fan_out()
    path = make_backup(run)
    for n in range(3):
        alice.make("notes", title=f"lost {n}")
    sending.run()
    inbox.take(5)
    restore(run, path)
    with connected():
        restored = Webhook.get_by_id(webhook)
    assert (restored.transaction_id, restored.sequence) == (0, 0)
    alice.forget_token()
    after = alice.make("notes", title="after")
    sending.run()
    messages = inbox.take(2)  # what waited in the backup is sent again, as it may never have been sent
    assert [each.json["data"]["id"] for each in messages] == [waiting["id"], after["id"]]
