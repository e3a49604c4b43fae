"""What webhooks send, and when they send it again: to a real receiver, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.utils import format_datetime

import pytest
from standardwebhooks import WebhookVerificationError

from backend.models.audit import AuditEntry
from backend.models.database import connected, database
from backend.models.delivery import Delivery
from backend.models.mail import Mail
from backend.models.user import User, UserRole
from backend.models.webhook import Webhook
from backend.services.operation import cleanup
from backend.services.webhooks import fan_out, queue
from backend.services.webhooks.calls import Client
from backend.services.webhooks.secrets import make_secret, webhook_secrets
from backend.utils.addresses import parse_networks
from backend.utils.clock import utcnow
from tests.helpers import OPEN
from tests.parts.changes import Follower
from tests.parts.webhooks import Sending, deliveries, make_webhook, seconds_left, verified

FIELDS = {"title": {"type": "string"}, "wage": {"type": "integer", "readable_by": ["editor"]}}


@pytest.fixture
def maker(admin, alice):
    """Alice, who may use webhooks."""
    admin.post("/roles", json={"name": "sender", "permissions": ["webhooks:write"]})
    assert admin.patch(f"/users/{alice.id}", json={"roles": ["sender"]}).status_code == 200
    alice.forget_token()
    return alice


def test_sends_each_change_once_signed_and_in_order(notes, admin, alice, inbox, sending):
    alice.make("notes", title="before")
    _, secret = make_webhook(alice.id, inbox.url)
    note = alice.make("notes", title="Milk")
    admin.patch(f"/notes/{note['id']}", json={"title": "Tea", "wage": 4242})
    alice.delete(f"/notes/{note['id']}")
    assert sending.run() == 3
    messages = inbox.take(3)
    payloads = [verified(message, secret) for message in messages]
    assert [each["type"] for each in payloads] == ["notes.create", "notes.update", "notes.delete"]
    assert [each["data"]["version"] for each in payloads] == [1, 2, 3]
    assert payloads[1]["data"] == {
        **{"resource": "notes", "id": note["id"], "action": "update", "version": 2, "fields": ["title"]},
        **{"at": payloads[1]["timestamp"], "by": admin.id},
    }
    assert payloads[0]["data"]["by"] == alice.id
    assert {message.headers["content-type"] for message in messages} == {"application/json; charset=utf-8"}
    assert messages[0].headers["user-agent"].startswith("Larder/")
    stored = deliveries("id", "state", "attempts", "status", "error", "next_attempt_at")
    assert [message.id for message in messages] == [f"msg_{row[0]}" for row in stored]
    assert [row[1:] for row in stored] == [("delivered", 1, 204, None, None)] * 3
    assert sending.run() == 0
    with pytest.raises(WebhookVerificationError):
        verified(messages[0], make_secret())


def test_sends_only_the_actions_and_resources_that_were_asked_for(notes, admin, alice, inbox, sending):
    admin.declare("other", FIELDS, access=OPEN, feed=True)
    make_webhook(alice.id, inbox.url, resources=["notes", "gone"], actions=["update"])
    alice.make("other", title="x")
    note = alice.make("notes", title="Milk")
    alice.patch(f"/notes/{note['id']}", json={"title": "Tea"})
    sending.run()
    assert [message.json["type"] for message in inbox.take(1)] == ["notes.update"]


def test_the_data_is_what_the_roles_see_at_the_attempt(notes, admin, alice, edith, inbox, sending):
    make_webhook(edith.id, inbox.url, with_data=True)
    make_webhook(edith.id, inbox.url, roles=["member", "editor"], with_data=True)
    note = admin.make("notes", title="Milk", wage=1)
    sending.fan_out()
    admin.patch(f"/notes/{note['id']}", json={"title": "Tea", "wage": 2})
    assert sending.run() == 4
    found = {}
    for message in inbox.take(4):
        payload = message.json["data"]
        found[payload["version"], "wage" in payload["record"]] = payload
    assert {key: each["record"]["title"] for key, each in found.items()} == {
        (version, sees): "Tea" for version in (1, 2) for sees in (True, False)
    }
    assert (found[2, True]["fields"], found[2, False]["fields"]) == (["title", "wage"], ["title"])
    admin.delete(f"/notes/{note['id']}")
    sending.run()
    assert [message.json["data"]["record"] for message in inbox.take(2)] == [None, None]


def test_what_the_roles_do_not_see_is_not_sent_and_not_listed(admin, alice, bob, inbox, sending):
    own = {**OPEN, "list": ["owner"], "read": ["owner"]}
    admin.declare("notes", FIELDS, access=own, feed=True)
    make_webhook(bob.id, inbox.url, with_data=True)
    alice.make("notes", title="x")
    his, gone = bob.make("notes", title="y"), bob.make("notes", title="z")
    bob.patch(f"/notes/{his['id']}", json={"title": "yy"})
    bob.delete(f"/notes/{gone['id']}")
    sending.run()
    assert [(each.json["type"], each.json["data"]["id"]) for each in inbox.take(1)] == [("notes.update", his["id"])]
    assert {str(row[0]) for row in deliveries("record_id")} == {his["id"]}


def test_drops_what_the_roles_no_longer_see(notes, admin, edith, inbox, sending):
    maker_id = edith.id
    make_webhook(maker_id, inbox.url, roles=["member", "editor"])
    admin.make("notes", title="Milk")
    sending.fan_out()
    admin.put("/resources/notes", json={"fields": FIELDS, "access": {**OPEN, "list": ["editor"]}, "feed": True})
    with connected():
        UserRole.delete().where(UserRole.user_id == maker_id, UserRole.role == "editor").execute()
    assert sending.run() == 1
    assert deliveries("state", "status", "attempts", "next_attempt_at") == [("dropped", None, 1, None)]
    admin.make("notes", title="Tea")
    sending.run()
    assert len(deliveries("id")) == 1
    with connected():  # the role is given back: the webhook goes on
        UserRole.create(user_id=maker_id, role="editor")
    sending.run()
    assert [message.json["type"] for message in inbox.take(1)] == ["notes.create"]


def test_the_webhook_of_an_inactive_maker_waits(notes, admin, alice, bob, inbox, sending):
    make_webhook(bob.id, inbox.url)
    admin.make("notes", title="one")
    sending.fan_out()
    with connected():
        User.update(active=False).where(User.email == bob.email).execute()
    admin.make("notes", title="two")
    assert sending.run() == 0
    with connected():
        User.update(active=True).where(User.email == bob.email).execute()
    assert sending.run() == 2
    with connected():
        User.delete().where(User.email == bob.email).execute()
    admin.make("notes", title="three")
    assert sending.run() == 0
    assert len(inbox.take(2)) == 2


def test_tries_again_with_the_same_id_until_the_last_attempt(notes, alice, inbox, sending):
    make_webhook(alice.id, inbox.url)
    note = alice.make("notes", title="Milk")
    inbox.answer = lambda message: 500 if message.json["data"]["id"] == note["id"] else 204
    ids, waits = set(), [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    for number, wait in enumerate(waits, 1):
        assert sending.run_later() == 1
        ids |= {message.id for message in inbox.take(1)}
        state, attempts, status, error, due = deliveries("state", "attempts", "status", "error", "next_attempt_at")[0]
        assert (state, attempts, status) == ("waiting", number, 500)
        assert error == "The receiver answered with status 500."
        assert wait - 60 < seconds_left(due) <= wait * 1.1
        assert sending.run() == 0
    # A later change of the record waits for the first one, another record does not.
    alice.patch(f"/notes/{note['id']}", json={"title": "Tea"})
    other = alice.make("notes", title="other")
    assert sending.run() == 1
    assert [message.json["data"]["id"] for message in inbox.take(1)] == [other["id"]]
    assert sending.run_later() == 2  # the tenth, and then the first of the next version
    messages = inbox.take(2)
    assert {messages[0].id} == ids
    assert [message.json["data"]["version"] for message in messages] == [1, 2]
    assert [row[0] for row in deliveries("state")] == ["failed", "waiting", "delivered"]
    with connected():
        assert [(mail.kind, mail.email) for mail in Mail.select()] == [("webhook_failed", alice.email)]
        Delivery.update(attempts=9).where(Delivery.version == 2).execute()
    assert sending.run_later() == 1
    assert [row[0] for row in deliveries("state")] == ["failed", "failed", "delivered"]
    with connected():
        assert Mail.select().count() == 1  # one a day


def test_a_receiver_that_is_gone_switches_its_webhook_off(notes, admin, alice, inbox, sending):
    webhook_id, _ = make_webhook(alice.id, inbox.url)
    note = alice.make("notes", title="Milk")
    alice.patch(f"/notes/{note['id']}", json={"title": "Tea"})
    inbox.answer = lambda message: 410
    assert sending.run() == 1
    alice.make("notes", title="after")
    assert sending.run_later() == 0
    assert deliveries("state", "status") == [("failed", 410), ("waiting", None)]
    with connected():
        webhook = Webhook.get_by_id(webhook_id)
        assert (webhook.active, webhook.off_reason, webhook.version) == (False, "gone", 2)
        entry = AuditEntry.select().order_by(AuditEntry.id.desc()).first()
        assert (entry.action, str(entry.target_id)) == ("webhook.switch_off", webhook_id)
        assert [(mail.kind, mail.email) for mail in Mail.select()] == [("webhook_off", alice.email)]
        Webhook.update(active=True, off_reason=None).where(Webhook.id == webhook_id).execute()
    inbox.answer = lambda message: 204
    assert sending.run_later() == 2  # it continues where it stopped


RETRY_AFTER = [  # status, Retry-After as seconds or as a moment, and the seconds until the next attempt
    (429, "600", 600, 600),
    (503, "0", 5, 5.5),  # not earlier than by itself
    (503, "999999999999", 86_400, 86_400),
    (429, "soon", 5, 5.5),
    (429, "-5", 5, 5.5),
    (429, "Fri, 31 Dec 9999 23:59:59 -2359", 5, 5.5),  # no datetime in UTC
    (503, None, 5, 5.5),
    (500, "600", 5, 5.5),
    (429, timedelta(minutes=20), 1200, 1200),
    (429, timedelta(minutes=-20), 5, 5.5),
]


def test_obeys_retry_after_for_the_whole_webhook(notes, alice, inbox, sending):
    maker_id = alice.id
    for status, answered, least, most in RETRY_AFTER:
        webhook_id, _ = make_webhook(maker_id, inbox.url)
        alice.make("notes", title="one")
        value = format_datetime(utcnow() + answered, usegmt=True) if isinstance(answered, timedelta) else answered
        headers = {} if value is None else {"Retry-After": value}
        inbox.answer = lambda message, answer=(status, headers): answer
        assert sending.run() == 1
        ((due,),) = deliveries("next_attempt_at")
        assert least - 30 < seconds_left(due) <= most, (status, answered)
        alice.make("notes", title="two")
        assert sending.run() == (0 if least > 5 else 1), (status, answered)
        with connected():
            Webhook.delete().where(Webhook.id == webhook_id).execute()


def test_a_redirect_and_a_private_address_at_a_later_look_up_are_failures(notes, alice, inbox, sending):
    make_webhook(alice.id, inbox.url.replace("127.0.0.1", "hook.example"))
    alice.make("notes", title="one")
    addresses = ["127.0.0.1"]

    def look_up(host, port, **options):
        return [(2, 1, 6, "", (addresses[0], port))]

    sending.sender.client = Client(parse_networks("127.0.0.0/8"), look_up)
    inbox.answer = lambda message: (302, {"Location": inbox.url})
    assert sending.run() == 1
    assert len(inbox.take(1)) == 1
    ((error, status),) = deliveries("error", "status")
    assert (error, status) == ("The receiver answered with status 302. Redirects are not followed.", 302)
    addresses[0] = "10.0.0.1"
    assert sending.run_later() == 1
    ((error, status, state),) = deliveries("error", "status", "state")
    assert (status, state) == (None, "waiting")
    assert error.startswith("The host has an address that is not public")


def test_both_secrets_sign_until_the_previous_one_ends(notes, alice, inbox, sending):
    webhook_id, old = make_webhook(alice.id, inbox.url)
    new = make_secret()
    rotated = {"secret": webhook_secrets.seal(new), "previous_secret": webhook_secrets.seal(old)}
    for hours, accepted in ((1, [new, old]), (-1, [new])):
        with connected():
            until = utcnow() + timedelta(hours=hours)
            Webhook.update(**rotated, previous_until=until).where(Webhook.id == webhook_id).execute()
        alice.make("notes", title="x")
        sending.run()
        (message,) = inbox.take(1)
        for secret in accepted:
            assert verified(message, secret)["type"] == "notes.create"
        assert len(message.headers["webhook-signature"].split()) == len(accepted)


def test_a_secret_that_cannot_be_decrypted_is_an_error_that_a_new_one_mends(notes, admin, alice, inbox, sending):
    webhook_id, _ = make_webhook(alice.id, inbox.url, secret="bG9zdA==")
    alice.make("notes", title="x")
    assert sending.run() == 1
    ((error, state),) = deliveries("error", "state")
    assert state == "waiting"
    assert "LARDER_SECRET_KEY" in error
    assert inbox.take() == []
    secret = admin.post(f"/webhooks/{webhook_id}/secret").json["data"]["secret"]  # the lost one is the previous now
    assert sending.run_later() == 1
    (message,) = inbox.take(1)
    assert verified(message, secret)["type"] == "notes.create"
    assert len(message.headers["webhook-signature"].split()) == 1


def test_a_test_is_sent_once_also_while_the_webhook_is_off(notes, alice, inbox, sending):
    webhook_id, secret = make_webhook(alice.id, inbox.url, active=False)
    alice.make("notes", title="x")
    for answer, state in ((204, "delivered"), (500, "failed")):
        inbox.answer = lambda message, answer=answer: answer
        with connected():
            Delivery.create(webhook_id=webhook_id, next_attempt_at=utcnow())
        assert sending.run_later() == 1
        (message,) = inbox.take(1)
        payload = verified(message, secret)
        assert (payload["type"], payload["data"]) == ("webhook.test", {"webhook": webhook_id, "name": "Orders"})
        assert deliveries("state")[-1] == (state,)


def test_a_test_passes_a_backlog(notes, alice, inbox, sending, monkeypatch):
    monkeypatch.setattr(queue, "MAX_CLAIMED", 1)
    webhook_id, _ = make_webhook(alice.id, inbox.url)
    for number in range(5):
        alice.make("notes", title=str(number))
    sending.fan_out()
    with connected():
        Delivery.create(webhook_id=webhook_id, next_attempt_at=utcnow())
    assert sending.run() == 6
    kinds = [message.json["type"] for message in inbox.take(6)]
    assert kinds == ["webhook.test", *["notes.create"] * 5]


def test_a_backlog_waits_in_the_feed(notes, alice, inbox, sending, monkeypatch):
    monkeypatch.setattr(fan_out, "MAX_WAITING", 3)
    make_webhook(alice.id, inbox.url)
    inbox.answer = lambda message: 500
    made = [alice.make("notes", title=str(number))["id"] for number in range(7)]
    assert sending.run() == 3
    assert len(deliveries("id")) == 3
    inbox.answer = lambda message: 204
    inbox.take(3)
    for _ in range(3):
        sending.run_later()
    assert [message.json["data"]["id"] for message in inbox.take(7)] == made


def test_changes_that_a_webhook_does_not_send_are_not_read_for_ever(notes, admin, alice, inbox, sending, monkeypatch):
    monkeypatch.setattr(fan_out, "LEAST_STEP", 3)
    admin.declare("other", FIELDS, access=OPEN, feed=True)
    alice.make("other", title="x")
    webhook_id, _ = make_webhook(alice.id, inbox.url)

    def position():
        with connected():
            return Webhook.get_by_id(webhook_id).sequence

    before = position()
    alice.make("other", title="x")
    sending.run()
    assert position() == before
    for _ in range(3):
        alice.make("other", title="x")
    sending.run()
    assert position() > before
    alice.make("notes", title="x")
    sending.run()
    assert len(inbox.take(1)) == 1


def test_the_feed_is_read_again_only_after_a_change_that_a_webhook_may_send(
    notes, admin, alice, inbox, sending, monkeypatch
):
    looks = []

    class Look(fan_out.ChangeView):
        def __init__(self, actor, resources, **options):
            looks.append([resource.name for resource in resources])
            super().__init__(actor, resources, **options)

    monkeypatch.setattr(fan_out, "ChangeView", Look)
    admin.declare("other", FIELDS, access=OPEN, feed=True)
    webhook_id, _ = make_webhook(alice.id, inbox.url, actions=["update"])
    followers = {name: Follower(alice, name) for name in ("other", "notes")}

    def run_after(change, resource="other"):
        change()
        assert len(followers[resource].read(1)) == 1  # it is settled now
        looks.clear()
        return [sending.run(), *looks]

    note = alice.make("notes", title="x")
    assert run_after(lambda: None, "notes") == [0, ["notes"]]
    for _ in range(3):
        assert run_after(lambda: alice.make("other", title="x")) == [0]
    assert run_after(lambda: alice.make("notes", title="y"), "notes") == [0, ["notes"]]
    update = run_after(lambda: alice.patch(f"/notes/{note['id']}", json={"title": "z"}), "notes")
    assert update == [1, ["notes"]]
    with connected():
        Webhook.update(Webhook.changed(actions=["create"], transaction_id=0, sequence=0)).execute()
    assert run_after(lambda: alice.make("other", title="x"))[0] == 2
    assert [message.json["type"] for message in inbox.take(3)] == ["notes.update", "notes.create", "notes.create"]


def test_what_a_webhook_is_changed_to_send_counts_from_then_on(notes, admin, maker, inbox, sending):
    admin.declare("other", FIELDS, access=OPEN, feed=True)
    webhook_id, _ = make_webhook(maker.id, inbox.url, actions=["update"])
    follower = Follower(maker, "notes,other")
    note = maker.make("notes", title="x")
    maker.make("other", title="x")
    follower.read(2)  # they are settled now
    assert sending.run() == 0
    maker.patch(f"/notes/{note['id']}", json={"title": "y"})
    follower.read(1)
    changes = {"resources": ["notes", "other"], "actions": ["create", "update"]}
    assert maker.patch(f"/webhooks/{webhook_id}", json=changes).status_code == 200
    maker.make("other", title="later")
    follower.read(1)
    sending.run()
    assert sorted(message.json["type"] for message in inbox.take(2)) == ["notes.update", "other.create"]


def test_a_full_page_of_changes_that_are_not_sent_is_left_behind(notes, alice, inbox, sending, monkeypatch):
    monkeypatch.setattr(fan_out, "READ_AT_ONCE", 2)
    make_webhook(alice.id, inbox.url, actions=["update"])
    made = [alice.make("notes", title="x") for _ in range(5)]
    alice.patch(f"/notes/{made[0]['id']}", json={"title": "y"})
    for _ in range(3):
        sending.run()
    assert [message.json["type"] for message in inbox.take(1)] == ["notes.update"]


def test_keeps_the_order_of_a_record_if_the_clock_is_set_back(notes, alice, inbox, sending):
    make_webhook(alice.id, inbox.url)
    note = alice.make("notes", title="x")
    alice.patch(f"/notes/{note['id']}", json={"title": "y"})
    sending.fan_out()
    with connected():
        Delivery.update(next_attempt_at=utcnow() - timedelta(hours=1)).where(Delivery.version == 2).execute()
    sending.run()
    assert [message.json["data"]["version"] for message in inbox.take(2)] == [1, 2]


def test_what_a_killed_process_has_claimed_is_due_again_and_no_sooner(
    notes, alice, inbox, sending, app, settings, read_lines
):
    webhook_id, _ = make_webhook(alice.id, inbox.url)
    alice.make("notes", title="x")
    sending.fan_out()
    with connected():
        webhook = Webhook.get_by_id(webhook_id)
        (killed,) = queue.claim(webhook)
        assert queue.claim(webhook) == []
    assert Sending(app, settings).run() == 0
    ((due,),) = deliveries("next_attempt_at")
    assert 150 < seconds_left(due) <= 180
    assert sending.run_later() == 1
    assert [message.id for message in inbox.take(1)] == [f"msg_{killed.id}"]
    with connected():  # the killed one comes back after all: what it says comes too late
        read_lines()
        queue.settle(webhook, [(killed, queue.Outcome(1, error="late"))])
        Delivery.update(attempts=10).execute()
        killed.attempts = 10
        queue.settle(webhook, [(killed, queue.Outcome(1, error="late"))])
        assert list(Mail.select()) == []
    assert [line for line in read_lines() if "late" in line] == []
    assert deliveries("state", "error") == [("delivered", None)]


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_claim_passes_over_what_another_process_is_claiming(notes, alice, inbox, sending, caplog):
    webhook_id, _ = make_webhook(alice.id, inbox.url)
    for number in range(4):
        alice.make("notes", title=str(number))
    sending.fan_out()
    first, *others = [row[0] for row in deliveries("id")]

    def claim():
        with connected():
            webhook = Webhook.get_by_id(webhook_id)
            return [each.id for _ in range(4) for each in queue.claim(webhook)]

    with connected(), database.atomic(), ThreadPoolExecutor(1) as other_thread:  # with a connection of its own
        Delivery.update(attempts=Delivery.attempts).where(Delivery.id == first).execute()
        assert other_thread.submit(claim).result(30) == others
        with caplog.at_level("DEBUG", logger="peewee"):
            assert other_thread.submit(claim).result(30) == []
    statements = [record.msg[0] for record in caplog.records if record.name == "peewee"]
    assert [sql for sql in statements if sql.startswith("UPDATE")] == []
    assert claim() == [first]


def test_deliveries_are_deleted_some_days_after_their_end_and_stay_while_they_wait(
    notes, alice, inbox, sending, settings
):
    make_webhook(alice.id, inbox.url)
    alice.make("notes", title="x")
    inbox.answer = lambda message: 500
    sending.run()
    with connected():  # the tenth attempt is three days after the first
        Delivery.update(created_at=utcnow() - timedelta(days=40), attempts=9).execute()
    cleanup.clean_up(settings)
    assert deliveries("state") == [("waiting",)]
    sending.run_later()
    cleanup.clean_up(settings)
    assert deliveries("state") == [("failed",)]
    with connected():
        assert [mail.kind for mail in Mail.select()] == ["webhook_failed"]
        Delivery.update(ended_at=utcnow() - timedelta(days=settings.changes_keep_days, hours=1)).execute()
    cleanup.clean_up(settings)
    assert deliveries("state") == []


def test_changes_read_before_a_resource_was_renamed_are_not_lost(notes, admin, alice, inbox, sending, app, monkeypatch):
    make_webhook(alice.id, inbox.url)
    note = alice.make("notes", title="x")
    renamed = {"name": "papers", "renamed_from": "notes", "fields": FIELDS, "access": OPEN, "feed": True}
    store = fan_out._store

    def rename_first(*arguments):
        monkeypatch.setattr(fan_out, "_store", store)
        with ThreadPoolExecutor(1) as other_thread:  # with a connection of its own
            answer = other_thread.submit(admin.put, "/resources/notes", json=renamed).result()
        assert answer.status_code == 200, answer.json
        return store(*arguments)

    monkeypatch.setattr(fan_out, "_store", rename_first)
    with connected():
        assert fan_out.FanOut(app.catalogs).run() == 0
    assert sending.run() == 1
    (message,) = inbox.take(1)
    assert (message.json["type"], message.json["data"]["id"]) == ("papers.create", note["id"])
