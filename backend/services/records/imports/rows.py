"""The rows of a file of records: CSV and NDJSON."""

import io
from collections.abc import Iterator, Sequence
from typing import IO, Any, NamedTuple

from backend.services.errors import Invalid
from backend.services.records.imports.csv_rows import CsvReader, explain_wrong_bytes
from backend.utils.file_kinds import HEAD_BYTES, file_problem
from backend.utils.strict_json import read_object

MAX_ROW_BYTES = 1_048_576  # unless another limit is given: the default of LARDER_MAX_BODY_BYTES


class Row(NamedTuple):
    """A row of a file: the line that it begins in, and either its names and values or its problem.

    A row without any value has neither; spreadsheets often leave such rows at the end.
    """

    line: int
    names: tuple[str, ...] = ()
    values: Sequence[Any] | None = None
    problem: str | None = None

    @property
    def is_blank(self) -> bool:
        """Whether the row is empty."""
        return self.values is None and self.problem is None


class CsvRows:
    """The rows of a CSV file: a binary file in UTF-8, whose first line has the names of the columns."""

    is_text = True

    def __init__(self, file: IO[bytes], max_row_bytes: int = MAX_ROW_BYTES) -> None:
        self._file = _peekable(file)
        self._text = io.TextIOWrapper(self._file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        self._rows = iter(CsvReader(self._text, max_row_bytes))
        self._names: tuple[str, ...] = ()

    def header(self) -> tuple[str, ...]:
        """Return the names of the columns. Raises Invalid if this is not a CSV file."""
        _require_kind(self._file, "csv")
        for line, cells, problem in self._rows:
            if problem:
                raise _unreadable(line, f"Line {line}: {problem}")
            if cells and _has_values(cells):
                self._names = tuple(cell if isinstance(cell, str) else "" for cell in cells)
                return self._names
        raise _unreadable(1, "The file is empty. Its first line must name the columns.")

    def close(self) -> None:
        """Detach from the file; its owner closes it."""
        self._text.detach()

    def __iter__(self) -> Iterator[Row]:
        for line, cells, problem in self._rows:
            if problem:
                yield Row(line, problem=problem)
            elif not cells or not _has_values(cells):
                yield Row(line)
            elif len(cells) != len(self._names):
                yield Row(line, problem=_explain_count(len(cells), len(self._names)))
            else:
                yield Row(line, self._names, cells)


class JsonRows:
    """The rows of an NDJSON file: a binary file in UTF-8, with a JSON object on each line."""

    is_text = False

    def __init__(self, file: IO[bytes], max_row_bytes: int = MAX_ROW_BYTES) -> None:
        self._file, self._max_bytes = _peekable(file), max_row_bytes

    def header(self) -> None:
        """Raise Invalid if this is not an NDJSON file. There is no header: each row has its own names."""
        _require_kind(self._file, "ndjson")

    def close(self) -> None:
        """Do nothing; the file's owner closes it."""

    def __iter__(self) -> Iterator[Row]:
        number = 0
        while line := self._file.readline(self._max_bytes + 2):
            number += 1
            if len(line.rstrip(b"\r\n")) > self._max_bytes:
                while line and not line.endswith(b"\n"):
                    line = self._file.readline(self._max_bytes)
                yield Row(number, problem=f"The row is larger than {self._max_bytes:,} bytes (LARDER_MAX_BODY_BYTES).")
            elif not line.strip():
                yield Row(number)
            else:
                yield self._row(number, line)

    def _row(self, number: int, line: bytes) -> Row:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8", errors="surrogateescape")
        if problem := explain_wrong_bytes(text):
            return Row(number, problem=problem)
        try:
            values = read_object(text.rstrip())
        except ValueError as error:
            return Row(number, problem=str(error))
        return Row(number, tuple(values), [*values.values()])


Rows = CsvRows | JsonRows


def _peekable(file: IO[bytes]) -> io.BufferedReader:
    if isinstance(file, io.BufferedReader):
        return file
    return io.BufferedReader(file, HEAD_BYTES * 16)  # type: ignore[arg-type]  # IO hides that files have `readinto`


def _require_kind(file: io.BufferedReader, form: str) -> None:
    if problem := file_problem(file.peek(HEAD_BYTES)[:HEAD_BYTES], form):
        raise _unreadable(1, problem)


def _unreadable(line: int, problem: str) -> Invalid:
    return Invalid({str(line): [problem]}, location="rows", message=problem)


def _has_values(cells: Sequence[object]) -> bool:
    return any(cell is not None for cell in cells)


def _explain_count(count: int, expected: int) -> str:
    hint = "a value with a comma must be in quotes" if count > expected else "some are missing"
    return f"{count} cells instead of {expected}: {hint}."
