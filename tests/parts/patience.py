"""Limits on waiting for the database, for a block of a test."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from backend.models.database import database


@contextmanager
def patience(**limits: float) -> Iterator[None]:
    """Set `wait_seconds` or `query_seconds` of the database for the block.

    Before and after the block the limits are a minute, as in all tests.
    """
    with pytest.MonkeyPatch.context() as patched:
        for name, seconds in limits.items():
            patched.setattr(database.obj, name, seconds)
        yield
