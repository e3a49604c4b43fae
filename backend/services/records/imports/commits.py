"""Commits the planned changes of a file: all of them at once, or batch by batch."""

import time
from collections.abc import Callable

from backend.models.database import DATABASE_ERRORS, database
from backend.services.errors import LarderError
from backend.services.records.imports.plans import Planned, Plans
from backend.services.records.imports.report import Budget, Report
from backend.services.records.imports.writes import Writer


class _Undo(Exception):
    """Rolls the import back; not an error."""


def write_all(writer: Writer, plans: Plans, report: Report, budget: Budget) -> None:
    """Write all batches in one transaction; nothing is written if others wrote what makes a row bad meanwhile.

    Raises TooLarge when the time is over.
    """
    try:
        with database.atomic():
            began = time.monotonic()
            for number, batch in enumerate(plans, 1):
                budget.require_time()
                writer.write(batch)
                if report.bad:  # others are not kept waiting for more of it
                    raise _Undo
                database.announce_write((time.monotonic() - began) / number * (len(plans) - number))
    except _Undo:
        return
    finally:
        database.announce_write(None)
    report.count_written(created=writer.created, updated=writer.updated)


def write_good(writer: Writer, plans: Plans, report: Report, budget: Budget, watch: Callable[[], None]) -> None:
    """Write each batch in a transaction of its own, as long as there is time; `watch()` is called before each."""
    reason = None
    for batch in plans:
        left = batch
        if reason is None and budget.is_late:
            reason = f"the import took longer than {budget.seconds:,} seconds (LARDER_IMPORT_SECONDS)"
        if reason is None:
            reason = _write_batch(writer, batch, watch)
            left = batch[writer.done :] if reason else []
        for planned in left:
            report.note(planned.line, f"Not written: {reason}.")
    report.count_written(created=writer.created, updated=writer.updated)


def _write_batch(writer: Writer, batch: list[Planned], watch: Callable[[], None]) -> str | None:
    """Write a batch; return why that cannot be done now. What was written before it stays and is reported."""
    database.renew_wait()
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
