"""Declares fields for the columns of a file, by the profiles of their values."""

import re
from dataclasses import dataclass, field
from typing import Any

from backend.models.columns import WIDE_DIGITS
from backend.services.records.proposals.column_profiles import MAX_CHOICES, ColumnProfile, Guess
from backend.services.records.row_files.notations import Notation

LENGTHS = (10, 20, 50, 100, 255, 500, 1000, 2000)  # of strings; longer ones are texts
ROOM = 1.25  # by which a length exceeds the longest value
KEY_NAME = re.compile(r"(^|_)(id|code|key|nr|no|number|isbn|issn|ean|sku|slug|email|uuid|iso\d?|barcode)(_|$)")
KEY_TYPES = ("integer", "uuid", "email", "string")
MIN_FOR_ENUM = 20  # values, of which each choice occurs five times on average
MAX_CHOICE = 50  # characters
MONEY_DIGITS = 4  # at most, of the fraction of a decimal; measurements have more


@dataclass
class FileColumn:
    """A column of the file, and what becomes of it."""

    name: str  # in the file
    field_name: str
    profile: ColumnProfile
    guess: Guess = Guess("string")
    notation: Notation = Notation()
    digits: list[int] = field(default_factory=lambda: [0, 0, 99])  # most before and after the point, least after it
    refused: bool = False  # whether a value is not one of the guessed type

    @property
    def is_text(self) -> bool:
        """Whether words such as `NA` are values of it."""
        return self.guess.kind is None

    @property
    def is_complete(self) -> bool:
        """Whether each row has a value."""
        profile = self.profile
        return profile.count > 0 and not profile.missing and (self.is_text or not profile.words)


def declare(column: FileColumn, *, is_first: bool) -> dict[str, Any]:
    """Return the declaration of the field of a column."""
    profile = column.profile
    if column.refused:
        column.guess = Guess("string")
    kind = column.guess.type
    options: dict[str, Any] = _text(profile) if kind == "string" else {"type": kind}
    if kind == "number":
        options = _number(column.digits)
    is_key = _is_key(column, options, is_first=is_first)
    if options["type"] == "string" and not is_key and (choices := _choices(profile)):
        options = {"type": "enum", "choices": choices}
    if column.is_complete:
        options["required"] = True
    if is_key:
        options["unique"] = True
    return options


def _text(profile: ColumnProfile) -> dict[str, Any]:
    wanted = profile.longest * ROOM
    length = next((each for each in LENGTHS if each >= wanted), None)
    if length is None or (profile.has_lines and length > 255):
        return {"type": "text"}
    return {"type": "string", "max_length": length}


def _number(digits: list[int]) -> dict[str, Any]:
    """Return a decimal if all values have equally many digits after the point, as prices have, else a number."""
    whole, most, least = digits
    precision = whole + most + 2
    if most != least or most > MONEY_DIGITS or precision > WIDE_DIGITS:
        return {"type": "number"}
    return {"type": "decimal", "precision": precision, "scale": most}


def _is_key(column: FileColumn, options: dict[str, Any], *, is_first: bool) -> bool:
    """Return whether values like these identify a record, by the name of the column or because it is the first one."""
    if not column.is_complete or column.profile.has_duplicates or options["type"] not in KEY_TYPES:
        return False
    is_short = options.get("max_length", 0) <= 255
    has_spaces = any(" " in text for text in column.profile.choices)
    return is_short and (bool(KEY_NAME.search(column.field_name)) or (is_first and not has_spaces))


def _choices(profile: ColumnProfile) -> list[str]:
    """Return the choices of an enum if few values occur often, else none."""
    is_repeated = profile.count >= max(MIN_FOR_ENUM, 5 * len(profile.choices))
    if not is_repeated or not 2 <= len(profile.choices) <= MAX_CHOICES or profile.longest > MAX_CHOICE:
        return []
    return sorted(profile.choices)
