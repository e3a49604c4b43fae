"""The threads that send webhooks, and what is left after a process was killed, on both databases."""

import dataclasses
import signal
import threading
import time

import pytest

from backend.models.database import connected
from backend.models.delivery import Delivery
from backend.services.webhooks import queue
from backend.services.webhooks.dispatcher import Dispatcher
from backend.services.webhooks.queue import MAX_CLAIMED, THREADS
from backend.utils.clock import utcnow
from tests.conftest import PASSWORD, SECRET_KEY
from tests.parts.receiver import receiver
from tests.parts.server import Caller, doomed_server, running_server
from tests.parts.webhooks import LOCAL, deliveries, make_webhook

SECONDS = 60  # a machine may be busy


@pytest.fixture
def dispatcher(app, settings):
    """A Dispatcher that runs."""
    dispatcher = Dispatcher(dataclasses.replace(settings, webhook_networks=LOCAL), app.catalogs)
    dispatcher.start()
    yield dispatcher
    dispatcher.stop()


def test_a_slow_receiver_holds_nobody_up_and_a_stop_waits_for_it(notes, alice, dispatcher):
    maker_id, go_on = alice.id, threading.Event()
    with receiver() as slow, receiver() as fast:
        slow.answer = lambda message: 204 if go_on.wait(SECONDS) else 500
        dispatcher._sender.client = dispatcher._sender.client._replace(seconds=SECONDS)
        slow_id, _ = make_webhook(maker_id, slow.url)
        make_webhook(maker_id, fast.url)
        made = [alice.make("notes", title=str(number))["id"] for number in range(8)]
        assert sorted(message.json["data"]["id"] for message in fast.take(8)) == sorted(made)
        assert len(slow.take(THREADS)) == THREADS  # all its threads wait
        stopping = threading.Thread(target=dispatcher.stop)
        stopping.start()
        assert dispatcher._stopping.wait(SECONDS)
        go_on.set()
        stopping.join(SECONDS)
        assert not stopping.is_alive()
    states = deliveries("webhook_id", "state")
    assert sum(state == "delivered" for webhook_id, state in states if str(webhook_id) == slow_id) == THREADS


def test_a_test_is_sent_while_all_threads_wait_for_the_receiver(notes, admin, alice, dispatcher):
    maker_id, go_on = alice.id, threading.Event()
    with receiver() as slow:
        slow.answer = lambda message: 204 if message.json["type"] == "webhook.test" or go_on.wait(30) else 500
        operations = [{"op": "create", "resource": "notes", "data": {"title": "x"}}] * (THREADS * MAX_CLAIMED)
        webhook_id, _ = make_webhook(maker_id, slow.url)
        assert alice.post("/batch", json={"operations": operations}).status_code == 200
        slow.take(THREADS)
        answer = admin.post(f"/webhooks/{webhook_id}/test")
        assert answer.status_code == 202, answer.json
        wait_until(lambda: (None, "delivered") in deliveries("resource", "state"))
        go_on.set()


def test_an_error_that_nobody_has_expected_is_reported_and_ends_no_webhooks(
    notes, alice, dispatcher, monkeypatch, read_lines
):
    failures, due_webhooks = [LookupError("the cellar is flooded")], queue.due_webhooks

    def fail_once():
        if failures:
            raise failures.pop()
        return due_webhooks()

    monkeypatch.setattr("backend.services.webhooks.dispatcher.REST_SECONDS", 0.1)
    with receiver() as there:
        make_webhook(alice.id, there.url)
        monkeypatch.setattr(queue, "due_webhooks", fail_once)
        note = alice.make("notes", title="x")
        assert there.take(1)[0].json["data"]["id"] == note["id"]
    assert not failures
    (line,) = [line for line in read_lines() if "webhook failed" in line]
    assert "the cellar is flooded" in line


def test_keeps_the_order_of_each_record_with_several_threads(notes, alice, dispatcher):
    with receiver() as inbox:
        make_webhook(alice.id, inbox.url)
        ids = [alice.make("notes", title="0")["id"] for _ in range(3)]
        for number in range(1, 6):
            for note in ids:
                alice.patch(f"/notes/{note}", json={"title": str(number)})
        found = [message.json["data"] for message in inbox.take(18)]
    for note in ids:
        assert [each["version"] for each in found if each["id"] == note] == [1, 2, 3, 4, 5, 6]


def test_two_dispatchers_send_each_change_once(notes, alice, dispatcher, app, settings):
    other = Dispatcher(dataclasses.replace(settings, webhook_networks=LOCAL), app.catalogs)
    other.start()
    with receiver() as inbox:
        make_webhook(alice.id, inbox.url)
        made = [alice.make("notes", title=str(number))["id"] for number in range(20)]
        assert sorted(message.json["data"]["id"] for message in inbox.take(20)) == sorted(made)
        other.stop()
        assert inbox.take() == []


@pytest.mark.parametrize("database_url", ["sqlite", "postgres"], indirect=True)
def test_what_a_killed_server_was_sending_is_sent_by_the_next_one(app, notes, alice, database_url, tmp_path):
    killed = threading.Event()
    settings = {"database_url": database_url, "secret_key": SECRET_KEY, "webhook_networks": LOCAL, "jobs": "inline"}
    folder = tmp_path / "servers"
    folder.mkdir()
    with receiver() as inbox:
        inbox.answer = lambda message: killed.wait(SECONDS) or 500
        webhook_id, _ = make_webhook(alice.id, inbox.url)
        with doomed_server(folder, **settings) as (address, process):
            with Caller(address).sign_in(alice.email, PASSWORD) as caller:
                made = [caller.call("POST", "/notes", {"title": str(number)})[1]["data"]["id"] for number in range(6)]
            first = [message.id for message in inbox.take(THREADS)]
            process.send_signal(signal.SIGKILL)
            process.wait()
        killed.set()
        inbox.answer = lambda message: 204
        with connected():  # a minute later
            Delivery.update(next_attempt_at=utcnow()).execute()
        with running_server(folder, **settings):
            messages = inbox.take(6)
            wait_until(lambda: {row[0] for row in deliveries("state")} == {"delivered"})
    assert {message.json["data"]["id"] for message in messages} == set(made)
    assert set(first) <= {message.id for message in messages}  # the same ids: receivers know them already
    assert {row[0] for row in deliveries("attempts") if row[0] > 1} == {2}


def wait_until(condition):
    deadline = time.monotonic() + SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert condition()
