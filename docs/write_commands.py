"""Writes the help of all commands into docs/cli.md: `make cli`."""

import re
from collections.abc import Iterator
from pathlib import Path

from click import Command, Context, Group

from backend.cli.commands import GROUPS

PAGE = Path(__file__).with_name("cli.md")
MARKS = re.compile(r"(<!-- commands -->\n).*(<!-- end of commands -->)", re.DOTALL)
WIDTH = 100  # characters of a line


def write(page: str) -> str:
    """Return the text of the page with the help that the commands have now."""
    block = "\n".join(line for title, commands in GROUPS.items() for line in _section(title, commands))
    return MARKS.sub(lambda marks: f"{marks[1]}\n{block}\n{marks[2]}", page)


def _section(title: str, commands: tuple[Command, ...]) -> Iterator[str]:
    """Yield the lines of a group of commands."""
    yield from (f"## {title}", "")
    for command in commands:
        for path, leaf in _leaves(command, command.name or ""):
            help_text = leaf.get_help(Context(leaf, info_name=f"flask {path}", terminal_width=WIDTH))
            yield from (f"### {path}", "", "```text", *map(str.rstrip, help_text.splitlines()), "```", "")


def _leaves(command: Command, path: str) -> Iterator[tuple[str, Command]]:
    """Yield (path, command) of each command that does something, such as `users create`."""
    if not isinstance(command, Group):
        yield path, command
        return
    for name, member in sorted(command.commands.items()):
        yield from _leaves(member, f"{path} {name}")


if __name__ == "__main__":
    PAGE.write_text(write(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
