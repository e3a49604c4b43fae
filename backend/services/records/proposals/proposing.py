"""Proposes a resource for a file: first surveys all rows, then reads them once more as the fields that were found.

The second reading makes sure that an import accepts every value, and finds out how many digits decimals need.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import IO, Any

from marshmallow import ValidationError

from backend.services.errors import Invalid
from backend.services.field_types import cell_kinds
from backend.services.field_types.registry import parse_field
from backend.services.records.imports.columns import compared_letters
from backend.services.records.proposals.column_profiles import ColumnProfile, Guess
from backend.services.records.proposals.declarations import FileColumn, declare
from backend.services.records.proposals.field_names import field_names
from backend.services.records.row_files.encodings import guess_encoding
from backend.services.records.row_files.formats import Format
from backend.services.records.row_files.notations import Notation
from backend.services.records.row_files.rows import Rows
from backend.services.records.row_files.surveys import advice, reader
from backend.services.records.row_files.words import PAIRS, means_nothing
from backend.utils.problems import Problem
from backend.utils.texts import shown

NUMBERS = (cell_kinds.WHOLE, cell_kinds.NUMBER)

TakeRow = Callable[[int], None]  # called with the number of each row; may raise


@dataclass(frozen=True)
class Proposal:
    """A definition that fits a file, and how to import the file.

    `layout` is the Format to read it with; `notes` say what a person should decide.
    """

    name: str
    fields: dict[str, dict[str, Any]]
    layout: Format
    rows: int
    notes: list[str]

    @property
    def definition(self) -> dict[str, Any]:
        """The definition, as `POST /resources` takes it."""
        return {"name": self.name, "fields": self.fields}


def proposal_format(given: Format, file: IO[bytes]) -> Format:
    """Return the Format to read a file with for a proposal: the `given` one, lenient, in the encoding of the file."""
    return replace(given, lenient=True, encoding=given.encoding or guess_encoding(file))


def propose(rows: Rows, name: str, take_row: TakeRow) -> Proposal:
    """Return the Proposal of a resource for rows, which were opened with a proposal_format() and can be rewound.

    Options of their Format are certain. Raises Invalid if the file cannot be read, and what `take_row` raises.
    """
    with closing(rows):
        notation, decided = rows.layout.notation, None
        while notation != decided:  # an option that was decided applies to all columns
            decided = notation
            columns, count = _survey(rows, name, notation, take_row)
            notation = _decide(columns, notation)
            rows.rewind()
        notes = [note for column in columns if (note := _settle(column))]
        _read_again(rows, columns)
    fields = {column.field_name: declare(column, is_first=column is columns[0]) for column in columns}
    words = dict.fromkeys(word for column in columns if column.is_text for word in column.profile.null_words)
    notation = replace(notation, null=(*notation.null, *words))
    layout = replace(rows.layout, notation=notation, columns=rows.layout.columns | _map(columns))
    return Proposal(name, fields, layout, count, notes)


def _survey(rows: Rows, name: str, notation: Notation, take_row: TakeRow) -> tuple[list[FileColumn], int]:
    """Return a column with its profile for each that the file has, and the number of rows."""
    header = rows.header()
    by_name: dict[str, FileColumn] = {}
    if header is not None:
        _require_names(header)
        _add_columns(by_name, header, name, notation)
    count = 0
    for row in rows:
        if row.problem:
            raise Invalid(
                {str(row.line): [Problem("bad_format", row.problem)]}, "rows", f"Line {row.line}: {row.problem}"
            )
        if row.values is None:
            continue
        count += 1
        take_row(count)
        _add_columns(by_name, [each for each in row.names if each not in by_name], name, notation, count - 1)
        values = dict(zip(row.names, row.values, strict=True))
        for each, column in by_name.items():
            column.profile.add(values.get(each))
    if not count:
        raise Invalid({"1": [Problem("required", "The file has no rows.")]}, "rows", "The file has no rows.")
    return [*by_name.values()], count


def _require_names(header: Sequence[str]) -> None:
    if "" in header:
        message = f"Column {header.index('') + 1} has no name in the first line. Name it, or delete the column."
        raise Invalid({"": [Problem("unknown_column", message)]}, "columns", message)
    if doubled := sorted({each for each in header if header.count(each) > 1}):
        message = f"These columns are given twice: {', '.join(map(shown, doubled))}. Rename one of each."
        raise Invalid({each: [Problem("duplicate", message)] for each in doubled}, "columns", message)


def _add_columns(
    by_name: dict[str, FileColumn], new: Sequence[str], resource: str, notation: Notation, missing: int = 0
) -> None:
    """Add the `new` columns, which the first `missing` rows do not have."""
    if new:
        names = field_names([*by_name, *new], resource)[len(by_name) :]
        for name, field_name in zip(new, names, strict=True):
            by_name[name] = FileColumn(name, field_name, ColumnProfile(notation))
            by_name[name].profile.missing = missing


def _decide(columns: Iterable[FileColumn], notation: Notation) -> Notation:
    """Return the notation with an option more where the values of a column can be read in several ways."""
    for column in columns:
        column.guess = column.profile.guess()
        if column.guess.type == "string" and (pair := _pair(column.profile)) and pair[0] not in notation.true:
            return replace(notation, true=(*notation.true, pair[0]), false=(*notation.false, pair[1]))
        notations = [choice.notation for choice in column.guess.choices]
        if len(notations) < 2:
            continue
        if len({replace(each, percent="") for each in notations}) == 1:
            return replace(notation, percent="strip")  # as it is written
        if column.guess.kind in NUMBERS and notation.decimal == "." and _has_decimal_commas(columns):
            return replace(notation, decimal=",")
        if column.guess.kind in (cell_kinds.DAY, cell_kinds.MOMENT) and "." in column.guess.choices[0].example:
            return replace(notation, date_format="dmy")  # with points, the month never comes first
    return notation


def _has_decimal_commas(columns: Iterable[FileColumn]) -> bool:
    """Return whether a column can be read with a decimal comma only."""
    guesses = [column.profile.guess() for column in columns]
    certain = [guess.choices[0].notation for guess in guesses if guess.kind in NUMBERS and len(guess.choices) == 1]
    return any(each.decimal == "," for each in certain)


def _pair(profile: ColumnProfile) -> tuple[str, str] | None:
    """Return the usual words for true and false, in any language, if a column has nothing else."""
    words = {text.strip().casefold() for text in profile.choices}
    return next((pair for pair in PAIRS.items() if words == {*pair}), None)


def _settle(column: FileColumn) -> str | None:
    """Set the notation of a column; return a note if it becomes a text because it can be read in several ways."""
    choices = column.guess.choices
    if len(choices) > 1:
        column.guess = Guess("string")
        return f"{column.name}: {shown(choices[0].example)} can be read in several ways. {advice([*choices])}"
    if choices:
        column.notation = choices[0].notation
    return None


def _read_again(rows: Rows, columns: Sequence[FileColumn]) -> None:
    """Read all values as their fields do: note which columns refuse one, and the digits of numbers."""
    readers = {column.name: _reader(column) for column in columns}
    rows.header()
    for row in rows:
        for name, cell in zip(row.names, row.values or (), strict=False):
            if isinstance(cell, str) and cell:
                readers[name](cell)


def _reader(column: FileColumn) -> Callable[[str], None]:
    """Return the function that reads a text of a column."""
    kind, words = column.guess.kind, column.profile.null_words
    convert = reader(kind, column.notation) if kind else None
    read = parse_field({"type": column.guess.type}).cell_reader()

    def read_text(text: str) -> None:
        if text.strip() in words or (convert and means_nothing(text)):
            return
        found = convert(text) if convert else None
        plain = found.text if found else text
        try:
            read(plain)
        except ValidationError:
            column.refused = True
        if kind == cell_kinds.NUMBER:
            _note_digits(column, plain)

    return read_text


def _note_digits(column: FileColumn, number: str) -> None:
    whole, _, fraction = number.lstrip("-").partition(".")
    most_whole, most_fraction, least_fraction = column.digits
    digits = len(fraction) if fraction.isdigit() or not fraction else 99  # with an exponent
    column.digits = [max(most_whole, len(whole)), max(most_fraction, digits), min(least_fraction, digits)]


def _map(columns: Sequence[FileColumn]) -> dict[str, str]:
    """Return the map of name to field for the columns that an import would not find by their names."""
    letters = [compared_letters(column.name) for column in columns]
    return {
        column.name: column.field_name
        for column, own in zip(columns, letters, strict=True)
        if own != compared_letters(column.field_name) or letters.count(own) > 1
    }
