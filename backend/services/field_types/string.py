"""`string`: a short text, at most `max_length` characters."""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import re2
from marshmallow import ValidationError, fields, validate
from peewee import SQL, ColumnBase, NodeList, fn

from backend.models.columns import Column, TextColumn
from backend.models.database import Dialect
from backend.services.field_types.base import MAX_INDEX_BYTES, field_type, option
from backend.services.field_types.cells import within
from backend.services.field_types.comparisons import EQUALITY, ORDERING, TEXT_SEARCH
from backend.services.field_types.computable import TEXT
from backend.services.field_types.guarded import Guarded
from backend.services.field_types.marshmallow_fields import StrictText
from backend.utils.cells import may_be_guarded
from backend.utils.problems import Problem
from backend.utils.texts import unstorable_reason

MAX_LENGTH = 20_000
SORTED_LENGTH = 200  # characters that lists are sorted by if a text may be long

_QUIET = re2.Options()
_QUIET.log_errors = False


class Pattern(validate.Validator):
    """Checks that a text contains a match of a regular expression.

    RE2 takes time that is linear in the text, so no pattern and no text can make it slow. It has no look-around and no
    back-references.
    """

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.regex = re2.compile(pattern, _QUIET)
        self._problem = Problem("bad_format", f"Does not match the pattern {pattern}.", pattern=pattern)

    def __call__(self, value: str) -> str:
        """Return the value. Raises ValidationError if it does not match."""
        if not self.regex.search(value):
            raise ValidationError(self._problem)
        return value


def _check_pattern(text: str) -> None:
    try:
        re2.compile(text, _QUIET)
    except re2.error as error:
        reason = error.args[0]
        reason = reason.decode() if isinstance(reason, bytes) else reason
        text = f"Not a regular expression that RE2 accepts: {reason}."
        raise ValidationError(Problem("bad_format", text, expected="regex")) from error


def pattern_text() -> StrictText:
    """Return the marshmallow field for an option that is a regular expression."""
    return StrictText(validate=[validate.Length(max=500), _check_pattern])


def length(maximum: int) -> fields.Integer:
    """Return the marshmallow field for an option that is a number of characters."""
    return fields.Integer(strict=True, validate=validate.Range(min=0, max=maximum))


@field_type("string")
class String(Guarded):
    """A text of at most `max_length` characters."""

    operators: ClassVar[tuple[str, ...]] = (*EQUALITY, *ORDERING, *TEXT_SEARCH)
    searchable: ClassVar[bool] = True
    may_outgrow_index: ClassVar[bool] = True
    computed_from: ClassVar[tuple[str, ...]] = (TEXT,)

    min_length: int | None = option(length(MAX_LENGTH), default=None)
    max_length: int | None = option(length(MAX_LENGTH), default=255)
    pattern: str | None = option(pattern_text(), default=None)

    def column(self, database: Dialect, **options: Any) -> Column[Any]:
        """Return a text column."""
        return TextColumn(**options)

    def json_field(self, **options: Any) -> fields.Field[Any]:
        """Return a field for texts within the length that match the pattern."""
        metadata = options.setdefault("metadata", {})
        checks: list[validate.Validator] = [validate.Length(min=self.min_length, max=self.max_length)]
        if self.pattern is not None:
            checks.append(Pattern(self.pattern))
            metadata["pattern"] = self.pattern
        return StrictText(validate=checks, **options)

    def text_field(self) -> fields.Field[Any]:
        """Return a field for any text."""
        return StrictText()

    def read_plain(self, cells: Sequence[str]) -> list[Any] | None:
        """Return the texts if none has an apostrophe before it."""
        lengths = [*map(len, cells)]
        is_plain = self.pattern is None and within(lengths, self.min_length, self.max_length)
        return [*cells] if is_plain and not may_be_guarded(cells) and not unstorable_reason("".join(cells)) else None

    def stored(self, value: ColumnBase, database: Dialect) -> ColumnBase:
        """Return the text."""
        if self.max_length is None:
            return value
        most = SQL(f"<= {self.max_length} THEN")
        return NodeList((SQL("CASE WHEN"), fn.length(value), most, value, SQL("END")))

    def sort_key(self, column: Any, database: Dialect) -> Any:
        """Return the text, or only its beginning if it may be long and has no index: cursors contain this key."""
        compared = super().sort_key(column, database)
        is_short = self.max_length is not None and self.max_length <= MAX_INDEX_BYTES
        if is_short or self.unique or self.index:
            return compared
        return fn.SUBSTR(compared, 1, SORTED_LENGTH, coerce=False)

    @property
    def holds_empty_text(self) -> bool:
        """True."""
        return True

    @property
    def max_json_bytes(self) -> int | None:
        """The maximum number of bytes of a value in JSON: six for each character, if all are escaped."""
        return None if self.max_length is None else 6 * self.max_length + 2

    def narrows(self, old: Self) -> bool:
        """Return whether the bounds are tighter, or the pattern has changed."""
        return super().narrows(old) or self.pattern not in (None, old.pattern)
