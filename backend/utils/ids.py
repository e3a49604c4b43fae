"""Record ids: time-ordered UUIDs."""

import os
import threading
import time

_lock = threading.Lock()
_last = 0


def uuid7():
    """Return a new UUIDv7 as text; ids made by one process grow strictly.

    The 12 bits after the version count on within a millisecond (RFC 9562, 6.2, method 1), so that records keep the
    order they were made in.
    """
    global _last
    with _lock:
        _last = max(_last + 1, time.time_ns() // 1_000_000 << 12)
        ticks = _last
    random_bits = int.from_bytes(os.urandom(8)) & (1 << 62) - 1
    value = f"{(ticks >> 12) << 80 | 0x7 << 76 | (ticks & 0xFFF) << 64 | 0b10 << 62 | random_bits:032x}"
    return f"{value[:8]}-{value[8:12]}-{value[12:16]}-{value[16:20]}-{value[20:]}"
