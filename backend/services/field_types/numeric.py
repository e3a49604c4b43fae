"""The base of all number types: they can be ordered, added up, and converted into each other."""

from decimal import Decimal as PythonDecimal
from typing import Any, ClassVar, TypeVar

from marshmallow import ValidationError

from backend.services.field_types.base import FieldType
from backend.services.field_types.comparisons import EQUALITY, ORDERING
from backend.utils.problems import Problem

NUMBER = "number"  # the common form of numbers and booleans, a PythonDecimal
Value = TypeVar("Value", bool, int, float)


class Numeric(FieldType):
    """A type whose values are numbers."""

    operators: ClassVar[tuple[str, ...]] = (*EQUALITY, *ORDERING)
    common_form: ClassVar[str | None] = NUMBER

    def to_common(self, value: Any) -> PythonDecimal:
        """Return the exact number of a value in JSON."""
        return to_number(value)


def to_number(value: Any) -> PythonDecimal:
    """Return the exact number of a value in JSON: a boolean is 0 or 1, a text is parsed."""
    return PythonDecimal(int(value) if isinstance(value, bool) else value if isinstance(value, str) else repr(value))


def require_same(value: Value, number: PythonDecimal) -> Value:
    """Return `value`. Raises ValidationError if it is not exactly `number`."""
    if to_number(value) != number:
        raise ValidationError(Problem("wrong_type", "No value of the new type is equal to it."))
    return value
