"""`flask data`: all data of this installation, moved to another database."""

import sys

import click
from flask.cli import AppGroup
from rich.console import Console
from rich.table import Column, Table

from backend.cli.output import error_messages
from backend.middleware.app import get_app
from backend.services.operation.data_copy import ComparedTable, compare_data, copy_data

commands = AppGroup("data", help="All data of this installation.")


@commands.command("copy", epilog="Example: flask data copy --to postgresql://larder@localhost/larder")
@click.option("--to", "url", required=True, metavar="URL", help="sqlite:///PATH or postgresql://USER@HOST/NAME.")
@click.option("--check", is_flag=True, help="Copy nothing, only compare the two databases.")
def copy(url: str, check: bool) -> None:
    """Copy everything to an empty database.

    Copies people, keys, definitions, records and history, and compares the two databases. Stop the server and its jobs
    first. Afterwards set LARDER_DATABASE_URL to the new database and start the server. Uploaded files stay where they
    are, in LARDER_FILES.
    """
    settings = get_app().settings
    with error_messages():
        tables = compare_data(settings, url) if check else copy_data(settings, url, _show_progress)
    _print(tables)
    if not all(each.is_equal for each in tables):
        raise click.ClickException("The two databases differ.")
    click.echo(f"{sum(each.source.rows for each in tables):,} rows in {len(tables)} tables are equal.")


def _show_progress(table: str, rows: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{table}: {rows:,} rows", err=True, nl=False)


def _print(tables: list[ComparedTable]) -> None:
    shown = Table("table", Column("rows", justify="right"), "checksum", "")
    for name, source, target in tables:
        differs = "" if source == target else f"differs: {target.rows:,} rows, {target.sum}"
        shown.add_row(name, f"{source.rows:,}", source.sum, differs)
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)
    Console().print(shown)
