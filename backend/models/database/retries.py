"""Repeats a write of the start while another process holds the write lock."""

import time
from collections.abc import Callable
from typing import TypeVar

import structlog
from peewee import OperationalError

from backend.models.database.handle import database

MAX_START_WAIT_SECONDS = 600

T = TypeVar("T")
log = structlog.get_logger()


def retry_while_locked(write: Callable[[], T]) -> T:
    """Call `write` and return its result; call it again for as long as another process holds the write lock.

    A start must wait like this: if it gave up, the release would seem to be broken. Raises OperationalError after
    MAX_START_WAIT_SECONDS.
    """
    deadline = time.monotonic() + MAX_START_WAIT_SECONDS
    while True:
        try:
            return write()
        except OperationalError as error:
            if not database.is_locked(error) or time.monotonic() > deadline:
                raise
            log.warning("the start waits for the database", reason=database.temporary_reason(error))
            time.sleep(1)
