"""`integer`: a whole number of 64 bits."""

import re
from decimal import Decimal as PythonDecimal

from marshmallow import ValidationError, fields, validate

from backend.models.columns import IntegerColumn
from backend.services.field_types.base import field_type, option, text_converter
from backend.services.field_types.numeric import Numeric, require_same

LEAST, MOST = -(2**63), 2**63 - 1


class StrictInteger(fields.Integer):
    """An integer that is written as one: no fraction, no text, no boolean."""

    def __init__(self, **options):
        super().__init__(strict=True, **options)

    def _validated(self, value):
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid", input=value)
        if not LEAST <= value <= MOST:
            raise ValidationError("Must fit into 64 bits.")
        return value


def _whole(text):
    if not re.fullmatch(r"[+-]?[0-9]{1,20}", text):
        raise ValueError(text)
    return int(text)


IntegerFromText = text_converter(StrictInteger, _whole)


@field_type("integer")
class Integer(Numeric):
    """A whole number of 64 bits, between `min` and `max`."""

    min: int | None = option(StrictInteger())
    max: int | None = option(StrictInteger())

    def column(self, database, **options):
        """Return a column of 64 bits."""
        return IntegerColumn(**options)

    def wire(self, **options):
        """Return a field for integers in the range."""
        least = LEAST if self.min is None else self.min
        most = MOST if self.max is None else self.max
        return StrictInteger(validate=validate.Range(least, most), **options)

    def filter(self):
        """Return a field for any integer."""
        return IntegerFromText(validate=validate.Range(LEAST, MOST))

    def sum_to_json(self, total: int | PythonDecimal) -> int:
        """Return the sum, which may have more than 64 bits."""
        return int(total)

    def average_to_json(self, total: int | PythonDecimal, count: int) -> float:
        """Return the nearest double."""
        return float(total / count)

    def from_common(self, common: PythonDecimal) -> int:
        """Return a whole number."""
        return require_same(int(common), common)
