"""The latest slow statements of this process, as SQL without values."""

import time
from collections import deque
from typing import NamedTuple

MAX_KEPT = 100
MAX_CHARACTERS = 1_000  # of one statement


class SlowStatement(NamedTuple):
    """A slow statement: when it ended, in seconds since 1970, how long it took, and its SQL without values."""

    ended_at: float
    milliseconds: float
    sql: str


latest: deque[SlowStatement] = deque(maxlen=MAX_KEPT)


def note(sql: str, seconds: float) -> None:
    """Keep a statement that was slow; only the beginning of a long one."""
    latest.append(SlowStatement(time.time(), round(seconds * 1000, 1), sql[:MAX_CHARACTERS]))
