"""Every statement of a job fails once: nothing is lost, sent twice, counted or shown that is not stored."""

from dataclasses import replace
from itertools import count, cycle

import pytest

from backend import create_app
from backend.models.database import DATABASE_ERRORS, connected, database
from backend.models.delivery import WAITING, Delivery
from backend.models.mail import Mail, OutgoingMail
from backend.models.webhook import Webhook
from backend.services.accounts import outbox
from backend.services.operation.jobs import jobs
from backend.services.operation.metrics import metrics
from backend.utils.clock import utcnow
from tests.conftest import Person
from tests.helpers import OPEN
from tests.parts.failing_statements import TEMPORARY, failing, wired
from tests.parts.receiver import receiver
from tests.parts.webhooks import LOCAL, Sending, make_webhook


@pytest.fixture
def failing_app(settings, mailbox):
    """An app that can send, with statements that can be made to fail."""
    app = create_app(replace(settings, smtp_url=mailbox.url, webhook_networks=LOCAL))
    with wired(database.obj):
        yield app
    database.close_all()


def each_failure():
    """Yield (n, fault): which statement is to fail, and how; the ways take turns."""
    yield from zip(count(1), cycle(TEMPORARY[database.name]), strict=False)


def fails(n, fault, run):
    """Call `run` with the n-th statement failing; return whether there was such a statement."""
    with failing(n, fault) as failed:
        try:
            run()
        except DATABASE_ERRORS:
            assert failed
    assert not database._in_use
    return bool(failed)


def send_due(app):
    with connected():
        OutgoingMail.update(due_at=utcnow()).execute()
    outbox.send_due_mail(app.settings)


def test_a_mail_is_sent_once_whichever_statement_fails(failing_app, mailbox):
    for n, fault in each_failure():
        with connected(), database.atomic():
            outbox.queue_mail("reset", "alice@example.com")
        has_failed = fails(n, fault, lambda: outbox.send_due_mail(failing_app.settings))
        send_due(failing_app)
        assert len(mailbox.take()) == 1, (n, fault)
        with connected():
            assert [mail.state for mail in Mail.select()] == ["sent"], (n, fault)
            assert OutgoingMail.select().count() == Mail.delete().execute() - 1 == 0
        if not has_failed:
            break


@pytest.mark.parametrize("status", [204, 500, 410])
def test_an_outcome_is_counted_if_it_is_stored_whichever_statement_fails(failing_app, status):
    admin = Person(failing_app, "admin")
    admin.declare("notes", {"title": {"type": "string"}}, access=OPEN, feed=True)
    maker_id = admin.id
    with receiver() as inbox:
        inbox.answer = lambda message: status
        for n, fault in each_failure():
            sending, before = Sending(failing_app, failing_app.settings), counted()
            make_webhook(maker_id, inbox.url)
            admin.make("notes", title="Milk")
            has_failed = fails(n, fault, sending.run)
            assert counted() - before == stored(), (n, fault)
            with connected():
                Webhook.delete().execute()
            if not has_failed:
                break


def counted():
    """Return how many outcomes of deliveries this process has counted."""
    return sum(number for key, number in metrics.process.sums().events.items() if key[0] == "webhook")


def stored():
    """Return how many deliveries have ended, or wait for another attempt."""
    with connected():
        return Delivery.select().where((Delivery.state != WAITING) | Delivery.error.is_null(False)).count()


class Ended:
    """A task that has ended, as huey reports it."""

    id, name = "1", "back_up"


def test_the_end_of_a_job_that_cannot_be_stored_is_stored_after_the_next_one(failing_app):
    admin = Person(failing_app, "admin")

    def run(error=None):
        jobs._note_start("executing", Ended)
        jobs._note_end("error" if error else "complete", Ended, error)

    fault = TEMPORARY[database.name][0]
    assert fails(1, fault, lambda: run(ValueError("the disk is full")))
    assert admin.get("/jobs").json["data"][0]["last_run"] is None
    run()
    last = admin.get("/jobs").json["data"][0]["last_run"]
    assert (last["runs"], last["failures"], last["failure"]) == (2, 1, None)
