"""Profiles of columns: what the values of a column of a file have in common, as far as a field type needs it."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from marshmallow import ValidationError

from backend.services.field_types import cell_kinds
from backend.services.field_types.registry import parse_field
from backend.services.records.row_files.notations import Notation
from backend.services.records.row_files.surveys import Choice, Survey
from backend.services.records.row_files.words import means_nothing

MAX_DISTINCT = 100_000  # values of a column that are remembered to find equal ones
MAX_CHOICES = 12  # of an enum
# The kinds of values, each with the field type for it, in the order in which they are tried.
KINDS = {
    cell_kinds.WHOLE: "integer",
    cell_kinds.BOOLEAN: "boolean",
    cell_kinds.NUMBER: "number",
    cell_kinds.DAY: "date",
    cell_kinds.MOMENT: "datetime",
}
TEXT_TYPES = ("time", "uuid", "email", "url")  # that a text can have, in the order in which they are tried
# A boolean is an integer, too, so it comes first.
JSON_TYPES = {bool: "boolean", int: "integer", float: "number", dict: "json", list: "json"}
# Words for no value also in texts. Not `NA`, which is a country and a continent.
NULL_WORDS = frozenset({"n/a", "#n/a", "-", "--", "\u2013", "?"})
MOST_DIGITS = 18  # of an integer


class Guess(NamedTuple):
    """The type of a column, the kind of its values or None for texts, and the notations that read them differently."""

    type: str
    kind: str | None = None
    choices: tuple[Choice, ...] = ()


class ColumnProfile:
    """What is known about the values of a column, which are added one by one."""

    def __init__(self, given: Notation) -> None:
        """Begin without values. Options of the notation `given` are certain."""
        self.count = self.missing = 0  # values, and rows without one
        self.words = 0  # values that mean none, except in a text
        self.longest = 0  # characters
        self.has_lines = False  # whether a value has several
        self.choices: dict[str, None] = {}  # the first different texts, in their order
        self.null_words: dict[str, None] = {}  # the words for no value that a text would keep
        self.has_duplicates = False
        self._json_types: set[str] = set()  # of values that are no texts
        self._surveys = {kind: Survey(kind, given) for kind in KINDS}
        self._readers = {name: _text_reader(name) for name in TEXT_TYPES}
        self._seen: set[int] = set()
        self._has_leading_zero = self._has_text = False

    def add(self, cell: Any) -> None:
        """Take the value of a row into account; anything but text is a value of JSON, or none."""
        if isinstance(cell, str):
            self._add_text(cell)
        elif not (found := next((name for kind, name in JSON_TYPES.items() if isinstance(cell, kind)), None)):
            self.missing += 1
        else:
            self.count += 1
            self._json_types.add(found)
            self._remember(repr(cell))

    def _add_text(self, text: str) -> None:
        if text.strip().casefold() in NULL_WORDS:
            self.null_words[text.strip()] = None
            self.missing += 1
            return
        self.count += 1
        self._remember(text)
        self.longest, self.has_lines = max(self.longest, len(text)), self.has_lines or "\n" in text
        if len(self.choices) <= MAX_CHOICES:
            self.choices[text] = None
        if means_nothing(text):
            self.words += 1
        elif text:
            self._survey(text)

    def _survey(self, text: str) -> None:
        """Add the text to the surveys, and drop those that cannot read it."""
        self._has_text = True
        digits = text.strip().lstrip("+-")
        self._has_leading_zero |= digits[:1] == "0" and digits[1:2].isdigit() or len(digits) > MOST_DIGITS
        for kind, survey in [*self._surveys.items()]:
            survey.add(text)
            if not survey.is_readable:
                del self._surveys[kind]
        for name, read in [*self._readers.items()]:
            try:
                read(text)
            except ValidationError:
                del self._readers[name]

    def _remember(self, value: str) -> None:
        if self.has_duplicates:
            return
        key = hash(value)
        self.has_duplicates = key in self._seen or len(self._seen) >= MAX_DISTINCT
        self._seen.add(key)

    def guess(self) -> Guess:
        """Return the type that fits all values."""
        if self._json_types:
            return Guess(self._json_type())
        if not self._has_text:
            return Guess("string")
        for kind, name in KINDS.items():
            is_number = kind in (cell_kinds.WHOLE, cell_kinds.NUMBER)
            if kind in self._surveys and not (is_number and self._has_leading_zero):
                return Guess(name, kind, self._choices_of(kind))
        return Guess(next(iter(self._readers), "string"))

    def _choices_of(self, kind: str) -> tuple[Choice, ...]:
        """Return the notations of a kind. A whole number with separators may be a fraction: 1.006 or 1006."""
        choices = tuple(self._surveys[kind].choices)
        if kind == cell_kinds.WHOLE and len(choices) == 1 and choices[0].value:
            others = self._surveys[cell_kinds.NUMBER].choices if choices[0].notation.thousands else []
            given = [Choice(each.notation, choices[0].example, choices[0].example) for each in others if not each.value]
            if given or len(others) > 1:
                return (*choices, *(given or [each for each in others if each.value != choices[0].value]))
        return choices

    def _json_type(self) -> str:
        if self.choices:  # texts and other values
            return "json"
        if self._json_types == {"integer", "number"}:
            return "number"
        return next(iter(self._json_types)) if len(self._json_types) == 1 else "json"


@cache
def _text_reader(name: str) -> Callable[[str], Any]:
    return parse_field({"type": name}).cell_reader()
