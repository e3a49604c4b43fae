"""Commands in the documentation: they can be typed as they are written, and exist with their options."""

import re
import shlex

import click
import flask.cli
import pytest

from backend.cli.commands import GROUPS
from docs.write_commands import PAGE, write
from tests.parts.server import ROOT

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "api").glob("*.md")]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WAYS = (".venv/bin/flask", "larder", "docker compose exec larder flask")  # as docs/cli.md says
TYPED = re.compile(
    rf"(?:^|&& |\| |; |do |sudo )({'|'.join(map(re.escape, WAYS))}) +(.+?)(?= +# | *&& | *\|\|? | *> |;|$)", re.M
)
COMMANDS = {command.name: command for commands in GROUPS.values() for command in commands}
COMMANDS |= {name: getattr(flask.cli, f"{name}_command") for name in ("run", "shell", "routes")}


def typed_in(page):
    """Return the text of all blocks of a page whose lines a reader types."""
    return "\n".join(text for language, text in BLOCK.findall(page.read_text()) if language in ("", "sh"))


TYPED_COMMANDS = [(page.name, *each) for page in PAGES for each in TYPED.findall(typed_in(page))]


def test_the_page_about_commands_has_their_help():
    page = PAGE.read_text()
    assert page.count("### ") > 20
    assert write(page) == page, "Run `make cli`."


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_types_a_command_that_is_not_found(page):
    """A shell finds no bare `flask`: it is in the virtual environment of the checkout."""
    assert re.findall(r"(?:^|&& |\| |; |do |sudo )flask .*", typed_in(page), re.MULTILINE) == []


def test_every_command_that_a_page_types_exists_with_its_options():
    assert len(TYPED_COMMANDS) > 40
    for page, way, words in TYPED_COMMANDS:
        command, *arguments = shlex.split(words)
        found = COMMANDS.get(command)
        while isinstance(found, click.Group) and arguments:
            found = found.commands.get(arguments.pop(0).partition("|")[0])
        assert found, (page, way, words)
        known = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {each.partition("=")[0] for each in arguments if each.startswith("--")} <= known, (page, way, words)
