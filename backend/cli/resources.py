"""`flask resources`: definitions of resources, and roles, in YAML files."""

import json
import sys
from pathlib import Path
from typing import TextIO

import click
from flask.cli import AppGroup

from backend.cli.definition_files import DefinitionFiles
from backend.cli.output import error_messages, write_yaml
from backend.models.database import database
from backend.services import documents
from backend.services.access.actors import SYSTEM
from backend.services.definitions.plans import Plan
from backend.services.definitions.steps import Step
from backend.utils.controls import without_controls

commands = AppGroup("resources", help="Definitions of resources, as YAML files.")


@commands.command("apply", epilog="Example: flask resources apply examples/geo/resources.yml")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--confirm", metavar="FINGERPRINT", help="Fingerprint of the plan; required if it loses data.")
def apply(path: Path, confirm: str | None) -> None:
    """Change roles and resources to what PATH declares.

    PATH is a YAML file or a folder of them. All changes are made in one transaction. Resources that PATH does not name
    stay unchanged. A resource declared as `null` is dropped.
    """
    files = DefinitionFiles(path)
    with error_messages(files.explain), database.connection_context():
        outcome = documents.apply_document(SYSTEM, files.document, confirm=confirm)
    for name, action in outcome:
        click.echo(f"{action} {name}")


@commands.command("plan", epilog="Example: flask resources plan examples/geo/resources.yml")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def show_plan(path: Path, as_json: bool) -> None:
    """Show what `apply` would do with PATH, step by step.

    Exits with 1 if it cannot be done.
    """
    files = DefinitionFiles(path)
    with error_messages(files.explain), database.connection_context():
        plan = documents.plan_document(SYSTEM, files.document)
    if as_json:
        click.echo(json.dumps(plan.to_dict(), ensure_ascii=False, indent=2))
    else:
        _print_plan(plan)
    sys.exit(0 if plan.is_possible else 1)


@commands.command("export", epilog="Example: flask resources export resources.yml")
@click.argument("file", type=click.File("w", encoding="utf-8"), default="-")
@click.option("--next-numbers", is_flag=True, help="Let each sequence start with its next number, for a new database.")
def export(file: TextIO, next_numbers: bool) -> None:
    """Write all roles and resources as YAML.

    Writes to FILE, or to the terminal.
    """
    with error_messages(), database.connection_context():
        document = documents.export_document(next_numbers=next_numbers)
    write_yaml(document, file)


def _print_plan(plan: Plan) -> None:
    for step in plan.steps:
        _print_step(step)
    if not plan.steps:
        click.echo("There is nothing to do.")
    elif plan.is_possible and plan.loses_data:
        click.echo(f"To apply it and lose that data: flask resources apply --confirm {plan.fingerprint}")


def _print_step(step: Step) -> None:
    """Print a step, and below it the ids of the first records that it affects."""
    mark = "impossible: " if step.impossible else "loses data: " if step.loses_data else ""
    click.echo(f"{step.resource}: {mark}{without_controls(step.text)}")
    if step.ids:
        click.echo(f"    {', '.join(step.ids)}{' …' if step.records > len(step.ids) else ''}")
