"""The limits of an import, and the report of what it did."""

import time
from dataclasses import dataclass, field
from typing import Protocol

from backend.services.errors import TooLarge
from backend.utils.problems import Problem

MAX_EXAMPLE = 100  # characters of a cell
MAX_PROBLEMS = 1000  # kept; rows with further ones are only counted


class ReportProblems(Protocol):
    """Called with the line of each bad row and its problems."""

    def __call__(self, line: int, *problems: Problem) -> None: ...


@dataclass
class Report:
    """The result of an import. `problems` has (line, problem) of the bad rows; `skipped` counts rows without values."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    skipped: int = 0
    bad: int = 0
    # {(column, option): (how many cells were read with the option, the first of them)}
    changed: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    problems: list[tuple[int, Problem]] = field(default_factory=list)

    def add_problems(self, line: int, *problems: Problem) -> None:
        """Count a bad row, and keep its problems if there is room."""
        self.bad += 1
        room = MAX_PROBLEMS - len(self.problems)
        self.problems += [(line, problem) for problem in problems[:room]]

    def count_changed(self, column: str, option: str, cell: str) -> None:
        """Count a cell that could only be read with an option of the Format."""
        count, example = self.changed.get((column, option), (0, cell[:MAX_EXAMPLE]))
        self.changed[column, option] = count + 1, example

    def count_written(self, *, created: int, updated: int) -> None:
        """Set how many records were written, or in a dry run would be."""
        self.created, self.updated = created, updated


@dataclass(frozen=True)
class Bounds:
    """How many rows an import may have, and how many seconds it may take; None means no limit."""

    rows: int | None = None
    seconds: int | None = None


class Budget:
    """The bounds of one import; its time starts when this is created."""

    def __init__(self, bounds: Bounds) -> None:
        self.seconds = bounds.seconds
        self._max_rows, self._began = bounds.rows, time.monotonic()

    @property
    def is_late(self) -> bool:
        """Whether the time is up."""
        return self.seconds is not None and time.monotonic() - self._began > self.seconds

    def require(self, count: int) -> None:
        """Raise TooLarge if the file has too many rows or the time is up."""
        self.require_rows(count)
        self.require_time()

    def require_time(self) -> None:
        """Raise TooLarge if the time is up."""
        if self.is_late:
            message = f"The import takes longer than {self.seconds:,} seconds (LARDER_IMPORT_SECONDS)."
            raise TooLarge(f"{message} Split the file, or use `flask records import`.")

    def require_rows(self, count: int) -> None:
        """Raise TooLarge if the file has too many rows."""
        if self._max_rows is not None and count > self._max_rows:
            message = f"The file has more than {self._max_rows:,} rows (LARDER_MAX_IMPORT_ROWS)."
            raise TooLarge(f"{message} Split it, or use `flask records import`.")
