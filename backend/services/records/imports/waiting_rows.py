"""Rows that wait for later rows of the file: for a record to which they refer, or for the row before them."""

import pickle
import tempfile
from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple

from backend.services.errors import Unavailable
from backend.services.records.imports.stored import StoredRecords
from backend.services.records.imports.values import Draft, Reference
from backend.utils.problems import Problem

MEMORY_BYTES = 4_000_000  # of rows that wait; beyond that, they are kept in a temporary file
MAX_LISTED = 5  # lines in a message


class Wanted(NamedTuple):
    """What a row waits for: the unique values that a record will have, or None and the key of a row that waits."""

    fields: tuple[str, ...] | None
    values: Hashable


class LaterRow(Exception):
    """Raised if a row can only be checked after a later one; `reference` is None if another row has the same key."""

    def __init__(self, wanted: Wanted, reference: Reference | None = None) -> None:
        super().__init__()
        self.wanted, self.reference = wanted, reference


class Waiting(NamedTuple):
    """A row that waits, what was stored about it when it was read, and the reference for which it waits."""

    draft: Draft
    stored: StoredRecords
    reference: Reference | None


class WaitingRows:
    """Rows that wait, by what they wait for. Only that is in memory, if they are many."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115 - closed by close()
        self._places: dict[Wanted, list[int]] = {}
        self._stored: dict[int, StoredRecords] = {}  # by place; the rows of a batch share it
        self.keys: set[Hashable] = set()  # of rows that wait, so that later rows with the same key wait, too

    def __len__(self) -> int:
        return len(self._stored)

    def close(self) -> None:
        """Close the temporary file."""
        self._file.close()

    def add(self, later: LaterRow, row: Waiting, key: Hashable | None) -> None:
        """Keep a row until what it waits for is released. Raises Unavailable if the disk is full."""
        try:
            place = self._file.seek(0, 2)
            pickle.dump((row.draft, row.reference), self._file, pickle.HIGHEST_PROTOCOL)
        except OSError as error:
            raise Unavailable("No disk space for temporary files is left; send a smaller file.") from error
        self._places.setdefault(later.wanted, []).append(place)
        self._stored[place] = row.stored
        if key is not None:
            self.keys.add(key)

    def require_turn(self, key: Hashable | None) -> None:
        """Raise LaterRow if a row with the same key waits."""
        if key in self.keys:
            raise LaterRow(Wanted(None, key))

    def release(self, wanted: Wanted) -> list[int]:
        """Return the places of the rows that wait for this."""
        return self._places.pop(wanted, [])

    def finish(self, key: Hashable | None) -> list[int]:
        """Return the places of the rows that wait, because a row with this key waited until now."""
        self.keys.discard(key)
        return self.release(Wanted(None, key))

    def read(self, place: int) -> Waiting:
        """Return a row that was released."""
        self._file.seek(place)
        # Unpickling is safe: the temporary file has no name, so no one else can write to it.
        draft, reference = pickle.load(self._file)
        return Waiting(draft, self._stored[place], reference)

    def take(self, place: int) -> Waiting:
        """Return a row that was released, and forget it."""
        row = self.read(place)
        del self._stored[place]
        return row

    def take_referring(self) -> list[tuple[Wanted, int]]:
        """Release all rows that wait for a record, and return what they wait for and their places."""
        wanted = [each for each in self._places if each.fields is not None]
        return [(each, place) for each in wanted for place in self._places.pop(each)]


def find_circles(waiting: Iterable[tuple[int, Wanted, set[Wanted]]]) -> dict[int, list[int]]:
    """Return {line: all lines of its circle} for the rows that wait for each other.

    `waiting` has (line, what the row waits for, what it would provide) of each row.
    """
    wanted_by, provider = dict[int, Wanted](), dict[Wanted, int]()
    for row, wanted, provided in waiting:
        wanted_by[row] = wanted
        provider.update(dict.fromkeys(provided, row))
    circles: dict[int, list[int]] = {}
    seen: set[int] = set()
    for start in wanted_by:
        path: dict[int, Any] = {}
        line: int | None = start
        while line is not None and line not in seen and line not in path:
            path[line] = None
            line = provider.get(wanted_by[line])
        if line is not None and line in path:
            circle = [*path][[*path].index(line) :]
            circles |= dict.fromkeys(circle, sorted(circle))
        seen.update(path)
    return circles


def explain_circle(column: str, lines: list[int]) -> Problem:
    """Return the problem of a row of a circle of references."""
    if len(lines) == 1:
        text = "The row refers to itself. Leave it empty, and set it with a second import."
        return Problem("not_found", text).within(column)
    more = f" and {len(lines) - MAX_LISTED} more" if len(lines) > MAX_LISTED else ""
    listed = ", ".join(map(str, lines[:MAX_LISTED]))
    advice = "Leave one of the references empty, and set it with a second import."
    text = f"The rows in lines {listed}{more} refer to each other in a circle. {advice}"
    return Problem("not_found", text).within(column)
