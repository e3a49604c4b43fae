"""Sums and averages of the values of a field: in SQL, in JSON, and as numbers that groups are compared with."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any, ClassVar

from marshmallow import ValidationError, fields
from peewee import ColumnBase

from backend.models.database import Dialect
from backend.utils.problems import Problem

EXTRA_DIGITS = 6  # more fraction digits for an average than for a value
MAX_DIGITS = 60  # before and after the point, of a number that sums are compared with
PRECISION = 200  # digits of calculations with sums: more than any sum and its average have


class AnyDecimal(fields.Field[Decimal]):
    """A decimal of any size with at most `fraction_digits`, from the text of a query."""

    def __init__(self, fraction_digits: int, **options: Any) -> None:
        super().__init__(**options)
        self.fraction_digits = fraction_digits

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Decimal:
        found = re.fullmatch(rf"[+-]?[0-9]{{1,{MAX_DIGITS}}}(?:\.([0-9]{{1,{MAX_DIGITS}}}))?", str(value).strip())
        if not found:
            raise ValidationError(Problem("wrong_type", "Write a number such as 1.5.", expected="number"))
        if len((found[1] or "").rstrip("0")) > self.fraction_digits:
            text = f"Must have at most {self.fraction_digits} fraction digits."
            raise ValidationError(Problem("too_precise", text, limit=self.fraction_digits))
        return Decimal(found[0])


class Totals(ABC):
    """The sum (`sum`) and the average (`avg`) of the values of a field, in each group of records.

    In SQL each has one or more parts. Compared one after the other, the parts order groups as the sum or average does.
    """

    json_types: ClassVar[Mapping[str, str]] = {"sum": "number", "avg": "number"}  # of results, in JSON Schema

    @abstractmethod
    def parts(self, function: str, column: Any, database: Dialect) -> list[ColumnBase]:
        """Return the expressions of the parts; they are NULL if there are no values."""

    @abstractmethod
    def bounds(self, function: str, value: Any, database: Dialect) -> list[Any]:
        """Return the values to compare the parts with, for a value that `text_field` loaded."""

    @abstractmethod
    def text_field(self, function: str) -> fields.Field[Any]:
        """Return the marshmallow field that reads, from text, a value to compare with."""

    @abstractmethod
    def read_sum(self, parts: Iterator[Any], database: Dialect) -> Any:
        """Take the values of the parts of one sum from `parts` and return the sum; None if there are no values."""

    @abstractmethod
    def to_json(self, function: str, total: Any, count: int) -> Any:
        """Return the result for `count` values with the sum `total` in JSON; None if JSON cannot represent it.

        An average may be more precise than a value of the field.
        """


class ExactTotals(Totals):
    """Sums of numbers with a fixed number of fraction digits, `scale`. They are exact, whatever their size.

    `is_wide` means decimals of more than 18 digits.
    """

    json_types: ClassVar[Mapping[str, str]] = {"sum": "integer", "avg": "number"}

    def __init__(self, scale: int = 0, *, is_wide: bool = False) -> None:
        self.scale, self.is_wide = scale, is_wide

    def parts(self, function: str, column: Any, database: Dialect) -> list[ColumnBase]:
        """Return the expressions of an exact sum or average of any size."""
        return (database.sums.exact_sum if function == "sum" else database.sums.exact_average)(column, self.is_wide)

    def bounds(self, function: str, value: Decimal, database: Dialect) -> list[Any]:
        """Return the values to compare the parts with."""
        bounds = database.sums.sum_bounds if function == "sum" else database.sums.average_bounds
        return bounds(value, self.scale, self.is_wide)

    def text_field(self, function: str) -> fields.Field[Any]:
        """Return a field for any decimal with as many fraction digits as a result has."""
        return AnyDecimal(self.scale + (EXTRA_DIGITS if function == "avg" else 0))

    def read_sum(self, parts: Iterator[Any], database: Dialect) -> Any:
        """Return the exact sum."""
        return database.sums.sum_of_parts(parts, self.is_wide)

    def to_json(self, function: str, total: int | Decimal, count: int) -> Any:
        """Return a sum as an integer, an average as the nearest double."""
        return int(total) if function == "sum" else int(total) / count


class DecimalTotals(ExactTotals):
    """Sums of decimals, which are texts in JSON."""

    json_types: ClassVar[Mapping[str, str]] = {"sum": "string", "avg": "string"}

    def to_json(self, function: str, total: int | Decimal, count: int) -> str:
        """Return a sum with `scale` fraction digits, an average with EXTRA_DIGITS more."""
        with localcontext(prec=PRECISION):
            # On SQLite, the sum is an integer of the smallest units.
            exact = Decimal(total).scaleb(-self.scale) if isinstance(total, int) else total
            digits = self.scale if function == "sum" else self.scale + EXTRA_DIGITS
            result = exact if function == "sum" else exact / count
            return format(result.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN), "f")
