"""Ids of records and other rows: UUIDs that sort by time of creation."""

import os
import threading
import time


class _Ticks:
    """The time in milliseconds, followed by a counter of 12 bits. Each number is returned only once in a process."""

    def __init__(self) -> None:
        self._last, self._lock = 0, threading.Lock()

    def next(self) -> int:
        with self._lock:
            self._last = max(self._last + 1, time.time_ns() // 1_000_000 << 12)
            return self._last


_ticks = _Ticks()


def uuid7() -> str:
    """Return a new UUIDv7 as text, greater than all that this process has returned before.

    The 12 bits after the version are a counter within the millisecond (RFC 9562, 6.2, method 1), so ids sort in the
    order in which records were created.
    """
    ticks = _ticks.next()
    random_bits = int.from_bytes(os.urandom(8)) & (1 << 62) - 1
    value = f"{(ticks >> 12) << 80 | 0x7 << 76 | (ticks & 0xFFF) << 64 | 0b10 << 62 | random_bits:032x}"
    return f"{value[:8]}-{value[8:12]}-{value[12:16]}-{value[16:20]}-{value[20:]}"
