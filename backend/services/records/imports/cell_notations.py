"""Reads cells in the notation of their column, counts what options changed, and says which option would help."""

from collections.abc import Callable
from typing import Any

from marshmallow import ValidationError

from backend.services.field_types.base import FieldType
from backend.services.records.imports.columns import Column
from backend.services.records.imports.report import Report
from backend.services.records.row_files.formats import Format
from backend.services.records.row_files.notations import Notation
from backend.services.records.row_files.surveys import CONCERNING, PLAIN, hint, reader
from backend.services.records.row_files.words import means_nothing
from backend.utils.problems import Problem

MAX_HINTS = 1000  # in one import, since only so many problems are reported

CellReader = Callable[[Any], Any]


class CellNotations:
    """The notation of each column: that of the Format, or the one in `found` by a survey of the file."""

    def __init__(self, layout: Format, found: dict[Column, Notation], report: Report) -> None:
        self._layout, self._found, self._report = layout, found, report
        self._kinds: dict[Column, str | None] = {}
        self._hints_left = MAX_HINTS

    @property
    def is_plain(self) -> bool:
        """Whether all cells are written as an export writes them, so that no cell is counted."""
        return not self._layout.lenient and self._layout.notation == PLAIN

    def reader(self, column: Column, field: FieldType, read: CellReader) -> CellReader:
        """Return the function that reads a cell of the field, as `read` does, in the notation of the column."""
        kind = self._kinds[column] = field.cell_kind
        notation = self._found.get(column, self._layout.notation)
        if kind is None or (concerning := notation.only(CONCERNING[kind])) == PLAIN:
            return read
        convert, read_text, count = reader(kind, concerning), field.cell_reader(), self._report.count_changed

        def read_cell(cell: Any) -> Any:
            if not isinstance(cell, str):
                return read(cell)
            found = convert(cell)
            if found is None:
                raise ValidationError(Problem("bad_format", f"Not a {kind} as `{concerning}` says."))
            value = read_text(found.text)
            for option in found.options:
                count(column.label, option, cell)
            return value

        return read_cell

    def null_test(self, column: Column, field: FieldType) -> Callable[[Any], bool] | None:
        """Return the function that finds out whether a cell is a word for null; None if there are no such words."""
        words, is_lenient = frozenset(self._layout.notation.null), self._layout.lenient and field.cell_kind is not None
        if not words and not is_lenient:
            return None

        def is_null(cell: Any) -> bool:
            found = isinstance(cell, str) and (cell.strip() in words or (is_lenient and means_nothing(cell)))
            if found:
                self._report.count_changed(column.label, "null", cell)
            return found

        return is_null

    def hint(self, column: Column, cell: Any) -> str:
        """Return which option would read a cell that was refused, after a space, or an empty text."""
        if not isinstance(cell, str) or self._hints_left <= 0:
            return ""
        self._hints_left -= 1
        advice = hint(self._kinds.get(column), cell)
        return f" {advice}" if advice else ""
