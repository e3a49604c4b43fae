"""A webhook from its creation to its deletion, over the API and with a real receiver, on both databases."""

import dataclasses

import pytest

from backend import create_app
from backend.models.database import database
from tests.parts.changes import Follower
from tests.parts.webhooks import LOCAL, verified


@pytest.fixture
def app(settings):
    """An app whose webhooks may call this machine."""
    yield create_app(dataclasses.replace(settings, webhook_networks=LOCAL))
    database.close_all()


def test_what_a_maker_sees_and_a_receiver_gets(notes, admin, inbox, sending):
    body = {"name": "Orders", "url": inbox.url, "resources": ["notes"], "roles": ["member"], "with_data": True}
    made = admin.post("/webhooks", json=body).json["data"]
    path, secret = f"/webhooks/{made['id']}", made["secret"]

    def listed(*names):
        return [tuple(each[name] for name in names) for each in admin.get(f"{path}/deliveries").json["data"]]

    assert admin.post(f"{path}/test").status_code == 202
    assert sending.run() == 1
    assert verified(*inbox.take(1), secret)["type"] == "webhook.test"
    assert listed("state", "status", "attempts") == [("delivered", 204, 1)]

    before = Follower(admin).cursor
    note = admin.make("notes", title="Milk")
    assert admin.get(path).json["data"]["waiting"] == 0
    sending.run()
    (message,) = inbox.take(1)
    assert verified(message, secret)["data"]["record"] == {name: note[name] for name in note if name != "wage"}
    delivery_id = message.id.removeprefix("msg_")
    assert admin.post(f"{path}/deliveries/{delivery_id}/redelivery").status_code == 202
    sending.run()
    assert [again.id for again in inbox.take(1)] == [message.id]

    new_secret = admin.post(f"{path}/secret").json["data"]["secret"]
    assert admin.post(f"{path}/replay", json={"after": before}).status_code == 202
    sending.run()
    (replayed,) = inbox.take(1)
    assert replayed.id != message.id
    assert verified(replayed, secret) == verified(replayed, new_secret) == verified(message, secret)

    inbox.answer = lambda message: 410
    admin.make("notes", title="Tea")
    sending.run()
    state = admin.get(path).json["data"]
    assert (state["active"], state["off_reason"]) == (False, "gone")
    entries = admin.get("/audit?action=webhook.switch_off").json["data"]
    assert [entry["details"] for entry in entries] == [{"name": "Orders", "reason": "gone"}]
    inbox.answer = lambda message: 204
    admin.make("notes", title="Coffee")
    assert admin.patch(path, json={"active": True}).json["data"]["off_reason"] is None
    sending.run()
    assert [each.json["data"]["record"]["title"] for each in inbox.take(2)] == ["Tea", "Coffee"]

    admin.make("notes", title="never sent")
    assert admin.delete(path).status_code == 200
    assert sending.run() == 0
    assert len(inbox.take(0)) == 0
