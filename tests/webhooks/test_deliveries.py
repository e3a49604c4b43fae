"""`/webhooks/<id>/deliveries`: what was sent to whom, tests, sending again, and what nobody may learn from it."""

import json
from datetime import timedelta

from backend.models.database import connected
from backend.models.delivery import Delivery
from backend.models.feed import FeedChange
from backend.services.webhooks import deliveries, fan_out
from backend.utils.clock import utcnow
from tests.helpers import OPEN, details_of
from tests.parts.webhooks import make_webhook, verified

FIELDS = {
    "title": {"type": "string"},
    "team": {"type": "string"},
    "wage": {"type": "integer", "readable_by": ["editor"]},
}
WORKER = "worker"
# Readers of the tasks: by a row rule, their own ones, all of them, and none.
TASKS = {
    "list": [{"role": WORKER, "where": {"team": "red"}}, "owner", "editor"],
    **{"read": [WORKER, "editor"], "create": ["member", "editor"], "update": ["editor", "member"]},
    "delete": ["editor", "member"],
}


def sender_of(admin, person, *roles):
    """Give a person the permission for webhooks, beside some roles."""
    admin.post("/roles", json={"name": "sender", "permissions": ["webhooks:write"]})
    assert admin.patch(f"/users/{person.id}", json={"roles": ["sender", *roles]}).status_code == 200
    person.forget_token()


def states(person, webhook, **query):
    answer = person.get(f"/webhooks/{webhook}/deliveries", query_string=query)
    assert answer.status_code == 200, answer.json
    return [(each["action"], each["state"]) for each in answer.json["data"]]


def test_lists_what_was_sent_page_by_page(notes, admin, alice, inbox, sending):
    sender_of(admin, alice)
    webhook, _ = make_webhook(alice.id, inbox.url)
    other, _ = make_webhook(alice.id, inbox.url, actions=["delete"])
    inbox.answer = lambda message: 500 if message.json["type"] == "notes.update" else 204
    note = alice.make("notes", title="Milk")
    alice.patch(f"/notes/{note['id']}", json={"title": "Tea"})
    alice.delete(f"/notes/{note['id']}")
    sending.run()
    assert states(alice, webhook) == [("delete", "waiting"), ("update", "waiting"), ("create", "delivered")]
    assert states(alice, webhook, state="waiting", sort="id") == [("update", "waiting"), ("delete", "waiting")]
    assert states(alice, webhook, status__gte=500) == [("update", "waiting")]
    assert states(alice, other) == [("delete", "delivered")]
    path = f"/webhooks/{webhook}/deliveries"
    first = alice.get(f"{path}?per_page=2").json
    following = alice.get(f"{path}?per_page=2&cursor={first['meta']['next_cursor']}").json
    assert [each["action"] for each in first["data"] + following["data"]] == ["delete", "update", "create"]
    assert (
        alice.get(f"/webhooks/{other}/deliveries?per_page=2&cursor={first['meta']['next_cursor']}").json["data"] == []
    )
    for listed in first["data"] + following["data"]:
        assert alice.get(f"{path}/{listed['id']}").json["data"] == listed
        assert alice.get(f"/webhooks/{other}/deliveries/{listed['id']}").status_code == 404
    update = first["data"][1]
    assert (update["status"], update["attempts"], update["version"], update["fields"]) == (500, 1, 2, ["title"])
    assert (update["record_id"], update["changed_by"], update["ended_at"]) == (note["id"], alice.id, None)
    assert list(details_of(alice.get(f"{path}?state=lost"))["query"]) == ["state"]


