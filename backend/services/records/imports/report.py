"""What an import may take and what it did."""

import time
from dataclasses import dataclass, field

from backend.services.errors import TooLarge

MAX_PROBLEMS = 1000  # kept with their reason; the rest is only counted


@dataclass
class Report:
    """The outcome of an import; `problems` holds (line, reason), `skipped` counts the rows without values."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    skipped: int = 0
    bad: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)

    def note(self, line: int, reason: str) -> None:
        """Count a bad row."""
        self.bad += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append((line, reason))

    def count_written(self, *, created: int, updated: int) -> None:
        """Set how many records were written, or in a dry run would be."""
        self.created, self.updated = created, updated


@dataclass(frozen=True)
class Bounds:
    """How many rows an import may have and how many seconds it may take; None is no bound."""

    rows: int | None = None
    seconds: int | None = None


class Budget:
    """The bounds of an import that has begun now."""

    def __init__(self, bounds: Bounds) -> None:
        self.seconds = bounds.seconds
        self._max_rows, self._began = bounds.rows, time.monotonic()

    @property
    def is_late(self) -> bool:
        """Whether the seconds are over."""
        return self.seconds is not None and time.monotonic() - self._began > self.seconds

    def require_time(self) -> None:
        """Raise TooLarge once the seconds are over."""
        if self.is_late:
            message = f"The import takes longer than {self.seconds:,} seconds (LARDER_IMPORT_SECONDS)."
            raise TooLarge(f"{message} Split the file, or use `flask records import`.")

    def require_rows(self, count: int) -> None:
        """Raise TooLarge if the file has more rows than it may."""
        if self._max_rows is not None and count > self._max_rows:
            message = f"The file has more than {self._max_rows:,} rows (LARDER_MAX_IMPORT_ROWS)."
            raise TooLarge(f"{message} Split it, or use `flask records import`.")
