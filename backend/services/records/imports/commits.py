"""Commits the planned writes of a file: all of them at once, or batch by batch."""

import time
from collections.abc import Callable

from backend.models.database import DATABASE_ERRORS, database
from backend.services.errors import LarderError
from backend.services.records.imports.planned_writes import PlannedWrite, PlannedWrites
from backend.services.records.imports.report import Budget, Report
from backend.services.records.imports.writes import Writer
from backend.utils.problems import Problem


class _Rollback(Exception):
    """Raised to roll the transaction back; not an error."""


def write_all(writer: Writer, planned_writes: PlannedWrites, report: Report, budget: Budget) -> None:
    """Write all batches in one transaction. If a row has become invalid since it was checked, nothing is written.

    Raises TooLarge if the time is up.
    """
    try:
        with database.atomic():
            began = time.monotonic()
            for number, batch in enumerate(planned_writes, 1):
                budget.require_time()
                writer.write(batch)
                if report.bad:  # stop at once, since other writers are waiting
                    raise _Rollback
                batches_left = len(planned_writes) - number
                database.announce_write((time.monotonic() - began) / number * batches_left)
    except _Rollback:
        return
    finally:
        database.announce_write(None)
    report.count_written(created=writer.created, updated=writer.updated)


def write_valid(
    writer: Writer,
    planned_writes: PlannedWrites,
    report: Report,
    budget: Budget,
    before_write: Callable[[], None],
) -> None:
    """Write each batch in a transaction of its own, and call `before_write()` before each.

    If the time is up or a batch cannot be written now, the batches before it stay, and the remaining rows are reported
    as not written.
    """
    reason = None
    for batch in planned_writes:
        unwritten = batch
        if reason is None and budget.is_late:
            reason = f"the import took longer than {budget.seconds:,} seconds (LARDER_IMPORT_SECONDS)"
        if reason is None:
            reason = _write_batch(writer, batch, before_write)
            unwritten = batch[writer.done :] if reason else []
        for planned in unwritten:
            report.add_problems(planned.line, Problem("not_written", f"Not written: {reason}."))
    report.count_written(created=writer.created, updated=writer.updated)


def _write_batch(writer: Writer, batch: list[PlannedWrite], before_write: Callable[[], None]) -> str | None:
    """Write a batch, and return None; if it cannot be written now, return why."""
    database.renew_wait()
    writer.done = 0
    try:
        before_write()
        writer.write(batch)
    except DATABASE_ERRORS as error:
        reason = database.temporary_reason(database.failure_of(error))
        if reason is None:
            raise
        return reason
    except LarderError as error:
        return error.message.rstrip(".")
    return None
