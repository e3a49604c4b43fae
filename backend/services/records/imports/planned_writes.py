"""Planned writes: the checked rows of a file, kept until the whole file is checked."""

import pickle
import tempfile
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

from backend.services.errors import Unavailable
from backend.services.records.link_writes import Lists

MEMORY_BYTES = 4_000_000  # of planned writes; beyond that, they are kept in a temporary file


NO_LISTS: Lists = {}


class PlannedWrite(NamedTuple):
    """What a checked row writes.

    For a new record, `data` has all its columns and `version` is None. For a change, `data` has the fields that change,
    and `version` is the version that the record must have before it: when it was checked, plus the changes by earlier
    rows of the file. `lists` has the links of a new record; those of a change are in its `data`.
    """

    line: int
    record_id: str
    data: dict[str, Any]
    words: dict[str, str]  # for full-text search; extracted before the write, since this is slow
    version: int | None = None
    if_match: set[str] | None = None
    lists: Lists = NO_LISTS

    @property
    def is_new(self) -> bool:
        """Whether the row creates the record."""
        return self.version is None


class PlannedWrites:
    """Batches of planned writes, in memory or, if they are many, in a temporary file."""

    def __init__(self) -> None:
        self._count = 0
        self._file = tempfile.SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, batch: list[PlannedWrite]) -> None:
        """Add a batch. Raises Unavailable if the disk is full."""
        self._count += 1
        try:
            pickle.dump(batch, self._file, pickle.HIGHEST_PROTOCOL)
        except OSError as error:
            raise Unavailable(
                "No disk space for temporary files is left; free some, or send a smaller file."
            ) from error

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[list[PlannedWrite]]:
        self._file.seek(0)
        while True:
            try:
                # Unpickling is safe: the temporary file has no name, so no one else can write to it.
                yield pickle.load(self._file)
            except EOFError:
                return
