"""`flask doctor`: checks of the installation."""

import sys

import click
from flask.cli import with_appcontext

from backend.middleware.app import get_app
from backend.services.health.check import FAILURE, OK, WARNING, Check, any_failed
from backend.services.health.doctor import run_checks

MARKS = {OK: ("ok", "green"), WARNING: ("warn", "yellow"), FAILURE: ("fail", "red")}


@click.command("doctor", epilog="Example: flask doctor")
@with_appcontext
def doctor() -> None:
    """Check this installation and suggest fixes.

    Exits with 1 if something does not work.
    """
    checks = run_checks(get_app().settings)
    for check in checks:
        _print(check)
    sys.exit(1 if any_failed(checks) else 0)


def _print(check: Check) -> None:
    """Print the result of a check and, unless it is OK, the advice."""
    mark, colour = MARKS[check.state]
    click.echo(f"{click.style(f'{mark:6}', fg=colour)}{check.name:12}{check.message}")
    if check.state != OK:
        click.echo(f"{'':18}{check.advice}")
