"""The secrets of webhooks, and what is signed with them."""

import dataclasses
import json

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from backend.config.settings import Settings
from backend.services.webhooks.secrets import WebhookSecrets, make_secret, signed_headers
from backend.utils.clock import utcnow
from backend.utils.sealing import Sealer

OLD_KEY, NEW_KEY = "the first key of these tests, long enough", "the second key of these tests, long enough"


def opened(keys, folder):
    secrets = WebhookSecrets()
    secrets.open(Settings(data_dir=folder, secret_key=keys))
    return secrets


def test_a_sealed_secret_is_opened_by_its_key_even_if_that_is_no_longer_the_first(tmp_path):
    secret = make_secret()
    stored = opened(OLD_KEY, tmp_path).seal(secret)
    assert secret not in stored
    assert stored != opened(OLD_KEY, tmp_path).seal(secret)
    assert opened(f"{NEW_KEY},{OLD_KEY}", tmp_path).unseal(stored) == secret
    with pytest.raises(ValueError, match="not sealed"):
        opened(NEW_KEY, tmp_path).unseal(stored)


def test_a_sealed_content_is_not_opened_for_another_purpose_nor_if_it_is_changed():
    sealed = Sealer([b"key"], "one").seal(b"content")
    assert Sealer([b"key"], "one").open(sealed) == b"content"
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for purpose, content in (("two", sealed), ("one", changed), ("one", b"short"), ("one", sealed[:30])):
        with pytest.raises(ValueError, match="not sealed"):
            Sealer([b"key"], purpose).open(content)


def test_the_official_verifier_accepts_each_secret_and_no_changed_message():
    old, new = make_secret(), make_secret()
    body = json.dumps({"type": "notes.create", "data": {"title": "Grüße"}}, ensure_ascii=False)
    headers = signed_headers([new, old], "msg_1", utcnow(), body)
    for secret in (old, new):
        assert Webhook(secret).verify(body.encode(), headers) == json.loads(body)
    for secret, sent, content in (
        (make_secret(), headers, body),
        (new, headers, body + " "),
        (new, {**headers, "webhook-id": "msg_2"}, body),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(content, sent)


def test_without_a_key_in_the_settings_the_one_in_the_data_folder_seals(tmp_path):
    settings = dataclasses.replace(Settings(data_dir=tmp_path), secret_key=None)
    first, second = WebhookSecrets(), WebhookSecrets()
    first.open(settings)
    second.open(settings)
    assert second.unseal(first.seal("whsec_x")) == "whsec_x"
