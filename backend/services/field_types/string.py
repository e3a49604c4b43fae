"""`string`: a short text, at most `max_length` characters."""

from typing import Any, ClassVar, Self

import re2
from marshmallow import ValidationError, fields, validate

from backend.models.columns import Column, TextColumn
from backend.models.database import Dialect
from backend.services.field_types.base import EQUALITY, ORDERING, TEXT_SEARCH, field_type, option
from backend.services.field_types.guarded import Guarded
from backend.services.field_types.wire import StrictText

_quiet = re2.Options()
_quiet.log_errors = False


class Pattern(validate.Validator):
    """Checks that a text contains a match of a regular expression, in time linear in the text.

    RE2 has no look-around and no back-references; what it accepts cannot be made slow by any input.
    """

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.regex = re2.compile(pattern, _quiet)

    def __call__(self, value: str) -> str:
        """Return the value; raise ValidationError when it does not match."""
        if not self.regex.search(value):
            raise ValidationError(f"Does not match the pattern {self.pattern}.")
        return value


def _is_pattern(text: str) -> None:
    try:
        re2.compile(text, _quiet)
    except re2.error as error:
        reason = error.args[0]
        reason = reason.decode() if isinstance(reason, bytes) else reason
        raise ValidationError(f"Not a regular expression that RE2 accepts: {reason}.") from error


def length(most: int) -> fields.Integer:
    """Return the marshmallow field of an option that counts characters."""
    return fields.Integer(strict=True, validate=validate.Range(min=0, max=most))


@field_type("string")
class String(Guarded):
    """A text of at most `max_length` characters."""

    operators: ClassVar[tuple[str, ...]] = (*EQUALITY, *ORDERING, *TEXT_SEARCH)
    holds_empty_text: ClassVar[bool] = True
    searchable: ClassVar[bool] = True
    may_outgrow_index: ClassVar[bool] = True

    min_length: int | None = option(length(10_000), default=None)
    max_length: int | None = option(length(10_000), default=255)
    pattern: str | None = option(StrictText(validate=[validate.Length(max=500), _is_pattern]), default=None)

    def column(self, database: Dialect, **options: Any) -> Column[Any]:
        """Return a text column."""
        return TextColumn(**options)

    def wire(self, **options: Any) -> fields.Field[Any]:
        """Return a field for texts within the length that match the pattern."""
        metadata = options.setdefault("metadata", {})
        checks: list[validate.Validator] = [validate.Length(min=self.min_length, max=self.max_length)]
        if self.pattern is not None:
            checks.append(Pattern(self.pattern))
            metadata["pattern"] = self.pattern
        return StrictText(validate=checks, **options)

    def filter(self) -> fields.Field[Any]:
        """Return a field for any text."""
        return StrictText()

    @property
    def most_bytes(self) -> int | None:
        """The most bytes that a value takes in JSON: six for a character that is escaped."""
        return None if self.max_length is None else 6 * self.max_length + 2

    def narrows(self, former: Self) -> bool:
        """Tell whether the bounds are tighter, or the pattern is a different one."""
        return super().narrows(former) or self.pattern not in (None, former.pattern)
