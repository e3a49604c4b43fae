"""Logging: structlog for the lines of Larder; records of the standard library are written in the same form."""

import json
import logging
import sys
import textwrap
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, Processor

from backend.config.log_outlet import LogOutlet, hold_standard_streams
from backend.config.log_repeats import RepeatsOfEvents, RepeatsOfRecords
from backend.config.settings import Settings
from backend.utils.controls import json_without_controls, without_controls

# waitress warns at every queued task, werkzeug writes a second line for each request, and Larder logs jobs and
# migrations itself.
MIN_LEVELS = {
    "waitress.queue": logging.ERROR,
    "werkzeug": logging.ERROR,
    "huey": logging.WARNING,
    "peewee.migrations": logging.WARNING,
}

MAIL_INDENT = "    "
SEVERAL_LINES = ("exception", "text")  # a traceback, a mail

SHARED: list[Processor] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


class OutletLogger:
    """A logger of structlog that writes to the outlet."""

    def msg(self, line: str) -> None:
        """Write a line."""
        _outlet.write(f"{line}\n")

    debug = info = warning = error = critical = msg


def _report_lost(lines: int) -> None:
    structlog.get_logger().warning("log lines were lost", lines=lines)


_outlet = LogOutlet(_report_lost)


def _to_json(event: EventDict, **_: Any) -> str:
    try:
        text = orjson.dumps(event, default=repr).decode()
    except orjson.JSONEncodeError:  # lone surrogates, numbers of more than 64 bits
        text = json.dumps(event, default=repr)
    return json_without_controls(text)


def _without_controls(logger: object, name: str, event: EventDict) -> EventDict:
    """Return the event with control characters escaped; only the values of SEVERAL_LINES keep their line breaks."""
    return {
        part: without_controls(value, keep_lines=part in SEVERAL_LINES) if isinstance(value, str) else value
        for part, value in event.items()
    }


class TextRenderer(structlog.dev.ConsoleRenderer):
    """Renders an event as a line; the text of a mail follows on its own lines, so that its link can be clicked."""

    def __call__(self, logger: Any, name: str, event: EventDict) -> str:
        """Return the lines of an event."""
        text = event.pop("text", None)
        line = super().__call__(logger, name, event)
        # Indented, so that no line of it looks like an event.
        return line if text is None else f"{line}\n{textwrap.indent(text.strip(), MAIL_INDENT)}"


def configure_logging(settings: Settings) -> None:
    """Write every log line to stderr, as JSON or as text, from `settings.log_level` up.

    Writing a line never fails and never blocks for long. Lines are written after a change was committed, and the
    response must still report success.
    """
    hold_standard_streams()
    level, renderers = logging.getLevelNamesMapping()[settings.log_level], _renderers(settings)
    structlog.configure(
        processors=[SHARED[0], RepeatsOfEvents(), *SHARED[1:], *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: OutletLogger(),
    )
    logging.basicConfig(handlers=[_record_handler(renderers)], level=level, force=True)
    logging.raiseExceptions = False  # otherwise an invalid record would be reported on stderr directly
    for name, min_level in MIN_LEVELS.items():
        logging.getLogger(name).setLevel(min_level)


def _renderers(settings: Settings) -> list[Processor]:
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    if settings.log_format == "json" or (settings.log_format == "auto" and not is_terminal):
        return [structlog.processors.JSONRenderer(serializer=_to_json)]
    plain = structlog.dev.plain_traceback
    return [_without_controls, TextRenderer(colors=is_terminal, exception_formatter=plain)]


def _record_handler(renderers: list[Processor]) -> logging.Handler:
    """Return the handler for records of other packages."""
    handler = logging.StreamHandler(_outlet)
    handler.addFilter(RepeatsOfRecords())
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=SHARED, processors=[remove_meta, *renderers])
    )
    return handler
