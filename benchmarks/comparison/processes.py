"""What processes use, from /proc."""

import os
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def with_children(pids):
    """Return the ids of these processes and of all below them."""
    found, waiting = [], list(pids)
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        with suppress(OSError):  # one that has just ended
            for task in Path(f"/proc/{pid}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
    return found


def cpu_seconds(pids):
    """Return the CPU time of these processes, with that of their children which have ended."""
    return sum(sum(map(int, _stat(pid)[11:15])) for pid in with_children(pids)) / TICKS


def resident_bytes(pids):
    """Return the resident memory of these processes and those below them."""
    return sum(int(_stat(pid)[21]) for pid in with_children(pids)) * os.sysconf("SC_PAGE_SIZE")


def _stat(pid):
    """Return the fields of /proc/PID/stat that follow the name: proc(5)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has just ended: its parent has its times
        return ["0"] * 50
