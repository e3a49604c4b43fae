"""`flask records`: import and export of records."""

import sys
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup
from rich.console import Console
from rich.progress import Progress

from backend.cli.format_options import format_options, read_options
from backend.cli.output import error_messages
from backend.middleware.app import get_app
from backend.models.database import database
from backend.services.access.actors import SYSTEM
from backend.services.definitions.catalog import Resource
from backend.services.definitions.policies import find_resource
from backend.services.records import exports
from backend.services.records.export_columns import CsvForm
from backend.services.records.imports.importing import Options, import_records
from backend.services.records.imports.report import Report
from backend.services.records.list_query import ListQuery
from backend.services.records.records import list_records
from backend.services.records.row_files.formats import Format
from backend.services.records.row_files.rows import CsvRows, JsonRows, is_ndjson
from backend.services.records.row_files.separators import delimiter_of
from backend.utils.controls import without_controls
from backend.utils.texts import shown

WORKBOOKS = (".xlsx", ".xls", ".ods", ".numbers")  # which look like CSV to nobody

commands = AppGroup("records", help="Import and export records.")


@commands.command("export", epilog="Example: flask records export continents continents.csv")
@click.argument("resource")
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path))
@click.option("--addresses", is_flag=True, help="Write users by e-mail address, for a database with other ids.")
@click.option("--columns", help="Columns of a CSV file: fields, and paths such as country.code.", metavar="NAMES")
@click.option("--delimiter", help="What separates the cells of a CSV file, such as ; or tab.", default=",")
def export_records(resource: str, file: Path, addresses: bool, columns: str | None, delimiter: str) -> None:
    """Write all records of RESOURCE to FILE.

    FILE becomes NDJSON if its name ends in .ndjson or .jsonl, otherwise CSV.
    """
    if file.suffix.lower() in WORKBOOKS:
        raise click.UsageError(f"Larder writes CSV and NDJSON. Name the file {file.with_suffix('.csv').name}.")
    if columns and (addresses or is_ndjson(file)):
        raise click.UsageError("--columns is for CSV files, without --addresses.")
    form = "ndjson" if is_ndjson(file) else "csv"
    with error_messages(), database.connection_context():
        csv_form = CsvForm(tuple(columns.split(",")) if columns else (), delimiter_of(delimiter))
        target = find_resource(get_app().catalog, resource, SYSTEM)
        texts = exports.export_records(SYSTEM, target, ListQuery(), form, addresses=addresses, csv_form=csv_form)
        first = next(texts, "")  # raises what is wrong with the request before the file is emptied
        _write(file, chain([first], texts))


def _write(file: Path, texts: Iterable[str]) -> None:
    try:
        with file.open("w", encoding="utf-8", newline="") as out:
            out.writelines(texts)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from error


@commands.command("import", epilog="Example: flask records import continents examples/geo/continents.csv --key code")
@click.argument("resource")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--key",
    metavar="FIELD",
    help="Update records with the same key: a unique field or set of fields, or `id`.",
)
@click.option("--dry-run", is_flag=True, help="Check everything and write nothing.")
@click.option("--keep-good", is_flag=True, help="Write the valid rows even if some are invalid.")
@click.option("--if-empty", is_flag=True, help="Do nothing if the resource has records.")
@format_options
def import_file(
    resource: str, file: Path, key: str | None, dry_run: bool, keep_good: bool, if_empty: bool, **layout: Any
) -> None:
    """Create a record from each line of FILE.

    FILE is NDJSON if its name ends in .ndjson or .jsonl, otherwise CSV. The first line of a CSV file names the columns:
    fields of the resource, or `country_code` for the reference `country` by the unique field `code` of its target.
    Invalid rows are listed with their lines; then nothing is written.

    The options from --delimiter on say how the file is written, if an export would write it in another way.
    """
    with error_messages(), database.connection_context():
        target = find_resource(get_app().catalog, resource, SYSTEM)
        if if_empty and list_records(SYSTEM, target, ListQuery(per_page=1, count=False)).items:
            click.echo(f"{resource} has records; nothing was imported.")
            return
        options = Options(key=key, dry_run=dry_run, keep_good=keep_good)
        report = _import_with_progress(target, file, options, read_options(layout))
    _print_report(resource, report, dry_run)
    sys.exit(1 if report.bad else 0)


def _import_with_progress(resource: Resource, file: Path, options: Options, layout: Format) -> Report:
    total, rows = _count_lines(file), JsonRows if is_ndjson(file) else CsvRows
    with file.open("rb") as content, Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(resource.name, total=total)

        def show_progress(line: int) -> None:
            progress.update(task, completed=line)

        read = rows(content, get_app().settings.max_body_bytes, layout)
        report = import_records(SYSTEM, resource, read, replace(options, progress=show_progress))
        show_progress(total)
    return report


def _print_report(resource: str, report: Report, dry_run: bool) -> None:
    for line, reason in report.problems:
        click.echo(f"line {line}: {without_controls(reason)}", err=True)
    for (column, option), (cells, example) in report.changed.items():
        click.echo(f"{column}: {cells:,} cells read with `{option}`, such as {shown(example)}.")
    done = "would be written" if dry_run else "written"
    skipped = f" {report.skipped} without values skipped." if report.skipped else ""
    written = report.created + report.updated
    click.echo(f"{resource}: {report.rows} rows read, {written} {done}, {report.bad} bad.{skipped}")


def _count_lines(file: Path) -> int:
    with file.open("rb") as lines:
        return sum(1 for _ in lines)
