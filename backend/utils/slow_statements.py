"""The latest slow statements of this process, as SQL without values."""

import re
import time
from collections import deque
from typing import NamedTuple

MAX_KEPT = 100
MAX_CHARACTERS = 1_000  # of one statement
SAVEPOINT_NAME = re.compile(r'"s[0-9a-f]{32}"')  # each savepoint has its own


class SlowStatement(NamedTuple):
    """A slow statement: when it ended, in seconds since 1970, how long it took, and its SQL without values."""

    ended_at: float
    milliseconds: float
    sql: str


latest: deque[SlowStatement] = deque(maxlen=MAX_KEPT)


def note(sql: str, seconds: float) -> None:
    """Keep a statement that was slow; only the beginning of a long one, and without the name of a savepoint."""
    text = SAVEPOINT_NAME.sub('"s…"', sql[:MAX_CHARACTERS])
    latest.append(SlowStatement(time.time(), round(seconds * 1000, 1), text))
