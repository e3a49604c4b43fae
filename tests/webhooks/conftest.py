"""Fixtures of the tests of webhooks: a resource, a receiver, and what sends to it."""

import pytest

from tests.helpers import OPEN
from tests.parts.receiver import receiver
from tests.parts.webhooks import Sending


@pytest.fixture
def notes(admin):
    """A resource with a feed, whose records members change; only editors see the wage."""
    fields = {"title": {"type": "string"}, "wage": {"type": "integer", "readable_by": ["editor"]}}
    return admin.declare("notes", fields, access=OPEN, feed=True)


@pytest.fixture
def inbox():
    """A receiver on this machine."""
    with receiver() as state:
        yield state


@pytest.fixture
def sending(app, settings):
    """What sends webhooks when a test says so."""
    return Sending(app, settings)
