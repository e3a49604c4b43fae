"""Imports records from CSV and NDJSON: first checks all rows without a lock, then writes them.

1. services/records/row_files/rows.py reads the rows of the file (csv_rows.py: those of CSV).
2. columns.py finds the field of each column, and values.py reads the cells as values of these fields: a Draft.
   cell_notations.py reads cells that are written in another way than an export writes them; column_surveys.py finds
   out how, if the import is lenient.
3. checks.py finds an order in which rows can refer to others (waiting_rows.py). planning.py checks each Draft like a
   request, against the database (stored.py, targets.py, lookups.py) and against the rows before it (earlier_rows.py),
   and makes a PlannedWrite of it.
4. planned_writes.py keeps these until the whole file is checked.
5. commits.py and writes.py write them, many at once.

report.py counts, and collects the problems of rows.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import islice

from backend.models.database import database
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.records.imports.cell_notations import CellNotations
from backend.services.records.imports.checks import Checker
from backend.services.records.imports.column_surveys import find_notations
from backend.services.records.imports.columns import Column, Columns
from backend.services.records.imports.commits import write_all, write_valid
from backend.services.records.imports.planned_writes import PlannedWrite, PlannedWrites
from backend.services.records.imports.report import Bounds, Budget, Report
from backend.services.records.imports.values import ValueReader
from backend.services.records.imports.writes import Writer
from backend.services.records.row_files.notations import Notation
from backend.services.records.row_files.rows import CsvRows, JsonRows, Row, Rows

BATCH_ROWS = 200


@dataclass(frozen=True)
class Options:
    """How to import.

    `key` is `id`, a unique field, or the fields of a unique set such as `country,code`: a row changes the record that
    has its key, if there is one, in the columns of the file. If the file has a column `version`, the record must still
    have this version. `dry_run` checks everything and writes nothing. `keep_good` commits batch by batch, and leaves
    out bad rows.

    `progress(line)` is called after each batch of checked rows, `before_write()` before rows are written. If one of
    them raises, the import ends.
    """

    key: str | None = None
    dry_run: bool = False
    keep_good: bool = False
    bounds: Bounds = Bounds()
    progress: Callable[[int], None] = lambda line: None
    before_write: Callable[[], None] = lambda: None


def import_records(
    actor: Actor,
    resource: Resource,
    rows: Rows,
    options: Options = Options(),  # noqa: B008 - frozen
) -> Report:
    """Create or change a record for each of the `rows`, and return the Report.

    A column has the name of a field, or of a reference and a unique field of its target: `country_code` finds the
    country by its `code`. A row can refer to a record that another row creates. An empty cell means no value: a new
    record gets the default, a changed one null. Admins can set `id` and the other system fields of new records; for
    everyone else these columns are ignored.

    The whole file is checked before anything is written. Nothing is locked meanwhile. If any row is bad, nothing is
    written, unless `options.keep_good`.

    Raises Invalid if the file, its columns or the key are wrong, TooLarge if the file exceeds the bounds, and
    Unauthenticated or Denied if the actor has no grant.
    """
    report, budget = Report(), Budget(options.bounds)
    # No time limit for statements: the bounds limit the import as a whole.
    with ExitStack() as until_done:
        until_done.enter_context(closing(rows))
        planned_writes = until_done.enter_context(PlannedWrites())
        until_done.enter_context(database.time_limit(None))
        checker = until_done.enter_context(closing(_make_checker(actor, resource, rows, options, report)))
        for planned in _checked(checker, rows, options, report, budget):
            if not options.dry_run and (options.keep_good or not report.bad):
                planned_writes.add(planned)
        if options.dry_run:
            report.count_written(created=checker.created, updated=checker.updated)
        elif options.keep_good:
            writer = Writer(actor, resource, report.add_problems)
            write_valid(writer, planned_writes, report, budget, options.before_write)
        elif not report.bad:
            options.before_write()
            write_all(Writer(actor, resource, report.add_problems), planned_writes, report, budget)
    # By line: problems that only the database finds are added later than those of the cells.
    report.problems.sort(key=lambda problem: problem[0])
    return report


def may_import(actor: Actor, resource: Resource, key: str | None) -> policies.Scope:
    """Return the Scope of what the actor may create. With a `key`, actors who may only change records may import, too.

    Raises Unauthenticated or Denied if the actor may not import.
    """
    if key is not None and policies.scope(resource, "update", actor):
        return policies.scope(resource, "create", actor)
    return policies.authorize(resource, "create", actor)


def _make_checker(actor: Actor, resource: Resource, rows: Rows, options: Options, report: Report) -> Checker:
    allowed = may_import(actor, resource, options.key)
    columns = Columns(actor, resource, options.key, rows.layout.columns)
    names = rows.header()
    if names is not None:
        columns.check_header(names)
    found = _survey(rows, columns, Budget(options.bounds)) if rows.layout.lenient else {}
    values = ValueReader(columns, CellNotations(rows.layout, found, report), is_text=rows.is_text)
    return Checker(actor, resource, values, key=columns.key, allowed=allowed, report_problems=report.add_problems)


def _survey(rows: Rows, columns: Columns, budget: Budget) -> dict[Column, Notation]:
    """Read all rows to find the notation of each column, and go back to the first row."""
    count = 0

    def take_row() -> None:
        nonlocal count
        count += 1
        if count % BATCH_ROWS == 0:
            budget.require_time()

    found = find_notations(rows, columns, take_row)
    rows.rewind()
    rows.header()
    return found


def _checked(
    checker: Checker, rows: Rows, options: Options, report: Report, budget: Budget
) -> Iterator[list[PlannedWrite]]:
    """Check all rows, and yield the planned writes in batches."""
    for batch, line in _batches(rows, report, budget):
        yield from _parts(checker.check(batch), budget)
        options.progress(line)
    yield from _parts(checker.finish(), budget)


def _parts(planned: Iterator[PlannedWrite], budget: Budget) -> Iterator[list[PlannedWrite]]:
    while part := [*islice(planned, BATCH_ROWS)]:
        if len(part) == BATCH_ROWS:  # one row can release any number of others
            budget.require_time()
        yield part


def _batches(rows: Rows, report: Report, budget: Budget) -> Iterator[tuple[list[Row], int]]:
    """Yield (rows that are not blank, number of the last line) for each BATCH_ROWS rows of the file."""
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
