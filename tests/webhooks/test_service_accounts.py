"""Webhooks of service accounts, and webhooks that are given to another account."""

import pytest

from backend.models.database import connected
from backend.models.webhook import Webhook
from tests.conftest import PASSWORD, Person
from tests.helpers import UNKNOWN_ID, details_of
from tests.parts.changes import Follower

TITLE = {"title": {"type": "string"}}


@pytest.fixture
def service(admin):
    """The id of a service account with the role reader; readers list notes."""
    assert admin.post("/roles", json={"name": "reader"}).status_code == 201
    access = {"list": ["reader"], "read": ["reader"], "create": ["member"]}
    admin.declare("notes", TITLE, feed=True, access=access)
    answer = admin.post("/users/services", json={"name": "Search", "roles": ["reader"]})
    assert answer.status_code == 201, answer.json
    return answer.json["data"]["id"]


def person(app, admin, name, roles, *permissions):
    """Return a person with these roles, and one of their own with these permissions."""
    assert admin.post("/roles", json={"name": f"{name}_role", "permissions": permissions}).status_code == 201
    account = {"email": f"{name}@example.com", "name": name, "password": PASSWORD, "roles": [f"{name}_role", *roles]}
    assert admin.post("/users", json=account).status_code == 201
    return Person(app, name)


def declared(url="https://hooks.example.com/", **values):
    return {"name": "Shop", "url": url, "resources": ["notes"], "roles": ["reader"]} | values


def aim(made, inbox):
    """Let a webhook call the receiver of the test, which is on this machine."""
    with connected():
        Webhook.update(url=inbox.url).where(Webhook.id == made["id"]).execute()


def test_it_sends_with_the_roles_of_the_service_account(sending, admin, alice, service, inbox):
    made = admin.post("/webhooks", json=declared(created_by=service)).json["data"]
    assert made["created_by"] == service
    entry = admin.get(f"/audit?target_id={made['id']}").json["data"][0]
    assert (entry["actor_id"], entry["details"]["created_by"]) == (admin.id, service)
    aim(made, inbox)
    alice.make("notes", title="Milk")
    assert sending.run() == 1
    assert [message.json["type"] for message in inbox.take(1)] == ["notes.create"]
    admin.patch(f"/users/{service}", json={"roles": []})
    alice.make("notes", title="Tea")
    assert sending.run() == 0
    admin.patch(f"/users/{service}", json={"active": False})
    assert admin.get(f"/webhooks/{made['id']}").json["data"]["off_reason"] == "maker_inactive"


def test_it_needs_the_roles_of_the_account_and_the_permission_for_users(app, admin, service):
    manager = person(app, admin, "manager", ["reader"], "webhooks:write", "users:write")
    sender = person(app, admin, "sender", ["reader"], "webhooks:write")
    stranger = person(app, admin, "other", [], "webhooks:write", "users:write")
    made = manager.post("/webhooks", json=declared(created_by=service))
    assert made.status_code == 201, made.json
    for someone in (sender, stranger):
        assert someone.post("/webhooks", json=declared(created_by=service)).status_code == 403
        assert someone.get("/webhooks").json["data"] == []
    for wrong in (UNKNOWN_ID, admin.id):
        refused = manager.post("/webhooks", json=declared(created_by=wrong))
        assert list(details_of(refused)["json"]) == ["created_by"]
    path = f"/webhooks/{made.json['data']['id']}"
    assert [each["created_by"] for each in manager.get("/webhooks").json["data"]] == [service]
    assert manager.patch(path, json={"name": "Index"}).json["data"]["name"] == "Index"
    lacking = admin.post("/webhooks", json=declared(created_by=service, roles=["admin"]))
    assert details_of(lacking)["json"]["roles"] == ["The maker of the webhook does not have admin."]
    assert admin.get("/webhooks").json["data"][0]["id"] == made.json["data"]["id"]


def test_a_key_of_the_service_account_sees_its_webhooks(app, admin, service):
    admin.post("/roles", json={"name": "sender", "permissions": ["webhooks:write"]})
    admin.patch(f"/users/{service}", json={"roles": ["reader", "sender"]})
    made = admin.post("/webhooks", json=declared(created_by=service)).json["data"]
    admin.post("/webhooks", json=declared())
    secret = admin.post("/api-keys", json={"name": "K", "user_id": service}).json["data"]["secret"]
    answer = app.test_client().get("/api/v1/webhooks", headers={"Authorization": f"Bearer {secret}"})
    assert [each["id"] for each in answer.json["data"]] == [made["id"]]


def test_another_account_is_sent_only_what_is_changed_from_then_on(app, sending, admin, inbox):
    """Each may list its own papers alone. What is not sent moves the position of a webhook only now and then."""
    admin.declare("papers", TITLE, feed=True, access={"list": ["owner"], "create": ["member"]})
    former = person(app, admin, "former", [], "webhooks:write")
    made = former.post("/webhooks", json=declared(resources=["papers"], roles=["member"])).json["data"]
    aim(made, inbox)
    follower = Follower(admin, "papers")
    admin.make("papers", title="not of the former account")
    follower.read(1)
    assert sending.run() == 0
    given = admin.patch(f"/webhooks/{made['id']}", json={"created_by": admin.id})
    assert given.status_code == 200, given.json
    after = admin.make("papers", title="after")
    follower.read(1)
    assert sending.run() == 1
    assert [message.json["data"]["id"] for message in inbox.take(1)] == [after["id"]]


def test_the_webhook_of_somebody_who_has_left_goes_on_under_another_account(app, sending, admin, alice, service, inbox):
    leaver = person(app, admin, "leaver", ["reader"], "webhooks:write")
    made = leaver.post("/webhooks", json=declared()).json["data"]
    path = f"/webhooks/{made['id']}"
    aim(made, inbox)
    assert admin.delete(f"/users/{leaver.id}").status_code == 200
    note = alice.make("notes", title="Milk")
    assert sending.run() == 0
    admin.patch(f"/users/{service}", json={"roles": []})
    assert list(details_of(admin.patch(path, json={"created_by": service}))["json"]) == ["roles"]
    admin.patch(f"/users/{service}", json={"roles": ["reader"]})
    given = admin.patch(path, json={"created_by": service}).json["data"]
    assert (given["created_by"], given["off_reason"]) == (service, None)
    assert sending.run() == 1
    assert [message.json["data"]["id"] for message in inbox.take(1)] == [note["id"]]
    assert admin.patch(path, json={"created_by": admin.id}).json["data"]["created_by"] == admin.id
