"""Expressions for what SQLite has no function for: sums beyond 64 bits, exact averages, parts of time."""

import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from typing import Any, NamedTuple

from peewee import SQL, Case, Cast, ColumnBase, Expression, Node, NodeList, fn

from backend.models.columns import WIDE_DIGITS

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


def _halves(column: ColumnBase) -> list[ColumnBase]:
    return [_calc(column, ">>", 32), _calc(column, "&", 2**32 - 1)]


def _limbs_of_wide_decimal(column: ColumnBase) -> list[ColumnBase]:
    # A WideDecimalColumn begins with 39 digits; 10**38 was added to the number.
    length = WIDE_DIGITS % LIMB_DIGITS + 1  # of the highest limb
    high = _calc(_digits(column, 1, length), "-", 10 ** (length - 1))
    return [high, *(_digits(column, start, LIMB_DIGITS) for start in range(length + 1, WIDE_DIGITS + 1, LIMB_DIGITS))]


def _digits(column: ColumnBase, start: int, length: int) -> ColumnBase:
    return Cast(fn.SUBSTR(column, SQL(str(start)), SQL(str(length))), "INTEGER")


# By whether they are wide decimals.
LIMBS = {
    False: Limbs(2**32, 2, _halves),
    True: Limbs(10**LIMB_DIGITS, WIDE_DIGITS // LIMB_DIGITS + 1, _limbs_of_wide_decimal),
}


def text_of_wide_decimal(column: Node) -> ColumnBase:
    """Return the expression of the number in a WideDecimalColumn as a text: what follows the digits and the space."""
    return fn.SUBSTR(column, SQL(str(WIDE_DIGITS + 3)))


def exact_sum(column: ColumnBase, limbs: Limbs) -> list[ColumnBase]:
    """Return the expressions of the limbs of a sum."""
    high, *lower = [fn.SUM(limb) for limb in limbs.of(column)]
    digits: list[ColumnBase] = []
    carry: ColumnBase = SQL("0")
    for limb in reversed(lower):
        total = _calc(limb, "+", carry)
        digits, carry = [_calc(total, "%", limbs.base), *digits], _calc(total, "/", limbs.base)
    return [_calc(high, "+", carry), *digits]


def exact_average(column: ColumnBase, limbs: Limbs) -> list[ColumnBase]:
    """Return the expressions of the limbs of the largest integer that is not above the average, and of the fraction."""
    count = fn.COUNT(column)
    high, *lower = exact_sum(column, limbs)
    rest = _calc(_calc(_calc(high, "%", count), "+", count), "%", count)  # never negative, as in Python
    digits = [_calc(_calc(high, "-", rest), "/", count)]
    for limb in lower:  # long division
        left = _calc(_calc(rest, "*", limbs.base), "+", limb)
        digits, rest = [*digits, _calc(left, "/", count)], _calc(left, "%", count)
    return [*digits, _calc(Cast(rest, "REAL"), "/", count)]


def sum_of_parts(parts: Iterator[Any], limbs: Limbs) -> int | None:
    """Take the limbs of a sum from `parts` and return the sum; None if there were no values to sum."""
    values = [next(parts) for _ in range(limbs.length)]
    return None if values[0] is None else int(reduce(lambda high, low: high * limbs.base + low, values))


def sum_bounds(total: Decimal, scale: int, limbs: Limbs) -> list[int]:
    """Return the limbs of a sum in units of 10**-scale; of one that no sum reaches, those of the nearest."""
    return _split(int(Fraction(total) * 10**scale), limbs)


def average_bounds(average: Decimal, scale: int, limbs: Limbs) -> list[float]:
    """Return the limbs and the fraction of an average in units of 10**-scale, as exact_average has them."""
    exact = Fraction(average) * 10**scale
    whole = math.floor(exact)
    return [*_split(whole, limbs), float(exact - whole)]


def _split(number: int, limbs: Limbs) -> list[int]:
    digits: list[int] = []
    for _ in range(limbs.length - 1):
        number, low = divmod(number, limbs.base)
        digits = [low, *digits]
    return [min(max(number, MIN_INTEGER), MAX_INTEGER), *digits]


def start_of(part: str, column: ColumnBase) -> ColumnBase:
    """Return the expression of the text of the moment at which a part of time begins."""
    if part == "hour":
        return fn.SUBSTR(column, SQL("1"), SQL("13")).concat(SQL("':00:00.000000Z'"))
    return first_day_of(part, fn.SUBSTR(column, SQL("1"), SQL("10"))).concat(SQL("'T00:00:00.000000Z'"))


def first_day_of(part: str, column: ColumnBase) -> ColumnBase:
    """Return the expression of the text of the first day of a part of time."""
    if part == "week":
        return fn.DATE(column, SQL("'-6 days'"), SQL("'weekday 1'"))
    if part == "quarter":
        month = Cast(fn.SUBSTR(column, SQL("6"), SQL("2")), "INTEGER")
        first = _calc(_calc(_calc(_calc(month, "-", 1), "/", 3), "*", 3), "+", 1)
        return fn.SUBSTR(column, SQL("1"), SQL("5")).concat(fn.PRINTF(SQL("'%02d-01'"), first))
    characters, rest = {"year": ("4", "-01-01"), "month": ("7", "-01"), "day": ("10", "")}[part]
    return fn.SUBSTR(column, SQL("1"), SQL(characters)).concat(SQL(f"'{rest}'"))


def _calc(left: Node, operator: str, right: Node | int) -> ColumnBase:
    """Return the expression of a calculation; a number is SQL, because a column of decimals would scale a value."""
    return Expression(left, operator, SQL(str(right)) if isinstance(right, int) else right)


def has_all(column: Node, values: Node) -> ColumnBase:
    """Return the condition that a JSON array has all values of another: none of these is missing in it."""
    missing = SQL(') AS "wanted" WHERE "wanted"."value" NOT IN (SELECT "value" FROM json_each(')
    return NodeList((SQL("NOT EXISTS (SELECT 1 FROM json_each("), values, missing, column, SQL(")))")))


def has_any(column: Node, values: Node) -> ColumnBase:
    """Return the condition that a JSON array has at least one value of another."""
    wanted = SQL(') AS "held" WHERE "held"."value" IN (SELECT "value" FROM json_each(')
    return NodeList((SQL("EXISTS (SELECT 1 FROM json_each("), column, wanted, values, SQL(")))")))


def text_of_decimal(column: ColumnBase, scale: int) -> ColumnBase:
    """Return the expression of an integer of the smallest units as a number with `scale` fraction digits."""
    if not scale:
        return Cast(column, "TEXT")
    unit = SQL(str(10**scale))
    sign = Case(None, [(column < 0, "-")], "")
    whole = fn.printf(SQL("'%d'"), fn.abs(column) / unit)
    fraction = fn.printf(SQL(f"'%0{scale}d'"), Expression(fn.abs(column), "%", unit))
    return Case(None, [(column.is_null(False), sign.concat(whole).concat(".").concat(fraction))], None)
