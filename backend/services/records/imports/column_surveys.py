"""Finds out how the columns of a file are written, for lenient imports, which read the file twice."""

from collections.abc import Callable

from backend.services.errors import Invalid
from backend.services.records.imports.columns import Column, Columns
from backend.services.records.row_files.notations import Notation
from backend.services.records.row_files.rows import Row, Rows
from backend.services.records.row_files.surveys import Survey, advice
from backend.services.records.row_files.words import means_nothing
from backend.utils.problems import Problem
from backend.utils.texts import shown

Surveys = dict[Column, Survey | None]


def find_notations(rows: Rows, columns: Columns, take_row: Callable[[], None]) -> dict[Column, Notation]:
    """Return the notation in which each column can be read; `take_row` is called before each row.

    Raises Invalid, keyed by column, if the values of a column can be read in several ways.
    """
    surveys: Surveys = {}
    for row in rows:
        take_row()
        _add_row(surveys, row, columns, rows.layout.notation)
    choices = {column: survey.choices for column, survey in surveys.items() if survey}
    unclear = {
        column.label: f"{shown(found[0].example)} can be read in several ways. {advice(found)}"
        for column, found in choices.items()
        if len(found) > 1
    }
    if unclear:
        message = " ".join(f"{label}: {text}" for label, text in unclear.items())
        problems = {label: [Problem("bad_format", text)] for label, text in unclear.items()}
        raise Invalid(problems, location="columns", message=message)
    return {column: found[0].notation for column, found in choices.items()}


def _add_row(surveys: Surveys, row: Row, columns: Columns, given: Notation) -> None:
    if row.values is None:
        return
    for column, cell in zip(columns.known(row.names), row.values, strict=True):
        if column is None or not isinstance(cell, str) or not cell or means_nothing(cell) or cell in given.null:
            continue
        if column not in surveys:
            kind = columns.cell_kind(column)
            surveys[column] = Survey(kind, given) if kind else None
        if survey := surveys[column]:
            survey.add(cell)
