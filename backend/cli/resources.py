"""`flask resources`: definitions of resources, and roles, in YAML files."""

import json
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import click
from flask.cli import AppGroup

from backend.cli.definition_files import DefinitionFiles
from backend.cli.format_options import command_options, format_options, read_options
from backend.cli.output import error_messages
from backend.middleware.app import get_app
from backend.models.database import database
from backend.services import documents
from backend.services.access.actors import SYSTEM
from backend.services.definitions.plans import Plan
from backend.services.definitions.steps import Step
from backend.services.operation.slow_lists import with_advice
from backend.services.records.proposals.field_names import resource_name
from backend.services.records.proposals.proposing import Proposal, proposal_format
from backend.services.records.proposals.proposing import propose as propose_resource
from backend.services.records.row_files.formats import Format
from backend.services.records.row_files.rows import CsvRows, JsonRows, is_ndjson
from backend.utils.controls import without_controls
from backend.utils.strict_yaml import dump_yaml

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
        plan = with_advice(documents.plan_document(SYSTEM, files.document), files.document.get("resources", {}))
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
    dump_yaml(document, file)


@commands.command("propose", epilog="Example: flask resources propose examples/geo/cities.csv > cities.yml")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="Name of the resource; by default that of the file.")
@format_options
def propose(files: tuple[Path, ...], name: str | None, **layout: Any) -> None:
    """Propose resources for FILES of records.

    Prints YAML that `apply` takes. Types, lengths, required and unique fields and choices follow from all rows of a
    file. The first lines say how to apply the proposal and to import the file. Read it before you apply it: a file
    shows what values are, not what they may be.
    """
    if name and len(files) > 1:
        raise click.UsageError("With --name, give one file.")
    proposals = []
    for file in files:
        with error_messages():
            proposals.append(_propose(file, name or resource_name(file.stem), read_options(layout)))
        for line in _advice(file, proposals[-1]):
            click.echo(f"# {without_controls(line)}".rstrip())
    dump_yaml({"resources": {each.name: {"fields": each.fields} for each in proposals}}, sys.stdout)


def _propose(file: Path, name: str, layout: Format) -> Proposal:
    read = JsonRows if is_ndjson(file) else CsvRows
    with file.open("rb") as content:
        rows = read(content, get_app().settings.max_body_bytes, proposal_format(layout, content))
        return propose_resource(rows, name, lambda row: None)


def _advice(file: Path, proposal: Proposal) -> Iterator[str]:
    """Yield the lines above a proposal."""
    flask = sys.argv[0] if sys.argv[0].endswith("bin/flask") and not os.path.isabs(sys.argv[0]) else "flask"
    yield f"{file.name}: {proposal.rows:,} rows. Save this as {proposal.name}.yml, read it, then:"
    yield f"{flask} resources apply {proposal.name}.yml"
    yield shlex.join([flask, "records", "import", proposal.name, str(file), *command_options(proposal.layout)])
    yield "Only admins may use it until you add `access`."
    yield from proposal.notes


def _print_plan(plan: Plan) -> None:
    for step in plan.steps:
        _print_step(step)
    for text in plan.advice:
        click.echo(f"  advice: {text}")
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
