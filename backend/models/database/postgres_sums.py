"""Exact sums and averages on Postgres, whose NUMERIC has as many digits as they need."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from peewee import SQL, ColumnBase, fn

from backend.models.database.sums import Sums


class PostgresSums(Sums):
    """Each sum or average is one expression."""

    def exact_sum(self, column: ColumnBase, is_wide: bool) -> list[ColumnBase]:
        return [fn.SUM(column)]

    def exact_average(self, column: ColumnBase, is_wide: bool) -> list[ColumnBase]:
        # A quotient has as many fraction digits as its dividend: enough that no two different averages are equal.
        return [fn.ROUND(fn.SUM(column), SQL("60")) / fn.COUNT(column)]

    def sum_of_parts(self, parts: Iterator[Any], is_wide: bool) -> Any:
        return next(parts)

    def sum_bounds(self, total: Decimal, scale: int, is_wide: bool) -> list[Any]:
        return [total]

    def average_bounds(self, average: Decimal, scale: int, is_wide: bool) -> list[Any]:
        return [average]