def test_one_is_sent_again_with_its_id_whether_it_waits_or_has_ended(notes, admin, alice, inbox, sending):
    sender_of(admin, alice)
    webhook, secret = make_webhook(alice.id, inbox.url, with_data=True)
    note = alice.make("notes", title="Milk")
    sending.run()
    (message,) = inbox.take(1)
    path = f"/webhooks/{webhook}/deliveries"
    delivered = alice.get(path).json["data"][0]
    again = alice.post(f"{path}/{delivered['id']}/redelivery")
    assert (again.status_code, again.json["data"]["state"], again.json["data"]["attempts"]) == (202, "waiting", 0)
    alice.patch(f"/notes/{note['id']}", json={"title": "Tea"})
    inbox.answer = lambda message: 500
    sending.run()
    (repeated,) = inbox.take(1)
    assert (repeated.id, verified(repeated, secret)["data"]["record"]["title"]) == (message.id, "Tea")
    assert states(alice, webhook, sort="id") == [("create", "waiting"), ("update", "waiting")]
    assert sending.run() == 0
    inbox.answer = lambda message: 204
    assert alice.post(f"{path}/{delivered['id']}/redelivery").status_code == 202
    assert sending.run() == 2
    assert [each.json["type"] for each in inbox.take(2)] == ["notes.create", "notes.update"]


def test_a_call_that_is_repeated_does_not_hold_back_a_delivery(notes, admin, alice, inbox, sending):
    sender_of(admin, alice)
    webhook, _ = make_webhook(alice.id, inbox.url)
    alice.make("notes", title="Milk")
    sending.run()
    path = f"/webhooks/{webhook}/deliveries"
    delivery = alice.get(path).json["data"][0]["id"]
    first, again = (alice.post(f"{path}/{delivery}/redelivery").json["data"] for _ in range(2))
    assert first["next_attempt_at"] == again["next_attempt_at"]
    assert sending.run() == 1
    assert len(inbox.take(2)) == 2


def test_after_a_day_without_a_receiver_all_are_sent_at_once(notes, admin, alice, inbox, sending, monkeypatch):
    sender_of(admin, alice)
    webhook, _ = make_webhook(alice.id, inbox.url)
    path = f"/webhooks/{webhook}"
    inbox.answer = lambda message: 500
    for number in range(5):
        alice.make("notes", title=str(number))
    alice.post(f"{path}/test")
    for _ in range(7):
        sending.run_later()
    with connected():
        for state, attempts, number in (("failed", 10, 2), ("delivered", 1, 1)):
            some = Delivery.select(Delivery.id).where(Delivery.state == "waiting").order_by(Delivery.id).limit(number)
            ended = {"state": state, "attempts": attempts, "next_attempt_at": None, "ended_at": utcnow()}
            Delivery.update(ended).where(Delivery.id.in_(list(some))).execute()
    inbox.take()
    inbox.answer = lambda message: 204
    assert sending.run() == 0  # the next attempts are in some hours
    for module in (deliveries, fan_out):
        monkeypatch.setattr(module, "MAX_WAITING", 3)
    again = alice.post(f"{path}/redelivery")
    assert (again.status_code, again.json["data"]["waiting"]) == (202, 3)
    failed = alice.get(f"{path}/deliveries?state=failed&resource=notes").json["data"]
    assert alice.post(f"{path}/deliveries/{failed[0]['id']}/redelivery").json["error"]["code"] == "CONFLICT"
    assert sending.run() == 3
    assert alice.post(f"{path}/redelivery").json["data"]["waiting"] == 1
    assert sending.run() == 1
    assert len({message.json["data"]["id"] for message in inbox.take(4)}) == 4  # neither the test nor the delivered one
    assert alice.post(f"{path}/redelivery").json["data"]["waiting"] == 0
    times = [each["times"] for each in admin.get("/audit?action=webhook.redeliver").json["data"]]
    assert sum(times) == 3  # in one entry, unless the hour has just ended


def test_what_is_being_sent_is_not_sent_again_with_all(notes, admin, alice, inbox, sending):
    sender_of(admin, alice)
    webhook, _ = make_webhook(alice.id, inbox.url)
    alice.make("notes", title="Milk")

    def answer(message):
        assert alice.post(f"/webhooks/{webhook}/redelivery").json["data"]["waiting"] == 1
        return 204

    inbox.answer = answer
    assert sending.run() == 1
    assert len(inbox.take(1)) == 1
    assert states(alice, webhook) == [("create", "delivered")]


