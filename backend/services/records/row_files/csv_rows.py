"""Reads CSV (RFC 4180) line by line, in linear time and bounded memory.

Python's csv module cannot be used: it does not distinguish `""` (an empty text) from a cell with nothing in it, and it
does not tell the line of an error.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple, NoReturn, TextIO

from backend.utils.cells import NULL as NULL_CELL
from backend.utils.texts import shown


class Null:
    """The class of NULL."""


NULL: Final = Null()  # a cell that is explicitly null
Cell = str | Null | None
_PLAIN: dict[str, Cell] = {"": None, NULL_CELL: NULL}
_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # `surrogateescape` decodes an invalid byte to one of these
_WORD_WITH_IT = re.compile('[^\\s,;"]*[\udc80-\udcff][^\\s,;"]*')


class CsvRow(NamedTuple):
    """A row: the line of the file that it begins in, and either its cells or its problem.

    A cell is a text, `""` if it is quoted and empty, None if there is nothing in it, or NULL.
    """

    line: int
    cells: list[Cell] | None
    problem: str | None = None


class CsvReader:
    """The rows of a UTF-8 text file, which must be open with `newline=""` and `errors="surrogateescape"`.

    `delimiter` separates the cells. A row of more than `max_bytes` has a problem instead of cells; it is never in
    memory as a whole. An empty line is a row without cells. `encoding` is that of the file before it became UTF-8.
    """

    def __init__(self, file: TextIO, max_bytes: int, delimiter: str = ",", encoding: str = "utf-8") -> None:
        self._file, self._max_bytes, self._delimiter, self._encoding = file, max_bytes, delimiter, encoding
        self._line = 0  # number of the line that was read last, completely or in part
        self._is_at_end = True  # whether that line was read completely
        self._size = 0  # bytes of the current row so far
        self._not_utf8: tuple[int, str] | None = None  # the first invalid byte of the current row: (line, message)

    def __iter__(self) -> Iterator[CsvRow]:
        while text := self._read_line():
            yield self._row(self._line, text)
            self._size, self._not_utf8 = 0, None

    def _row(self, line: int, text: str) -> CsvRow:
        try:
            self._check_size(text, None)
            body = text.rstrip("\r\n")
            cells = self._cells(text, len(body)) if '"' in text else _plain_cells(body, self._delimiter)
        except _Problem as problem:
            return CsvRow(problem.line or line, None, problem.text)
        if self._not_utf8:
            return CsvRow(self._not_utf8[0], None, self._not_utf8[1])
        return CsvRow(line, cells)

    def _read_line(self) -> str:
        """Return the next line with its line end, or the next part of it if it is longer than a row may be."""
        text = self._file.readline(self._max_bytes + 1)
        if text and self._is_at_end:
            self._line += 1
        self._is_at_end = text.endswith(("\n", "\r"))
        if text.isascii():
            self._size += len(text)
            return text
        self._size += len(text.encode(errors="surrogateescape"))
        if not self._not_utf8 and (message := explain_wrong_bytes(text, self._encoding)):
            self._not_utf8 = (self._line, message)
        return text

    def _check_size(self, text: str, opened: int | None) -> None:
        """If the row is too large, read to its end and raise _Problem; `opened` is the line of an open quote."""
        if self._size > self._max_bytes:
            self._skip_row(text, opened)

    def _skip_row(self, text: str, opened: int | None) -> NoReturn:
        # Each quote opens or closes; a doubled quote does both, so only odd or even matters.
        in_quotes = (opened is not None) ^ (text.count('"') % 2 == 1)
        while in_quotes or not self._is_at_end:
            if not (text := self._read_line()):
                break
            in_quotes ^= text.count('"') % 2 == 1
        message = f"The row is larger than {self._max_bytes:,} bytes (LARDER_MAX_BODY_BYTES)."
        unclosed = f" A quote opened in line {opened or self._line} is never closed." if in_quotes else ""
        raise _Problem(message + unclosed)

    def _cells(self, text: str, end: int) -> list[Cell]:
        """Return the cells of a row with quotes; `end` is the position of the line end in `text`."""
        cells: list[Cell] = []
        at = 0
        while True:
            if text.startswith('"', at):
                cell, text, at = self._quoted(text, at + 1)
                cells.append(cell)
                end = len(text.rstrip("\r\n"))
                if at < end and text[at] != self._delimiter:
                    message = f"Column {len(cells)}: text follows a closing quote: {shown(text[at:end])}."
                    raise _Problem(f"{message} A quote within a value must be doubled.")
            else:
                found = text.find(self._delimiter, at, end)
                cell, at = text[at : end if found < 0 else found], end if found < 0 else found
                cells.append(_PLAIN.get(cell, cell))
            if at >= end:
                return cells
            at += 1

    def _quoted(self, text: str, at: int) -> tuple[str, str, int]:
        """Return (value, text of the line in which it ends, position after it) of the quoted cell at `at`."""
        opened, parts = self._line, []
        while True:
            quote = text.find('"', at)
            if quote < 0:
                parts.append(text[at:])
                text, at = self._read_line(), 0
                if not text:
                    raise _Problem("A quote is opened here and never closed.", opened)
                self._check_size(text, opened)
            elif text.startswith('"', quote + 1):
                parts.append(text[at : quote + 1])
                at = quote + 2
            else:
                parts.append(text[at:quote])
                return "".join(parts), text, quote + 1


class _Problem(Exception):
    """What is wrong with a row."""

    def __init__(self, text: str, line: int | None = None) -> None:
        super().__init__(text)
        self.text, self.line = text, line


def _plain_cells(text: str, delimiter: str) -> list[Cell]:
    cells: list[Cell] = [*text.split(delimiter)] if text else []
    return [_PLAIN.get(cell, cell) for cell in cells] if "" in cells or NULL_CELL in cells else cells  # type: ignore[arg-type]


def explain_wrong_bytes(text: str, encoding: str = "utf-8") -> str | None:
    """Return a message if the text has bytes that its encoding does not have; None if it has none.

    If the encoding should be UTF-8, the message says which one it may be.
    """
    if text.isascii() or not (found := _NOT_UTF8.search(text)):
        return None
    if encoding != "utf-8":
        return f"The line is not valid in the encoding {encoding}."
    around = _WORD_WITH_IT.search(text[max(0, found.start() - 20) : found.end() + 20]) or found
    raw, byte = around[0].encode(errors="surrogateescape"), ord(found[0]) - 0xDC00
    try:
        guess = f"in Windows-1252 it would be {shown(raw.decode('cp1252'))}. If so, add `encoding=windows-1252`."
    except UnicodeDecodeError:
        guess = "the file has another encoding. Save it as UTF-8, or add `encoding`."
    return f"The byte 0x{byte:02X} is not UTF-8: {guess}"
