"""Expressions for what SQLite has no function for: sums beyond 64 bits, exact averages, parts of time."""

import math
from decimal import Decimal
from fractions import Fraction

from peewee import SQL, Cast, ColumnBase, Expression, Node, fn

HALF_BITS = 32
HALF = 1 << HALF_BITS
LOW_BITS = HALF - 1
MIN_INTEGER, MAX_INTEGER = -(2**63), 2**63 - 1


def exact_sum(column: ColumnBase) -> list[ColumnBase]:
    """Return the expressions of the high and the low half of a sum of 64-bit integers, which could overflow.

    The low half is never negative, so the halves order sums as they are.
    """
    high = fn.SUM(_calc(column, ">>", HALF_BITS))
    low = fn.SUM(_calc(column, "&", LOW_BITS))
    return [_calc(high, "+", _calc(low, ">>", HALF_BITS)), _calc(low, "&", LOW_BITS)]


def exact_average(column: ColumnBase) -> list[ColumnBase]:
    """Return the expressions of the largest integer that is not above the average, and of the rest as a fraction."""
    count = fn.COUNT(column)
    high, low = exact_sum(column)
    rest = _calc(_calc(_calc(high, "%", count), "+", count), "%", count)  # never negative, as in Python
    quotient = _calc(_calc(high, "-", rest), "/", count)
    left = _calc(_calc(rest, "<<", HALF_BITS), "+", low)
    whole = _calc(_calc(quotient, "*", HALF), "+", _calc(left, "/", count))
    return [whole, _calc(Cast(_calc(left, "%", count), "REAL"), "/", count)]


def sum_bounds(total: Decimal, scale: int) -> list[int]:
    """Return the halves of a sum in units of 10**-scale; of one that no sum reaches, the halves of the nearest."""
    whole = int(Fraction(total) * 10**scale)
    high = whole >> HALF_BITS
    if high > MAX_INTEGER:
        return [MAX_INTEGER, LOW_BITS]
    return [MIN_INTEGER, 0] if high < MIN_INTEGER else [high, whole & LOW_BITS]


def average_bounds(average: Decimal, scale: int) -> list[float]:
    """Return the integer and the fraction of an average in units of 10**-scale, as exact_average has them."""
    exact = Fraction(average) * 10**scale
    whole = math.floor(exact)
    if whole > MAX_INTEGER:
        return [MAX_INTEGER, 1.0]  # beyond every average: its fraction is less than 1
    return [MIN_INTEGER, -1.0] if whole < MIN_INTEGER else [whole, float(exact - whole)]


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
