"""The receiver in Python and the first steps of docs/webhooks.md."""

import json
import sys

import pytest

from tests.conftest import ON_SQLITE, PASSWORD
from tests.parts.guides import PAGE, PORT, check_receiver
from tests.parts.pages import read_blocks, run_blocks
from tests.parts.server import ROOT, running_server
from tests.parts.webhooks import resending_webhook, verified


@pytest.fixture
def webhook(admin, alice, app, settings):
    """A function that creates a webhook for the guide."""
    return resending_webhook(admin, alice, app, settings)


@ON_SQLITE
def test_the_receiver_in_python_prints_each_change_once(webhook, tmp_path):
    check_receiver("python", [sys.executable], ".py", tmp_path, webhook)


@ON_SQLITE
def test_the_first_message_arrives(database_url, inbox, tmp_path):
    server = tmp_path / "server"
    server.mkdir()
    pages = [read_blocks(ROOT / "docs" / "api" / "README.md")[:1], read_blocks(PAGE)]
    blocks = [(kind, line, text.replace(PORT, str(inbox.port))) for page in pages for kind, line, text in page]
    settings = {"admin_password": PASSWORD, "database_url": database_url, "webhook_networks": "127.0.0.1"}
    with running_server(server, **settings) as address:
        _, secret, _ = run_blocks(
            [block for block in blocks if block[0] == "sh"], address, PASSWORD, tmp_path, server / "server0.log"
        )
        payloads = [verified(message, secret.strip()) for message in inbox.take(2)]
    made = json.loads((tmp_path / "webhook.json").read_text())["data"]
    assert sorted(each["type"] for each in payloads) == ["orders.create", "webhook.test"]
    assert {"webhook": made["id"], "name": "Shop"} in [each["data"] for each in payloads]
