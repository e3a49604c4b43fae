"""Log lines of the same kind that repeat by the hundred: a few are written, the rest are counted."""

import logging
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeAlias

import structlog
from structlog.typing import EventDict

WINDOW_SECONDS = 10
LINES_A_WINDOW = 10
KINDS = 200  # that are remembered at once
LOUD = ("warning", "error", "critical")
TELLS_APART = ("level", "event", "reason", "sql", "variable", "text")


Kind: TypeAlias = tuple[object, ...]


@dataclass(slots=True)
class Window:
    """The lines of one kind for some seconds."""

    ends_at: float  # on the monotonic clock
    admitted: int = 0
    held_back: int = 0


class Repeats:
    """Counts the lines of each kind: the first in a window are written, and the next window tells how many were not."""

    def __init__(self) -> None:
        self._windows: OrderedDict[Kind, Window] = OrderedDict()

    def admit(self, kind: Kind) -> int | None:
        """Return how many lines of the kind were held back before this one, None to hold back this one, too."""
        now, held_back = time.monotonic(), 0
        window = self._windows.pop(kind, None)
        if window is None or now >= window.ends_at:
            held_back = window.held_back if window else 0
            window = Window(now + WINDOW_SECONDS)
        self._windows[kind] = window
        if len(self._windows) > KINDS:
            self._windows.popitem(last=False)
        if window.admitted >= LINES_A_WINDOW:
            window.held_back += 1
            return None
        window.admitted += 1
        return held_back


class RepeatsOfEvents(Repeats):
    """A processor of structlog that holds back repeated warnings and errors; requests are never held back."""

    def __call__(self, logger: object, name: str, event: EventDict) -> EventDict:
        """Return the event, with `repeated` if others were held back before it; raise DropEvent to hold it back."""
        if event["level"] not in LOUD:
            return event
        error = event.get("exc_info")
        kind = (*(str(event.get(part))[:1000] for part in TELLS_APART), type(error).__name__)
        held_back = self.admit(kind)
        if held_back is None:
            raise structlog.DropEvent
        return {**event, "repeated": held_back} if held_back else event


class RepeatsOfRecords(Repeats, logging.Filter):
    """The same for records of the standard library's logging, which other packages write."""

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
