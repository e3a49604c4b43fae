"""Limits repeated log lines: of each kind, a few are written, and the rest are counted."""

import logging
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeAlias

import structlog
from structlog.typing import EventDict

WINDOW_SECONDS = 10
LINES_PER_WINDOW = 10
MAX_KINDS = 200  # that are remembered
LIMITED_LEVELS = ("warning", "error", "critical")
KIND_PARTS = ("level", "event", "reason", "sql", "variable", "text")


Kind: TypeAlias = tuple[object, ...]  # equal for lines of the same kind


@dataclass(slots=True)
class Window:
    """The number of lines of one kind within some seconds."""

    ends_at: float  # on the monotonic clock
    admitted: int = 0
    held_back: int = 0


class Repeats:
    """Counts lines by kind: the first ones in a window are written, and the next window reports how many were not."""

    def __init__(self) -> None:
        self._windows: OrderedDict[Kind, Window] = OrderedDict()

    def admit(self, kind: Kind) -> int | None:
        """Return how many lines of the kind were held back before this one; None if this one must be held back."""
        now, held_back = time.monotonic(), 0
        window = self._windows.pop(kind, None)
        if window is None or now >= window.ends_at:
            held_back = window.held_back if window else 0
            window = Window(now + WINDOW_SECONDS)
        self._windows[kind] = window
        if len(self._windows) > MAX_KINDS:
            self._windows.popitem(last=False)
        if window.admitted >= LINES_PER_WINDOW:
            window.held_back += 1
            return None
        window.admitted += 1
        return held_back


class RepeatsOfEvents(Repeats):
    """A structlog processor that holds back repeated warnings and errors, but no lower levels."""

    def __call__(self, logger: object, name: str, event: EventDict) -> EventDict:
        """Return the event, with `repeated` if others were held back. Raises DropEvent to hold this one back."""
        if event["level"] not in LIMITED_LEVELS:
            return event
        error = event.get("exc_info")
        kind = (*(str(event.get(part))[:1000] for part in KIND_PARTS), type(error).__name__)
        held_back = self.admit(kind)
        if held_back is None:
            raise structlog.DropEvent
        return {**event, "repeated": held_back} if held_back else event


class RepeatsOfRecords(Repeats, logging.Filter):
    """A filter that does the same for records of the standard library's logging."""

    def __init__(self) -> None:
        Repeats.__init__(self)
        logging.Filter.__init__(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is written."""
        if record.levelno < logging.WARNING:
            return True
        error = record.exc_info[0] if isinstance(record.exc_info, tuple) else None
        held_back = self.admit((record.name, record.levelno, str(record.msg)[:1000], error))
        if held_back:
            record.msg = f"{record.msg} ({held_back} more like this were not written)"
        return held_back is not None
