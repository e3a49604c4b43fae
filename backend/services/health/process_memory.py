"""The memory of the processes that share the data folder."""

import os
from pathlib import Path

from backend.services.operation.process_counts import ProcessCounts

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def memory_of_processes(process: ProcessCounts) -> dict[str, int]:
    """Return a map of the number of each running process to its resident memory in bytes; `process` is this one."""
    alive = {process.number or "none": os.getpid()} | process.alive()
    return {number: _resident_bytes(process_id) for number, process_id in alive.items()}


def _resident_bytes(process_id: int) -> int:
    try:
        return int(Path(f"/proc/{process_id}/statm").read_text().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):
        return 0  # the process has ended meanwhile
