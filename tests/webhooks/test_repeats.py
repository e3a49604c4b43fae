"""Requests about webhooks that are sent twice, because their response was lost."""

import dataclasses

import pytest

from backend import create_app
from backend.models.database import connected
from backend.models.idempotency import IdempotencyKey
from backend.models.webhook import Webhook
from backend.services.webhooks.secrets import webhook_secrets
from tests.conftest import SECRET_KEY, Person

BODY = {"name": "Shop", "url": "https://hooks.example.com/", "resources": ["notes"], "roles": ["admin"]}
KEY = {"Idempotency-Key": "once"}


@pytest.fixture
def notes(admin):
    """A resource with a feed."""
    return admin.declare("notes", {"title": {"type": "string"}}, feed=True)


def test_a_webhook_is_created_once_and_its_secret_is_shown_again(notes, admin):
    first, again = (admin.post("/webhooks", json=BODY, headers=KEY) for _ in range(2))
    assert (first.status_code, again.data) == (201, first.data)
    assert [again.headers[name] for name in ("Location", "ETag")] == [first.headers["Location"], '"1"']
    assert ("Idempotency-Replayed" in first.headers, again.headers["Idempotency-Replayed"]) == (False, "true")
    secret = first.json["data"]["secret"]
    with connected():
        (webhook,) = Webhook.select()
        assert webhook_secrets.unseal(webhook.secret) == secret
        (stored,) = IdempotencyKey.select()
    assert not any(part in str(stored.__data__) for part in (secret, "whsec_", "hooks.example.com"))
    other = admin.post("/webhooks", json=BODY | {"name": "Other"}, headers=KEY)
    assert (other.status_code, len(admin.get("/webhooks").json["data"])) == (422, 1)


def test_a_new_secret_is_made_once_so_the_one_that_the_receiver_has_stays(notes, admin):
    made = admin.post("/webhooks", json=BODY).json["data"]
    path = f"/webhooks/{made['id']}/secret"
    first, again = (admin.post(path, headers=KEY) for _ in range(2))
    assert (first.status_code, again.data) == (201, first.data)
    with connected():
        webhook = Webhook.get_by_id(made["id"])
    assert webhook_secrets.unseal(webhook.secret) == first.json["data"]["secret"]
    assert webhook_secrets.unseal(webhook.previous_secret) == made["secret"]
    admin.post(path)  # a second one ends the first at once
    with connected():
        webhook = Webhook.get_by_id(made["id"])
    assert webhook_secrets.unseal(webhook.previous_secret) == first.json["data"]["secret"]


def test_the_response_is_known_again_after_a_change_of_the_key_that_encrypts(notes, admin, settings):
    first = admin.post("/webhooks", json=BODY, headers=KEY)
    keys = f"the new key of this test, which is long enough,{SECRET_KEY}"
    later = Person(create_app(dataclasses.replace(settings, secret_key=keys)))
    headers = {"Authorization": f"Bearer {admin.token}", **KEY}
    assert later.post("/webhooks", json=BODY, headers=headers).data == first.data


def test_an_api_key_gets_no_secret_that_its_account_has_made(notes, admin):
    admin.post("/webhooks", json=BODY, headers=KEY)
    key = admin.post("/api-keys", json={"name": "K", "roles": ["admin"]}).json["data"]["secret"]
    headers = {"Authorization": f"Bearer {key}", **KEY}
    assert admin.client.post("/api/v1/webhooks", json=BODY, headers=headers).status_code == 403
