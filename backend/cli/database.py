"""`flask db`: migrations and upkeep of the database."""

import sys

import click
from flask.cli import AppGroup
from rich.console import Console
from rich.table import Table

from backend.cli.output import error_messages, failure_messages
from backend.models.database import database
from backend.services.operation import cleanup, diagram, migrations

commands = AppGroup("db", help="The database of this installation.")


@commands.command("upgrade", epilog="Example: flask db upgrade")
def upgrade() -> None:
    """Migrate the database to this version."""
    with failure_messages():
        applied = migrations.upgrade()
    click.echo("\n".join(f"applied {name}" for name in applied) or "The database is up to date.")


@commands.command("status", epilog="Example: flask db status")
def show_status() -> None:
    """List the migrations.

    Exits with 1 if some are not applied.
    """
    table = Table("migration", "applied")
    with failure_messages(), database.connection_context():
        statuses = migrations.migration_status()
    for name, applied in statuses:
        table.add_row(name, applied.isoformat(" ", "seconds") if applied else "not yet")
    Console().print(table)
    sys.exit(0 if all(applied for _, applied in statuses) else 1)


@commands.command("diagram", epilog="Example: flask db diagram")
def draw_diagram() -> None:
    """Print the documentation of the system tables.

    `make schema` writes it to docs/schema.md.
    """
    click.echo(diagram.draw(), nl=False)


@commands.command("vacuum", epilog="Example: flask db vacuum")
def vacuum() -> None:
    """Reclaim disk space from deleted rows.

    Blocks writers while it runs.
    """
    with error_messages():
        cleanup.vacuum()
