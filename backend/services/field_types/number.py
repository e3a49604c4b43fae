"""`number`: a double, for measurements; use `decimal` for money."""

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal as PythonDecimal
from typing import Any, ClassVar

from marshmallow import fields, validate
from peewee import ColumnBase, fn

from backend.models.columns import Column, FloatColumn
from backend.models.database import Dialect
from backend.services.field_types import cell_kinds
from backend.services.field_types.base import field_type, option
from backend.services.field_types.cells import within
from backend.services.field_types.computable import DOUBLE, EXACT
from backend.services.field_types.marshmallow_fields import FromText
from backend.services.field_types.numeric import Numeric, require_same
from backend.services.field_types.totals import Totals


class StrictFloat(fields.Float):
    """A finite JSON number; no text, no boolean. Zero has no sign, as SQLite keeps none."""

    def _validated(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.make_error("invalid", input=value)
        try:
            number = float(value)
        except OverflowError as error:
            raise self.make_error("too_large", input=value) from error
        if not math.isfinite(number):
            raise self.make_error("special")
        return number + 0.0


class FloatFromText(FromText, StrictFloat):
    """A number, also as the text of a query or a CSV cell."""

    def from_text(self, text: str) -> float:
        """Return the number as Python parses it, except that underscores are not allowed."""
        if "_" in text:
            raise ValueError(text)
        return float(text)


class DoubleTotals(Totals):
    """Sums of doubles, which are doubles and not exact."""

    def parts(self, function: str, column: Any, database: Dialect) -> list[ColumnBase]:
        """Return the expression of the double."""
        total = fn.SUM(column)
        return [total if function == "sum" else total / fn.COUNT(column)]

    def bounds(self, function: str, value: float, database: Dialect) -> list[Any]:
        """Return the double."""
        return [value]

    def text_field(self, function: str) -> fields.Field[Any]:
        """Return a field for any number."""
        return FloatFromText()

    def read_sum(self, parts: Iterator[Any], database: Dialect) -> Any:
        """Return the sum."""
        return next(parts)

    def to_json(self, function: str, total: float, count: int) -> float | None:
        """Return the double; None if the sum is too large for one."""
        result = total if function == "sum" else total / count
        return result if math.isfinite(result) else None


@field_type("number")
class Number(Numeric):
    """A double between `min` and `max`; never NaN or infinite."""

    cell_kind: ClassVar[str | None] = cell_kinds.NUMBER
    json_type: ClassVar[str | list[str]] = "number"

    kind: ClassVar[str | None] = DOUBLE
    computed_from: ClassVar[tuple[str, ...]] = (DOUBLE, EXACT)

    min: float | None = option(StrictFloat(), default=None)
    max: float | None = option(StrictFloat(), default=None)

    def column(self, database: Dialect, **options: Any) -> Column[Any]:
        """Return a column of doubles."""
        return FloatColumn(**options)

    def json_field(self, **options: Any) -> fields.Field[Any]:
        """Return a field for numbers in the range."""
        bounded = self.min is not None or self.max is not None
        return StrictFloat(validate=validate.Range(self.min, self.max) if bounded else None, **options)

    def text_field(self) -> fields.Field[Any]:
        """Return a field for any number."""
        return FloatFromText()

    def read_plain(self, cells: Sequence[str]) -> list[Any] | None:
        """Return the values of cells with nothing but numbers."""
        try:
            values = [float(cell) + 0.0 for cell in cells]
        except ValueError:
            return None
        is_plain = "_" not in "".join(cells) and all(map(math.isfinite, values))
        return values if is_plain and within(values, self.min, self.max) else None

    def operand(self, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return the exact number that the double is written as."""
        return database.arithmetic.exact_double(column)

    def stored(self, value: ColumnBase, database: Dialect) -> ColumnBase:
        """Return the nearest double."""
        return database.arithmetic.stored_double(value)

    def to_cell(self, value: float) -> str:
        """Return the same text on both databases, although one returns 468 and the other 468.0."""
        return repr(float(value)).removesuffix(".0")

    def to_cells(self, values: Sequence[float]) -> list[str]:
        """Return these texts for many values."""
        return [text.removesuffix(".0") for text in map(repr, map(float, values))]

    @property
    def totals(self) -> Totals:
        """Sums that are doubles."""
        return DoubleTotals()

    def from_common(self, common: PythonDecimal) -> float:
        """Return the double that equals the number."""
        return require_same(float(common), common)
