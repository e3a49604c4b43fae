"""`integer`: a whole number of 64 bits."""

import re
from collections.abc import Sequence
from decimal import Decimal as PythonDecimal
from typing import Any, ClassVar

from marshmallow import fields, validate
from peewee import ColumnBase

from backend.models.columns import Column, IntegerColumn
from backend.models.database import Dialect
from backend.services.field_types import cell_kinds
from backend.services.field_types.base import field_type, option
from backend.services.field_types.cells import within
from backend.services.field_types.computable import EXACT
from backend.services.field_types.marshmallow_fields import FromText
from backend.services.field_types.numeric import Numeric, require_same
from backend.services.field_types.totals import ExactTotals, Totals

MIN_INTEGER, MAX_INTEGER = -(2**63), 2**63 - 1
SAFE_DIGITS = 18  # that always fit into 64 bits
_require_64_bits = validate.Range(MIN_INTEGER, MAX_INTEGER)


class StrictInteger(fields.Integer):
    """A JSON integer; no fraction, no text, no boolean."""

    def __init__(self, **options: Any) -> None:
        super().__init__(strict=True, **options)

    def _validated(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid", input=value)
        return _require_64_bits(value)


class IntegerFromText(FromText, StrictInteger):
    """An integer, also as the text of a query or a CSV cell."""

    def from_text(self, text: str) -> int:
        """Return the integer that the text contains, with or without a sign."""
        if not re.fullmatch(r"[+-]?[0-9]{1,20}", text):
            raise ValueError(text)
        return int(text)


@field_type("integer")
class Integer(Numeric):
    """A whole number of 64 bits, between `min` and `max`."""

    cell_kind: ClassVar[str | None] = cell_kinds.WHOLE
    json_type: ClassVar[str | list[str]] = "integer"

    kind: ClassVar[str | None] = EXACT
    computed_from: ClassVar[tuple[str, ...]] = (EXACT,)

    min: int | None = option(StrictInteger(), default=None)
    max: int | None = option(StrictInteger(), default=None)

    def column(self, database: Dialect, **options: Any) -> Column[Any]:
        """Return a column of 64 bits."""
        return IntegerColumn(**options)

    def json_field(self, **options: Any) -> fields.Field[Any]:
        """Return a field for integers in the range."""
        minimum = MIN_INTEGER if self.min is None else self.min
        maximum = MAX_INTEGER if self.max is None else self.max
        return StrictInteger(validate=validate.Range(minimum, maximum), **options)

    def text_field(self) -> fields.Field[Any]:
        """Return a field for any integer."""
        return IntegerFromText(validate=validate.Range(MIN_INTEGER, MAX_INTEGER))

    def read_plain(self, cells: Sequence[str]) -> list[Any] | None:
        """Return the values of cells with nothing but digits, which fit into 64 bits."""
        digits = "".join(cells)
        if not digits.isascii() or not digits.isdecimal() or max(map(len, cells)) > SAFE_DIGITS:
            return None
        values = [*map(int, cells)]
        return values if within(values, self.min, self.max) else None

    @property
    def totals(self) -> Totals:
        """Exact sums."""
        return ExactTotals()

    def operand(self, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return an exact number."""
        return database.arithmetic.exact(column, 0)

    def stored(self, value: ColumnBase, database: Dialect) -> ColumnBase:
        """Return the nearest whole number."""
        return database.arithmetic.stored(value, 0, MIN_INTEGER, MAX_INTEGER)

    def from_common(self, common: PythonDecimal) -> int:
        """Return a whole number."""
        return require_same(int(common), common)
