"""The help of `flask`: groups of commands, each with a summary that fits and an example that can be typed."""

import re
import shlex
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from backend.cli.commands import GROUPS
from tests.conftest import ON_SQLITE
from tests.parts.server import ROOT, environment


def leaves(command, path):
    """Return [(path, command)] of all commands below a command."""
    if not isinstance(command, click.Group):
        return [(path, command)]
    return [leaf for name, member in command.commands.items() for leaf in leaves(member, f"{path} {name}")]


OURS = dict(leaf for commands in GROUPS.values() for each in commands for leaf in leaves(each, each.name))


def read_help(output):
    """Return (titles, summaries by command) of the groups in a help."""
    groups = output.partition("Options:")[2]
    return re.findall(r"^(\w+):$", groups, re.M), dict(re.findall(r"^  (\w\S*(?: \w\S*)?)  +(\S.*)$", groups, re.M))


@ON_SQLITE
def test_the_help_lists_the_commands_in_groups(run):
    code, output = run("--help")
    titles, summaries = read_help(output)
    assert (code, titles) == (0, [*GROUPS])
    assert [name for name in OURS if not summaries[name].endswith(".")] == []
    assert [name for name in OURS if summaries[name].endswith("...")] == []


def test_the_help_of_flask_itself_has_the_same_groups(tmp_path):
    command = [sys.executable, "-m", "flask", "--app", ROOT / "wsgi.py", "--help"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment({"data_dir": tmp_path}), capture_output=True, text=True, check=True
    )
    titles, summaries = read_help(done.stdout)
    assert titles == [*GROUPS, "Development"]
    assert {*OURS, "run", "shell", "routes"} <= summaries.keys()


@pytest.mark.parametrize("path", OURS)
def test_every_command_has_an_example_that_can_be_typed(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    words = shlex.split(OURS[path].epilog.removeprefix("Example: ").partition(" > ")[0])
    group = path.split()
    assert words[: len(group) + 1] == ["flask", *group]
    with CliRunner().isolation(input="y\ny\n"):
        OURS[path].make_context(group[-1], words[len(group) + 1 :])
