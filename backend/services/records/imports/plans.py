"""The changes that rows stand for, and where they wait until the whole file is checked."""

import pickle
import tempfile
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

from backend.services.errors import Unavailable

MEMORY_BYTES = 4_000_000  # of planned changes; more of them wait in a file


class Planned(NamedTuple):
    """A change that a row stands for, checked.

    For a new record `data` has all its columns and `version` is None. Otherwise `data` has the fields that change, and
    `version` is the one that the record had when it was checked, or will have after the rows before this one.
    """

    line: int
    record_id: str
    data: dict[str, Any]
    words: dict[str, str]  # of the searched texts, found before the write since that takes long
    version: int | None = None
    if_match: set[str] | None = None

    @property
    def is_new(self) -> bool:
        """Whether the row creates the record."""
        return self.version is None


class Plans:
    """Batches of planned changes, kept in memory or, where they are many, in a temporary file."""

    def __init__(self) -> None:
        self._count = 0
        self._file = tempfile.SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, batch: list[Planned]) -> None:
        """Keep a batch; raise Unavailable without room for it."""
        self._count += 1
        try:
            pickle.dump(batch, self._file, pickle.HIGHEST_PROTOCOL)
        except OSError as error:
            raise Unavailable(
                "No disk space for temporary files is left; free some, or send a smaller file."
            ) from error

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[list[Planned]]:
        self._file.seek(0)
        while True:
            try:
                # Nobody else can write into it: the file is open here and has no name.
                yield pickle.load(self._file)
            except EOFError:
                return
