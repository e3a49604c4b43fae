"""`decimal`: an exact number with a fixed number of fraction digits, for money."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal as PythonDecimal
from functools import cache
from typing import Any, ClassVar, Self

from marshmallow import ValidationError, fields, validate
from peewee import ColumnBase

from backend.models.columns import WIDE, WIDE_DIGITS, Column, NumericColumn, ScaledIntegerColumn, WideDecimalColumn
from backend.models.database import Dialect
from backend.services.field_types import cell_kinds
from backend.services.field_types.base import FieldType, field_type, option
from backend.services.field_types.cells import within
from backend.services.field_types.computable import EXACT
from backend.services.field_types.marshmallow_fields import Between
from backend.services.field_types.numeric import Numeric
from backend.services.field_types.totals import DecimalTotals, Totals
from backend.utils.problems import Problem
from backend.utils.strict_json import JsonNumber

INTEGER_DIGITS = 18  # that always fit into 64 bits: SQLite stores an integer of the smallest units

EXACT_DIGITS = 15  # of a decimal that a float always brings back
_TEXT = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?")
_NUMBER = re.compile(rf"{_TEXT.pattern}([eE][+-]?[0-9]{{1,3}})?")


class ExactDecimal(fields.String):
    """A decimal written as a JSON string, or as a JSON number, which is read digit by digit."""

    default_error_messages = {
        "invalid": Problem("bad_format", 'Write a decimal such as 12.50 or "12.50".', expected="decimal")
    }

    def __init__(self, precision: int, scale: int, **options: Any) -> None:
        whole, fraction = (f"[0-9]{{1,{count}}}" if count else "0" for count in (precision - scale, scale))
        pattern = {"pattern": rf"^-?0*{whole}(\.{fraction}0*)?$"}
        super().__init__(**options | {"metadata": pattern | options.get("metadata", {})})
        self.precision, self.scale = precision, scale

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        text = _text_of(value)
        if text is None:
            raise self.make_error("invalid")
        number = PythonDecimal(text)
        if number.copy_abs() >= PythonDecimal(10) ** (self.precision - self.scale):
            digits = self.precision - self.scale
            text = f"Must have at most {digits} digits before the point."
            raise ValidationError(Problem("too_large", text, limit=digits))
        rounded = number.quantize(PythonDecimal(1).scaleb(-self.scale), context=WIDE)
        if number != rounded:
            text = f"Must have at most {self.scale} fraction digits."
            raise ValidationError(Problem("too_precise", text, limit=self.scale))
        return rounded


def _text_of(value: Any) -> str | None:
    """Return how a decimal is written; None if the value is no decimal.

    A float that was not read from JSON has lost its text. It is taken if it has so few digits that none can be lost.
    """
    if isinstance(value, float):
        text = value.text if isinstance(value, JsonNumber) else repr(value)
        is_known = isinstance(value, JsonNumber) or len(PythonDecimal(text).as_tuple().digits) <= EXACT_DIGITS
        return text if is_known and _NUMBER.fullmatch(text) else None
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return text if _TEXT.fullmatch(text) else None


@cache
def _plain(whole: int, fraction: int) -> re.Pattern[str]:
    """Return the pattern of decimals with at most so many digits before and after the point."""
    before, after = f"[0-9]{{1,{whole}}}" if whole else "0", rf"(\.[0-9]{{1,{fraction}}})?" if fraction else ""
    return re.compile(f"-?{before}{after}")


@field_type("decimal")
class Decimal(Numeric):
    """An exact number of `precision` digits, `scale` of them after the point, between `min` and `max`."""

    cell_kind: ClassVar[str | None] = cell_kinds.NUMBER
    kind: ClassVar[str | None] = EXACT
    computed_from: ClassVar[tuple[str, ...]] = (EXACT,)

    precision: int = option(fields.Integer(strict=True, validate=validate.Range(1, WIDE_DIGITS)), default=12)
    scale: int = option(fields.Integer(strict=True, validate=validate.Range(0, WIDE_DIGITS)), default=2)
    min: str | None = option(fields.String(), default=None)
    max: str | None = option(fields.String(), default=None)

    @classmethod
    def parse(cls, declaration: dict[str, Any]) -> Self:
        """Return the field of a declaration, with a default that is a number as text, so that it keeps its digits."""
        text = _text_of(default) if isinstance(default := declaration.get("default"), float) else None
        return super().parse(
            declaration if text is None else declaration | {"default": format(PythonDecimal(text), "f")}
        )

    def problems(self) -> dict[str, Any]:
        """Return the map of option to errors; the bounds must be valid values of the field."""
        if self.scale > self.precision:
            return {"scale": [Problem("too_large", "Must not be greater than precision.", limit=self.precision)]}
        problems = {}
        for bound in ("min", "max"):
            try:
                if getattr(self, bound) is not None:
                    ExactDecimal(self.precision, self.scale).deserialize(getattr(self, bound))
            except ValidationError as error:
                problems[bound] = error.messages
        return problems or super().problems()

    def rank(self, bound: Any) -> Any:
        """Return a bound as a number."""
        return PythonDecimal(bound) if isinstance(bound, str) else bound

    @property
    def is_wide(self) -> bool:
        """Whether SQLite cannot store the values as integers."""
        return self.precision > INTEGER_DIGITS

    @property
    def fits_profiles(self) -> bool:
        """Whether SQL can compare a value in the JSON of a profile with a column."""
        return not self.is_wide

    @property
    def stored_as(self) -> str:
        """A name with the scale: SQLite stores numbers of smallest units, as integers or as texts."""
        return f"{'wide ' if self.is_wide else ''}decimal of scale {self.scale}"

    def column(self, database: Dialect, **options: Any) -> Column[Any]:
        """Return NUMERIC on Postgres; on SQLite an integer of the smallest units, or a text that sorts like it."""
        if database.has_decimals:
            return NumericColumn(self.precision, self.scale, **options)
        if self.is_wide:
            return WideDecimalColumn(self.scale, **options)
        return ScaledIntegerColumn(self.scale, **options)

    def json_field(self, **options: Any) -> fields.Field[Any]:
        """Return a field for decimals in the range."""
        minimum, maximum = (bound and PythonDecimal(bound) for bound in (self.min, self.max))
        return ExactDecimal(self.precision, self.scale, validate=Between(minimum, maximum), **options)

    def text_field(self) -> fields.Field[Any]:
        """Return a field for any decimal of this scale."""
        return ExactDecimal(self.precision, self.scale)

    def read_plain(self, cells: Sequence[str]) -> list[Any] | None:
        """Return the numbers of cells that have no more digits than the field, if it is not wide."""
        plain = _plain(self.precision - self.scale, self.scale)
        if self.is_wide or not all(map(plain.fullmatch, cells)):
            return None
        last = PythonDecimal(1).scaleb(-self.scale)
        values = [PythonDecimal(cell).quantize(last) for cell in cells]
        minimum, maximum = (bound and PythonDecimal(bound) for bound in (self.min, self.max))
        return values if within(values, minimum, maximum) else None

    def to_json(self, value: PythonDecimal) -> str:
        """Return the number as text with `scale` fraction digits."""
        return format(value, "f")

    def json(self, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return the decimal as text with exactly `scale` fraction digits."""
        return database.json_decimal(column, self.scale, self.is_wide)

    @property
    def totals(self) -> Totals:
        """Exact sums."""
        return DecimalTotals(self.scale, is_wide=self.is_wide)

    @property
    def fraction_digits(self) -> int:
        """The scale."""
        return self.scale

    def operand(self, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return an exact number."""
        return database.arithmetic.exact(column, self.scale, is_wide=self.is_wide)

    def stored(self, value: ColumnBase, database: Dialect) -> ColumnBase:
        """Return the nearest decimal of this scale; of two, the one that is farther from zero."""
        most = 10**self.precision - 1
        return database.arithmetic.stored(value, self.scale, -most, most, is_wide=self.is_wide)

    def needs_conversion_from(self, old: FieldType) -> bool:
        """Return whether `old` has a different type, precision or scale."""
        return not isinstance(old, Decimal) or (old.precision, old.scale) != (self.precision, self.scale)

    def from_common(self, common: PythonDecimal) -> str:
        """Return the number as text."""
        return format(common, "f")