def test_a_test_shows_its_outcome(notes, admin, alice, inbox, sending):
    sender_of(admin, alice)
    webhook, secret = make_webhook(alice.id, inbox.url, active=False)
    queued = alice.post(f"/webhooks/{webhook}/test")
    assert (queued.status_code, queued.json["data"]["resource"], queued.json["data"]["state"]) == (202, None, "waiting")
    assert alice.post(f"/webhooks/{webhook}/test").status_code == 409
    assert sending.run() == 1
    (message,) = inbox.take(1)
    assert verified(message, secret)["type"] == "webhook.test"
    assert message.id == f"msg_{queued.json['data']['id']}"
    shown = alice.get(f"/webhooks/{webhook}").json["data"]["last_delivery"]
    assert (shown["id"], shown["state"], shown["status"]) == (queued.json["data"]["id"], "delivered", 204)
    assert shown["milliseconds"] is not None
    assert alice.post(f"/webhooks/{webhook}/test").status_code == 202


def test_a_replay_sends_again_or_skips(notes, admin, alice, inbox, sending):
    sender_of(admin, alice)
    admin.declare("other", FIELDS, access=OPEN, feed=True)
    start = alice.get("/notes").json["meta"]["changes_cursor"]
    alice.make("notes", title="before")
    webhook, _ = make_webhook(alice.id, inbox.url)
    alice.make("notes", title="after")
    path = f"/webhooks/{webhook}/replay"
    assert alice.post(path, json={"after": start}).status_code == 202
    assert sending.run() == 2
    first = [each.id for each in inbox.take(2)]
    assert alice.post(path, json={"after": start}).status_code == 202
    assert sending.run() == 2
    assert not set(first).intersection(each.id for each in inbox.take(2))
    alice.make("notes", title="skipped")
    now = alice.get("/changes?resource=notes").json["meta"]["next_cursor"]
    assert alice.post(path, json={"after": now}).status_code == 202
    assert sending.run() == 0
    others = alice.get("/other").json["meta"]["changes_cursor"]
    for wrong, status in (({"after": others}, 400), ({"after": "x"}, 400), ({}, 422), ({"after": 7}, 422)):
        assert alice.post(path, json=wrong).status_code == status
    with connected():
        FeedChange.update(created_at=utcnow() - timedelta(days=31)).execute()
        FeedChange.delete_older_than(30)
    expired = alice.post(path, json={"after": start})
    assert (expired.status_code, expired.json["error"]["code"]) == (410, "CURSOR_EXPIRED")
    assert sending.run() == 0


def test_what_a_webhook_no_longer_wants_is_dropped(notes, admin, alice, inbox, sending):
    sender_of(admin, alice)
    admin.declare("other", FIELDS, access=OPEN, feed=True)
    webhook, _ = make_webhook(alice.id, inbox.url, resources=["notes", "other"])
    note = alice.make("notes", title="Milk")
    alice.patch(f"/notes/{note['id']}", json={"title": "Tea"})
    alice.make("other", title="x")
    sending.fan_out()
    changes = {"resources": ["notes"], "actions": ["update", "delete"]}
    assert alice.patch(f"/webhooks/{webhook}", json=changes).status_code == 200
    sending.run()
    assert [each.json["type"] for each in inbox.take(1)] == ["notes.update"]
    expected = [("create", "dropped"), ("update", "delivered"), ("create", "dropped")]
    assert states(alice, webhook, sort="id") == expected


