"""Exact sums and averages on SQLite, whose own sums end at 64 bits."""

import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from typing import Any, NamedTuple

from peewee import SQL, Cast, ColumnBase, fn

from backend.models.columns import WIDE_DIGITS
from backend.models.database.sqlite_expressions import calc
from backend.models.database.sums import Sums

MIN_INTEGER, MAX_INTEGER = -(2**63), 2**63 - 1
LIMB_DIGITS = 9  # of a wide decimal


class Limbs(NamedTuple):
    """How numbers are split into `length` digits of a large `base`, so that no sum of digits overflows.

    `of` returns the expressions of the digits of a column, the highest first. Only that one can be negative, so the
    digits order numbers as they are.
    """

    base: int
    length: int
    of: Callable[[ColumnBase], list[ColumnBase]]

    def split(self, number: int) -> list[int]:
        """Return the digits of a number; those of the nearest one if no sum of a column is as large."""
        digits: list[int] = []
        for _ in range(self.length - 1):
            number, low = divmod(number, self.base)
            digits = [low, *digits]
        return [min(max(number, MIN_INTEGER), MAX_INTEGER), *digits]


def _halves(column: ColumnBase) -> list[ColumnBase]:
    return [calc(column, ">>", 32), calc(column, "&", 2**32 - 1)]


def _limbs_of_wide_decimal(column: ColumnBase) -> list[ColumnBase]:
    # A WideDecimalColumn begins with 39 digits; 10**38 was added to the number.
    length = WIDE_DIGITS % LIMB_DIGITS + 1  # of the highest limb
    high = calc(_digits(column, 1, length), "-", 10 ** (length - 1))
    return [high, *(_digits(column, start, LIMB_DIGITS) for start in range(length + 1, WIDE_DIGITS + 1, LIMB_DIGITS))]


def _digits(column: ColumnBase, start: int, length: int) -> ColumnBase:
    return Cast(fn.SUBSTR(column, SQL(str(start)), SQL(str(length))), "INTEGER")


# By whether they are wide decimals.
LIMBS = {
    False: Limbs(2**32, 2, _halves),
    True: Limbs(10**LIMB_DIGITS, WIDE_DIGITS // LIMB_DIGITS + 1, _limbs_of_wide_decimal),
}


class SqliteSums(Sums):
    """Each limb of a sum is an expression. An average has those of the largest integer below it, and its fraction."""

    def exact_sum(self, column: ColumnBase, is_wide: bool) -> list[ColumnBase]:
        limbs = LIMBS[is_wide]
        high, *lower = [fn.SUM(limb) for limb in limbs.of(column)]
        digits: list[ColumnBase] = []
        carry: ColumnBase = SQL("0")
        for limb in reversed(lower):
            total = calc(limb, "+", carry)
            digits, carry = [calc(total, "%", limbs.base), *digits], calc(total, "/", limbs.base)
        return [calc(high, "+", carry), *digits]

    def exact_average(self, column: ColumnBase, is_wide: bool) -> list[ColumnBase]:
        count = fn.COUNT(column)
        high, *lower = self.exact_sum(column, is_wide)
        rest = calc(calc(calc(high, "%", count), "+", count), "%", count)  # never negative, as in Python
        digits = [calc(calc(high, "-", rest), "/", count)]
        for limb in lower:  # long division
            left = calc(calc(rest, "*", LIMBS[is_wide].base), "+", limb)
            digits, rest = [*digits, calc(left, "/", count)], calc(left, "%", count)
        return [*digits, calc(Cast(rest, "REAL"), "/", count)]

    def sum_of_parts(self, parts: Iterator[Any], is_wide: bool) -> int | None:
        limbs = LIMBS[is_wide]
        values = [next(parts) for _ in range(limbs.length)]
        return None if values[0] is None else int(reduce(lambda high, low: high * limbs.base + low, values))

    def sum_bounds(self, total: Decimal, scale: int, is_wide: bool) -> list[Any]:
        return LIMBS[is_wide].split(int(Fraction(total) * 10**scale))

    def average_bounds(self, average: Decimal, scale: int, is_wide: bool) -> list[Any]:
        exact = Fraction(average) * 10**scale
        whole = math.floor(exact)
        return [*LIMBS[is_wide].split(whole), float(exact - whole)]
