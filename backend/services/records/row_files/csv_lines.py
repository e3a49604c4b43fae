"""Writes lines of CSV (RFC 4180): the cells of many records at once, column by column."""

from collections.abc import Iterable, Sequence
from typing import Any

from backend.services.field_types.base import FieldType
from backend.utils.cells import NULL, quote_cells

Column = tuple[FieldType, Sequence[Any]]  # the field of a column, and its values in JSON


def csv_lines(columns: Iterable[Column], delimiter: str) -> str:
    """Return the lines of records, which have one value each in every column."""
    cells = [_cells(field, values, delimiter) for field, values in columns]
    rows = zip(*cells, strict=True)
    if any("" not in column for column in cells):  # no line is empty
        return "\r\n".join([*map(delimiter.join, rows), ""])
    return "".join([csv_line(each, delimiter) for each in rows])


def csv_line(cells: Iterable[str], delimiter: str) -> str:
    """Return a line of cells, which are in quotes already where necessary."""
    text = delimiter.join(cells)
    # Programs that read CSV ignore a line with nothing but separators.
    return f"{text}\r\n" if text.strip(delimiter) else f"{NULL}{text}\r\n"


def _cells(field: FieldType, values: Sequence[Any], delimiter: str) -> Sequence[str]:
    given = [value for value in values if value is not None]
    cells = quote_cells(field.to_cells(given), delimiter)
    if len(given) == len(values):
        return cells
    # At an import, an empty cell means the default. So if there is one, null must be written as NULL.
    null, left = "" if field.default is None else NULL, iter(cells)
    return [null if value is None else next(left) for value in values]
