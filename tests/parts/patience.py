"""How long requests wait for the database in a block of a test."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from backend.models.database import database


@contextmanager
def patience(**limits: float) -> Iterator[None]:
    """Give the database `wait_seconds` or `query_seconds` in the block alone.

    What is done before and after it, and must not fail, has a minute, as in all tests.
    """
    with pytest.MonkeyPatch.context() as patched:
        for name, seconds in limits.items():
            patched.setattr(database.obj, name, seconds)
        yield
