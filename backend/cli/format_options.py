"""The options of commands that say how a file is read."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from backend.services.records.row_files.formats import HELP, VALUES, Format, read_format

LISTS = ("true", "false", "null")  # with commas between their words

Command = TypeVar("Command", bound=Callable[..., Any])


def format_options(command: Command) -> Command:
    """Add an option for each part of a Format to a command."""
    for name, text in reversed(HELP.items()):
        command = click.option(*_names(name), name, help=f"{text}.", **_kind(name))(command)
    return command


def read_options(options: dict[str, Any]) -> Format:
    """Return the Format of the options. Raises Invalid if a value is not valid."""
    words = {name: options[name].split(",") for name in LISTS if options[name]}
    return read_format(**{name: value for name, value in options.items() if value} | words)


def command_options(layout: Format) -> list[str]:
    """Return the arguments of a command that read_options() reads the Format from."""
    arguments = []
    for name, value in layout.options.items():
        option = _names(name)[0]
        if value is True:
            arguments.append(option)
        elif name == "map" and isinstance(value, list):
            arguments += [part for pair in value for part in (option, pair)]
        else:
            arguments += [option, ",".join(value) if isinstance(value, list) else str(value)]
    return arguments


def _names(name: str) -> tuple[str, ...]:
    """Return the names of an option: with hyphens, and as a message has it, so that it can be copied."""
    return tuple(dict.fromkeys((f"--{name.replace('_', '-')}", f"--{name}")))


def _kind(name: str) -> dict[str, Any]:
    if name == "lenient":
        return {"is_flag": True}
    if name == "map":
        return {"multiple": True, "metavar": "NAME=FIELD"}
    if name in LISTS:
        return {"metavar": "WORDS"}
    return {} if name in ("delimiter", "encoding") else {"type": click.Choice(VALUES[name])}
