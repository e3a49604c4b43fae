"""Imports records from CSV and NDJSON: checked like requests first, without a lock, and then written all or nothing."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

from backend.models.database import DATABASE_ERRORS, database
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.definitions.definition import Definition
from backend.services.errors import LarderError, TooLarge
from backend.services.records.imports.checks import Checker, Planned
from backend.services.records.imports.columns import Columns
from backend.services.records.imports.rows import CsvRows, JsonRows, Row
from backend.services.records.imports.writes import Plans, Writer

BATCH_ROWS = 200
MAX_PROBLEMS = 1000  # kept with their reason; the rest is only counted


@dataclass
class Report:
    """The outcome of an import; `problems` holds (line, reason), `skipped` counts the rows without values."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    skipped: int = 0
    bad: int = 0
    problems: list = field(default_factory=list)

    def note(self, line: int, reason: str) -> None:
        """Count a bad row."""
        self.bad += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append((line, reason))


@dataclass(frozen=True)
class Bounds:
    """How many rows an import may have and how many seconds it may take; None is no bound."""

    rows: int | None = None
    seconds: int | None = None


class _Undo(Exception):
    """Rolls the import back; not an error."""


def import_records(
    actor: Actor,
    resource: Resource,
    rows: CsvRows | JsonRows,
    *,
    key: str | None = None,
    dry_run: bool = False,
    keep_good: bool = False,
    progress: Callable[[int], None] | None = None,
    watch: Callable[[], None] = lambda: None,
    bounds: Bounds = Bounds(),  # noqa: B008 - it is never changed
) -> Report:
    """Create a record for each of the `rows` and return the Report.

    A column is named after a field, or `<reference>_<unique field of its target>`: `country_code` finds the country by
    its `code`. With `key`, a unique field or `id`, a row whose key is there already changes that record in the columns
    of the file, and only if it has the `version` of that column, where there is one. An empty cell is a value not
    given; of a record that is there it empties the field. Admins bring `id` and the other system fields of new records
    along, for everybody else these mean nothing.

    The whole file is checked before anything is written, and meanwhile nothing is locked. If any row is bad nothing is
    written, unless `keep_good`, which commits batch by batch and leaves out the bad rows. `progress(line)` is called
    after each batch of checked rows, `watch()` before rows are written; what these raise ends the import.

    Raises Invalid when the file, the columns or the key are wrong, TooLarge beyond the bounds, Unauthenticated or
    Denied without a grant.
    """
    # A file has as many rows as it has; how long all of it may take is said by the bounds.
    with closing(rows), Plans() as plans, database.time_limit(None):
        run = _Run(actor, resource, rows, key, bounds)
        for batch, line in _batches(rows, run):
            planned = run.checker.check(batch)
            if not dry_run and (keep_good or not run.report.bad):
                plans.add(planned)
            if progress:
                progress(line)
        if dry_run:
            run.report.created, run.report.updated = run.checker.created, run.checker.updated
        elif keep_good:
            run.write_good(plans, watch)
        elif not run.report.bad:
            watch()
            run.write_all(plans)
    # What only the database finds comes to light with a batch of rows, later than what is wrong with a single one.
    run.report.problems.sort(key=lambda problem: problem[0])
    return run.report


def may_import(actor: Actor, definition: Definition, key: str | None) -> policies.Scope:
    """Return the Scope of what the actor may create; raise Unauthenticated or Denied unless they may import.

    With a `key` somebody who may only change records may, too.
    """
    if key is not None and policies.scope(definition, "update", actor):
        return policies.scope(definition, "create", actor)
    return policies.authorize(definition, "create", actor)


class _Run:
    """One import on its way."""

    def __init__(self, actor: Actor, resource: Resource, rows: CsvRows | JsonRows, key: str | None, bounds: Bounds):
        self.actor, self.resource, self.bounds = actor, resource, bounds
        self.report = Report()
        self._began = time.monotonic()
        allowed = may_import(actor, resource.definition, key)
        columns = Columns(actor, resource, rows.is_text, key)
        names = rows.header()
        if names is not None:
            columns.check(names)
        self.checker = Checker(actor, resource, columns, allowed, self.report.note)

    def count_row(self) -> None:
        """Count a row; raise TooLarge beyond the bound."""
        self.report.rows += 1
        if self.bounds.rows is not None and self.report.rows > self.bounds.rows:
            told = f"The file has more than {self.bounds.rows:,} rows (LARDER_MAX_IMPORT_ROWS)."
            raise TooLarge(f"{told} Split it, or use `flask records import`.")

    def check_time(self) -> None:
        """Raise TooLarge beyond the seconds."""
        if self.is_late():
            told = f"The import takes longer than {self.bounds.seconds:,} seconds (LARDER_IMPORT_SECONDS)."
            raise TooLarge(f"{told} Split the file, or use `flask records import`.")

    def is_late(self) -> bool:
        """Tell whether the seconds are over."""
        return self.bounds.seconds is not None and time.monotonic() - self._began > self.bounds.seconds

    def write_all(self, plans: Plans) -> None:
        """Write all batches in one transaction, or nothing."""
        writer = Writer(self.actor, self.resource, self.report.note)
        try:
            with database.atomic():
                began = time.monotonic()
                for number, batch in enumerate(plans, 1):
                    self.check_time()
                    writer.write(batch)
                    if self.report.bad:  # others wrote meanwhile; they are not kept waiting for more of it
                        raise _Undo
                    database.announce_write((time.monotonic() - began) / number * (len(plans) - number))
        except _Undo:
            return
        finally:
            database.announce_write(None)
        self.report.created, self.report.updated = writer.created, writer.updated

    def write_good(self, plans: Plans, watch: Callable[[], None]) -> None:
        """Write each batch in a transaction of its own, as long as there is time."""
        writer, reason = Writer(self.actor, self.resource, self.report.note), None
        for batch in plans:
            left = batch
            if reason is None and self.is_late():
                reason = f"the import took longer than {self.bounds.seconds:,} seconds (LARDER_IMPORT_SECONDS)"
            if reason is None:
                reason = self._write_part(writer, batch, watch)
                left = batch[writer.done :] if reason else []
            for planned in left:
                self.report.note(planned.line, f"Not written: {reason}.")
        self.report.created, self.report.updated = writer.created, writer.updated

    def _write_part(self, writer: Writer, batch: list[Planned], watch: Callable[[], None]) -> str | None:
        """Write a batch; return why that cannot be done now. What was written before it stays and is reported."""
        database.wait_anew()
        writer.done = 0
        try:
            watch()
            writer.write(batch)
        except DATABASE_ERRORS as error:
            reason = database.temporary_reason(database.failure_of(error))
            if reason is None:
                raise
            return reason
        except LarderError as error:
            return error.message.rstrip(".")
        return None


def _batches(rows: CsvRows | JsonRows, run: _Run) -> Iterator[tuple[list[Row], int]]:
    """Yield (rows with values, or with what is wrong with them; the last line) for each BATCH_ROWS rows of the file."""
    batch, count, line = [], 0, 0
    for row in rows:
        line, count = row.line, count + 1
        if row.is_blank:
            run.report.skipped += 1
        else:
            run.count_row()
            run.check_time()
            batch.append(row)
        if count == BATCH_ROWS:
            yield batch, line
            batch, count = [], 0
    yield batch, line


__all__ = ["Bounds", "CsvRows", "JsonRows", "Report", "import_records", "may_import"]
