"""The mails to the maker of a webhook."""

import dataclasses

from backend.models.database import connected
from backend.models.delivery import FAILED, Delivery
from backend.models.webhook import GONE, Webhook
from backend.services.accounts.outbox import queue_mail, send_due_mail
from backend.utils.clock import utcnow
from tests.conftest import ON_SQLITE
from tests.parts.smtp import html_of, text_of
from tests.parts.webhooks import make_webhook


@ON_SQLITE
def test_a_mail_names_the_webhooks_that_it_is_about(alice, bob, app, settings, mailbox):
    sending, maker_id, other_id = dataclasses.replace(settings, smtp_url=mailbox.url), alice.id, bob.id
    failing, _ = make_webhook(maker_id, "https://example.com", name="Orders & <more>")
    make_webhook(maker_id, "https://example.com", name="Gone", active=False, off_reason=GONE)
    make_webhook(maker_id, "https://example.com", name="Switched off by its maker", active=False)
    for_other, _ = make_webhook(other_id, "https://example.com", name="Of another")
    with connected():
        for webhook_id in (failing, for_other):
            Delivery.create(webhook_id=webhook_id, state=FAILED, ended_at=utcnow())
        queue_mail("webhook_failed", alice.email)
        queue_mail("webhook_off", alice.email)
    send_due_mail(sending)
    mails = {message["Subject"].partition(" –")[0]: message for message in mailbox.take()}
    failed, off = mails.pop("A webhook could not deliver"), mails.pop("A webhook was switched off")
    assert mails == {}
    assert [line for line in text_of(failed).splitlines() if line.startswith("- ")] == ["- Orders & <more>"]
    assert "<li>Orders &amp; &lt;more&gt;</li>" in html_of(failed)
    assert [line for line in text_of(off).splitlines() if line.startswith("- ")] == ["- Gone"]
    with connected():  # deleted meanwhile: the mail is not needed
        Webhook.delete().execute()
        queue_mail("webhook_failed", alice.email)
    send_due_mail(sending)
    assert mailbox.take() == []
