"""The rows of a file of records: CSV and NDJSON."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from backend.services.errors import Invalid
from backend.services.records.row_files.csv_rows import CsvReader, explain_wrong_bytes
from backend.services.records.row_files.encodings import as_utf8, marked_encoding, unmarked_encoding
from backend.services.records.row_files.formats import Format
from backend.services.records.row_files.separators import find_separator, name_of, noted_separator, one_of, option_value
from backend.utils.file_kinds import HEAD_BYTES, binary_problem, text_problem
from backend.utils.problems import Problem
from backend.utils.strict_json import read_object

BYTE_ORDER_MARK = "\ufeff"
NDJSON_SUFFIXES = (".ndjson", ".jsonl")
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


class Source:
    """A file of rows, read as UTF-8 in the encoding that its byte order mark or the Format names."""

    encoding = "utf-8"

    def __init__(self, file: IO[bytes], form: str, layout: Format) -> None:
        self._original, self._form, self._layout = _peekable(file), form, layout
        self.file, self.head = self._original, b""

    def open(self) -> None:
        """Find out the encoding. Raises Invalid if the file is of another kind than it should be."""
        head = self._original.peek(HEAD_BYTES)[:HEAD_BYTES]
        if problem := binary_problem(head, self._form):
            raise _unreadable(1, problem)
        guess = unmarked_encoding(head)
        chosen = marked_encoding(head) or self._layout.encoding or (guess if self._layout.lenient else None)
        if guess and chosen is None:
            raise _unreadable(1, f"The file is in UTF-16 without a byte order mark. Add `encoding={guess}`.")
        self.encoding = chosen or "utf-8"
        self.file = self._original if self.encoding == "utf-8" else as_utf8(self._original, self.encoding)
        self.head = self.file.peek(HEAD_BYTES)[:HEAD_BYTES]
        if problem := text_problem(self.head, self._form):
            raise _unreadable(1, problem)

    def rewind(self) -> None:
        """Go back to the beginning of the file."""
        self.file = self._original
        self._original.seek(0)


def _peekable(file: IO[bytes]) -> io.BufferedReader:
    if isinstance(file, io.BufferedReader):
        return file
    return io.BufferedReader(file, HEAD_BYTES * 16)  # type: ignore[arg-type]  # IO hides that files have `readinto`


class CsvRows:
    """The rows of a CSV file, whose first line has the names of the columns."""

    is_text = True

    def __init__(
        self,
        file: IO[bytes],
        max_row_bytes: int = MAX_ROW_BYTES,
        layout: Format = Format(),  # noqa: B008 - frozen
    ) -> None:
        self.layout, self.names = layout, tuple[str, ...]()
        self._source, self._max_bytes, self._delimiter = Source(file, "csv", layout), max_row_bytes, ","
        self._has_values = _has_text if layout.lenient else _has_values

    def header(self) -> tuple[str, ...]:
        """Begin at the first line, and return the names of the columns. Raises Invalid if this is not a CSV file."""
        self._source.open()
        head = self._source.head.decode(errors="ignore").removeprefix(BYTE_ORDER_MARK)
        noted = noted_separator(head)
        self._delimiter = self._choose_delimiter(head, noted)
        self._text = io.TextIOWrapper(self._source.file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        self._rows = iter(CsvReader(self._text, self._max_bytes, self._delimiter, self._source.encoding))
        if noted:
            next(self._rows)
        self.names = self._read_names()
        return self.names

    def _choose_delimiter(self, head: str, noted: str | None) -> str:
        """Return what separates the cells. Raises Invalid if the first line has another separator."""
        first = next(iter(head.lstrip().splitlines()), "")
        found = find_separator(first)
        chosen = self.layout.delimiter or noted or (found if self.layout.lenient else ",")
        is_missing = chosen not in first or not (self.layout.delimiter or noted)
        if found in first and found != chosen and is_missing:
            advice = f"Add `delimiter={option_value(found)}`, or save the file with commas between them."
            raise _unreadable(1, f"The columns are separated by {name_of(found)}. {advice}")
        return chosen

    def _read_names(self) -> tuple[str, ...]:
        for line, cells, problem in self._rows:
            if problem:
                raise _unreadable(line, f"Line {line}: {problem}")
            if cells and _has_values(cells):
                names = [cell if isinstance(cell, str) else "" for cell in cells]
                while self.layout.lenient and not names[-1]:
                    del names[-1]
                return tuple(names)
        raise _unreadable(1, "The file is empty. Its first line must name the columns.")

    def close(self) -> None:
        """Detach from the file; its owner closes it."""
        if hasattr(self, "_text"):
            self._text.detach()

    def rewind(self) -> None:
        """Go back to the beginning of the file, which must be seekable; `header` is called next."""
        self.close()
        self._source.rewind()

    def __iter__(self) -> Iterator[Row]:
        count = len(self.names)
        for line, cells, problem in self._rows:
            if problem:
                yield Row(line, problem=problem)
            elif not cells or not self._has_values(cells):
                yield Row(line)
            elif len(cells) == count:
                yield Row(line, self.names, cells)
            elif self.layout.lenient and len(cells) > count and not self._has_values(cells[count:]):
                yield Row(line, self.names, cells[:count])
            else:
                yield Row(line, problem=_explain_count(len(cells), count, self._delimiter))


class JsonRows:
    """The rows of an NDJSON file, with a JSON object on each line."""

    is_text = False

    def __init__(
        self,
        file: IO[bytes],
        max_row_bytes: int = MAX_ROW_BYTES,
        layout: Format = Format(),  # noqa: B008 - frozen
    ) -> None:
        self.layout, self._max_bytes = layout, max_row_bytes
        self._source = Source(file, "ndjson", layout)

    def header(self) -> None:
        """Begin at the first line. Raises Invalid if this is not an NDJSON file. Each row has its own names."""
        if self.layout.delimiter:
            raise Invalid({"delimiter": [Problem("not_allowed", "Only CSV has a delimiter.")]}, location="query")
        self._source.open()

    def close(self) -> None:
        """Do nothing; the file's owner closes it."""

    def rewind(self) -> None:
        """Go back to the beginning of the file, which must be seekable; `header` is called next."""
        self._source.rewind()

    def __iter__(self) -> Iterator[Row]:
        number, file = 0, self._source.file
        while line := file.readline(self._max_bytes + 2):
            number += 1
            if len(line.rstrip(b"\r\n")) > self._max_bytes:
                while line and not line.endswith(b"\n"):
                    line = file.readline(self._max_bytes)
                yield Row(number, problem=f"The row is larger than {self._max_bytes:,} bytes (LARDER_MAX_BODY_BYTES).")
            elif not line.strip():
                yield Row(number)
            else:
                yield self._row(number, line)

    def _row(self, number: int, line: bytes) -> Row:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8", errors="surrogateescape")
        if problem := explain_wrong_bytes(text, self._source.encoding):
            return Row(number, problem=problem)
        try:
            values = read_object(text.rstrip())
        except ValueError as error:
            return Row(number, problem=str(error))
        return Row(number, tuple(values), [*values.values()])


Rows = CsvRows | JsonRows


def is_ndjson(path: Path) -> bool:
    """Return whether a file has NDJSON, by its name; otherwise it has CSV."""
    return path.suffix.lower() in NDJSON_SUFFIXES


def _unreadable(line: int, problem: str) -> Invalid:
    return Invalid({str(line): [Problem("bad_format", problem)]}, location="rows", message=problem)


def _has_values(cells: Sequence[object]) -> bool:
    return cells.count(None) < len(cells)


def _has_text(cells: Sequence[object]) -> bool:
    """Return whether there is anything but white space in the cells."""
    return any(cell.strip() if isinstance(cell, str) else cell is not None for cell in cells)


def _explain_count(count: int, expected: int, delimiter: str) -> str:
    hint = f"a value with {one_of(delimiter)} must be in quotes" if count > expected else "some are missing"
    return f"{count} cells instead of {expected}: {hint}."
