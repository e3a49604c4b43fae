"""Imports records from CSV and NDJSON: checks all rows like requests, without a lock, and then writes them.

A row is read from the file (rows.py), its cells as values of fields (columns.py, values.py), checked against the
database and the rows before it (checks.py), kept as a planned change (plans.py) and written with others (writes.py).
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

from backend.models.database import database
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.definitions.definition import Definition
from backend.services.records.imports.checks import Checker
from backend.services.records.imports.columns import Columns
from backend.services.records.imports.commits import write_all, write_good
from backend.services.records.imports.plans import Plans
from backend.services.records.imports.report import Bounds, Budget, Report
from backend.services.records.imports.rows import CsvRows, JsonRows, Row, Rows
from backend.services.records.imports.values import ValueReader
from backend.services.records.imports.writes import Writer

BATCH_ROWS = 200


@dataclass(frozen=True)
class Options:
    """How to import.

    With `key`, a unique field or `id`, a row whose key is stored already changes that record in the columns of the
    file, and only if it has the `version` of that column, where there is one. `dry_run` checks everything and writes
    nothing. `keep_good` commits batch by batch and leaves out the bad rows. `progress(line)` is called after each batch
    of checked rows, `watch()` before rows are written; what these raise ends the import.
    """

    key: str | None = None
    dry_run: bool = False
    keep_good: bool = False
    bounds: Bounds = Bounds()
    progress: Callable[[int], None] = lambda line: None
    watch: Callable[[], None] = lambda: None


def import_records(
    actor: Actor,
    resource: Resource,
    rows: Rows,
    options: Options = Options(),  # noqa: B008 - frozen
) -> Report:
    """Create a record for each of the `rows` and return the Report.

    A column is named after a field, or `<reference>_<unique field of its target>`: `country_code` finds the country by
    its `code`. An empty cell is a value not given; it empties the field of a record that is changed. Admins can set
    `id` and the other system fields of new records, for everybody else these mean nothing.

    The whole file is checked before anything is written, and meanwhile nothing is locked. If any row is bad nothing is
    written, unless the options say to `keep_good` rows.

    Raises Invalid when the file, the columns or the key are wrong, TooLarge beyond the bounds, Unauthenticated or
    Denied without a grant.
    """
    report, budget = Report(), Budget(options.bounds)
    # A file has as many rows as it has; how long all of it may take is said by the bounds.
    with closing(rows), Plans() as plans, database.time_limit(None):
        checker = _make_checker(actor, resource, rows, options.key, report)
        for batch, line in _batches(rows, report, budget):
            planned = checker.check(batch)
            if not options.dry_run and (options.keep_good or not report.bad):
                plans.add(planned)
            options.progress(line)
        if options.dry_run:
            report.count_written(created=checker.created, updated=checker.updated)
        elif options.keep_good:
            write_good(Writer(actor, resource, report.note), plans, report, budget, options.watch)
        elif not report.bad:
            options.watch()
            write_all(Writer(actor, resource, report.note), plans, report, budget)
    # What only the database finds comes to light with a batch of rows, later than what is wrong with a single one.
    report.problems.sort(key=lambda problem: problem[0])
    return report


def may_import(actor: Actor, definition: Definition, key: str | None) -> policies.Scope:
    """Return the Scope of what the actor may create; raise Unauthenticated or Denied unless they may import.

    With a `key` an actor who may only change records may import, too.
    """
    if key is not None and policies.scope(definition, "update", actor):
        return policies.scope(definition, "create", actor)
    return policies.authorize(definition, "create", actor)


def _make_checker(actor: Actor, resource: Resource, rows: Rows, key: str | None, report: Report) -> Checker:
    allowed = may_import(actor, resource.definition, key)
    columns = Columns(actor, resource, key)
    names = rows.header()
    if names is not None:
        columns.check_header(names)
    values = ValueReader(columns, is_text=rows.is_text)
    return Checker(actor, resource, values, key=key, allowed=allowed, note=report.note)


def _batches(rows: Rows, report: Report, budget: Budget) -> Iterator[tuple[list[Row], int]]:
    """Yield (rows with values, or with what is wrong with them; the last line) for each BATCH_ROWS rows of the file."""
    batch, count, line = [], 0, 0
    for row in rows:
        line, count = row.line, count + 1
        if row.is_blank:
            report.skipped += 1
        else:
            report.rows += 1
            budget.require_rows(report.rows)
            budget.require_time()
            batch.append(row)
        if count == BATCH_ROWS:
            yield batch, line
            batch, count = [], 0
    yield batch, line


__all__ = ["Bounds", "CsvRows", "JsonRows", "Options", "Report", "import_records", "may_import"]
