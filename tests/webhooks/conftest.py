"""Fixtures of the tests of webhooks: a receiver, and what sends to it."""

import pytest

from tests.parts.receiver import receiver
from tests.parts.webhooks import Sending


@pytest.fixture
def inbox():
    """A receiver on this machine."""
    with receiver() as state:
        yield state


@pytest.fixture
def sending(app, settings):
    """What sends webhooks when a test says so."""
    return Sending(app, settings)