def test_payloads_and_lists_have_what_the_roles_see_and_nothing_else(admin, alice, bob, edith, inbox, sending):
    admin.post("/roles", json={"name": WORKER})
    admin.declare("tasks", FIELDS, access=TASKS, feed=True)
    sender_of(admin, alice, WORKER)
    sender_of(admin, bob)
    sender_of(admin, edith, "editor")
    ids, people = {}, {"alice": alice, "bob": bob}
    for person, roles in ((alice, [WORKER]), (bob, ["member"]), (edith, ["editor"])):
        ids[person.name], _ = make_webhook(person.id, f"{inbox.url}/{person.name}", ["tasks"], roles, with_data=True)
    red = edith.make("tasks", title="red", team="red", wage=42424242)
    blue = edith.make("tasks", title="blue", team="blue", wage=43434343)
    own = bob.make("tasks", title="own", team="blue")
    sending.run()
    edith.patch(f"/tasks/{red['id']}", json={"wage": 44444444})
    edith.patch(f"/tasks/{own['id']}", json={"title": "ours", "wage": 45454545})
    sending.run()
    edith.patch(f"/tasks/{red['id']}", json={"team": "blue"})
    edith.delete(f"/tasks/{blue['id']}")
    sending.run()
    edith.delete(f"/tasks/{own['id']}")
    sending.run()

    def sent(name):
        data = [message.json["data"] for message in messages if message.path.endswith(name)]
        return [(each["id"], each["action"], each["fields"], each["record"]) for each in data]

    messages = inbox.take()
    assert [each[:3] for each in sent("alice")] == [(red["id"], "create", []), (red["id"], "update", [])]
    assert [each[:3] for each in sent("bob")] == [(own["id"], "create", []), (own["id"], "update", ["title"])]
    assert [each[:3] for each in sent("edith")] == [
        *((red["id"], "create", []), (blue["id"], "create", []), (own["id"], "create", [])),
        *((red["id"], "update", ["wage"]), (own["id"], "update", ["title", "wage"]), (red["id"], "update", ["team"])),
        *((blue["id"], "delete", []), (own["id"], "delete", [])),
    ]
    assert [record and record["wage"] for *_, record in sent("edith")][:4] == [42424242, 43434343, None, 44444444]
    for person in people.values():
        texts = json.dumps(sent(person.name)) + person.get(f"/webhooks/{ids[person.name]}/deliveries").text
        assert "wage" not in texts
        assert not any(hidden in texts for hidden in ("42424242", "44444444", "45454545", blue["id"]))
        assert person.get(f"/webhooks/{ids[person.name]}").json["data"]["waiting"] == 0
    texts = {name: person.get(f"/webhooks/{ids[name]}/deliveries").text for name, person in people.items()}
    assert (red["id"] in texts["bob"], own["id"] in texts["alice"]) == (False, False)
    # Members see the directory, workers alone do not.
    assert (edith.id in texts["bob"], edith.id in texts["alice"]) == (True, False)


def test_roles_that_shrink_take_what_waits_with_them(admin, alice, edith, inbox, sending):
    admin.post("/roles", json={"name": WORKER})
    admin.declare("tasks", FIELDS, access=TASKS, feed=True)
    sender_of(admin, edith, "editor", WORKER)
    webhook, _ = make_webhook(edith.id, inbox.url, ["tasks"], ["editor", WORKER], with_data=True)
    red = alice.make("tasks", title="red", team="red")
    blue = alice.make("tasks", title="blue", team="blue")
    gone = alice.make("tasks", title="gone", team="red")
    assert edith.delete(f"/tasks/{gone['id']}").status_code == 200
    edith.patch(f"/tasks/{red['id']}", json={"wage": 42424242})
    sending.fan_out()
    admin.patch(f"/users/{edith.id}", json={"roles": ["sender", WORKER]})
    alice.make("tasks", title="later", team="blue")
    sending.run()
    assert [(each.json["data"]["id"], each.json["data"]["version"]) for each in inbox.messages] == [(red["id"], 2)]
    (message,) = inbox.take(1)
    assert (message.json["data"]["fields"], "wage" in message.json["data"]["record"]) == ([], False)
    with connected():
        stored = {(row.record_id, row.version): row.state for row in Delivery.select()}
    dropped = [(red["id"], 1), (blue["id"], 1), (gone["id"], 1), (gone["id"], 2)]
    assert stored == dict.fromkeys(dropped, "dropped") | {(red["id"], 2): "delivered"}
