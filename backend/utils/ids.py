"""Record ids: time-ordered UUIDs."""

import os
import threading
import time


class _Ticks:
    """Counts the 1/4096 of a millisecond; each number is given once, also to threads that ask at the same time."""

    def __init__(self) -> None:
        self._last, self._lock = 0, threading.Lock()

    def next(self) -> int:
        with self._lock:
            self._last = max(self._last + 1, time.time_ns() // 1_000_000 << 12)
            return self._last


_ticks = _Ticks()


def uuid7() -> str:
    """Return a new UUIDv7 as text; ids made by one process grow strictly.

    The 12 bits after the version count on within a millisecond (RFC 9562, 6.2, method 1), so that records keep the
    order in which they were created.
    """
    ticks = _ticks.next()
    random_bits = int.from_bytes(os.urandom(8)) & (1 << 62) - 1
    value = f"{(ticks >> 12) << 80 | 0x7 << 76 | (ticks & 0xFFF) << 64 | 0b10 << 62 | random_bits:032x}"
    return f"{value[:8]}-{value[8:12]}-{value[12:16]}-{value[16:20]}-{value[20:]}"
