"""The receiver in Python of docs/webhooks.md."""

import sys

import pytest

from tests.conftest import ON_SQLITE
from tests.parts.guides import check_receiver
from tests.parts.webhooks import resending_webhook


@pytest.fixture
def webhook(admin, alice, app, settings):
    """A function that creates a webhook for the guide."""
    return resending_webhook(admin, alice, app, settings)


@ON_SQLITE
def test_the_receiver_in_python_prints_each_change_once(webhook, tmp_path):
    check_receiver("python", [sys.executable], ".py", tmp_path, webhook)
