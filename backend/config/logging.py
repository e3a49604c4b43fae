"""Logging: structlog for our own lines, the standard library's records through the same door."""

import json
import logging
import os
import sys

import orjson
import structlog

# One warns at every queued task, one writes a second line per request; of jobs and migrations we tell ourselves.
QUIET = {
    "waitress.queue": logging.ERROR,
    "werkzeug": logging.ERROR,
    "huey": logging.WARNING,
    "peewee.migrations": logging.WARNING,
}


class StderrLines:
    """Writes each line to stderr by one system call.

    `sys.stderr` has a lock of its own, at which threads queue under load.
    """

    def msg(self, line):
        """Write a line."""
        os.write(sys.__stderr__.fileno(), f"{line}\n".encode(errors="backslashreplace"))

    debug = info = warning = error = critical = msg


def _to_json(event, **_):
    try:
        return orjson.dumps(event, default=repr).decode()
    except orjson.JSONEncodeError:  # lone surrogates, numbers of more than 64 bits
        return json.dumps(event, default=repr)


def configure_logging(settings):
    """Write every log line to stderr, as JSON or as text, from `settings.log_level` up."""
    shared = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if settings.log_format == "json":
        shared.append(structlog.processors.format_exc_info)
        renderer = structlog.processors.JSONRenderer(serializer=_to_json)
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[settings.log_level]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: StderrLines(),
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(least)
