"""Log lines of the same kind that come by the hundred: some are written, the rest are counted."""

import logging
import time
from collections import OrderedDict
from typing import Any

import structlog

WINDOW_SECONDS = 10
LINES_A_WINDOW = 10
KINDS = 200  # that are remembered at once
LOUD = ("warning", "error", "critical")
TELLS_APART = ("level", "event", "reason", "sql", "variable", "text")


class Repeats:
    """Counts the lines of each kind: in a window some are let through, and the next one tells how many were not."""

    def __init__(self) -> None:
        self._kinds: OrderedDict[tuple, list] = OrderedDict()  # [end of the window, lines let through, lines held back]

    def admit(self, kind: tuple) -> int | None:
        """Return how many lines of the kind were held back before this one, None to hold back this one, too."""
        now = time.monotonic()
        known = self._kinds.pop(kind, None)
        if known is None or now >= known[0]:
            held_back = known[2] if known else 0
            known = [now + WINDOW_SECONDS, 0, 0]
        else:
            held_back = 0
        is_admitted = known[1] < LINES_A_WINDOW
        known[1 if is_admitted else 2] += 1
        self._kinds[kind] = known
        if len(self._kinds) > KINDS:
            self._kinds.popitem(last=False)
        return held_back if is_admitted else None


class RepeatsOfEvents(Repeats):
    """A processor of structlog that holds back repeated warnings and errors; requests are never held back."""

    def __call__(self, logger: Any, name: str, event: dict) -> dict:
        """Return the event, with `repeated` where others were held back before it; raise DropEvent for one of those."""
        if event["level"] not in LOUD:
            return event
        error = event.get("exc_info")
        kind = (*(str(event.get(part))[:1000] for part in TELLS_APART), type(error).__name__)
        held_back = self.admit(kind)
        if held_back is None:
            raise structlog.DropEvent
        return event | {"repeated": held_back} if held_back else event


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
