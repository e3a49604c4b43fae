"""Computing values on Postgres, with functions that are immutable, as stored generated columns require."""

from collections.abc import Callable
from decimal import Context, Decimal

from peewee import SQL, Cast, ColumnBase, Expression, Node, NodeList, fn

from backend.models.database.arithmetic import DIVISION_DIGITS, LARGEST_DOUBLE, SMALLEST_DOUBLE, Arithmetic

WIDE = Context(prec=1000)


class PostgresArithmetic(Arithmetic):
    """Expressions of NUMERIC. `collation()` returns the collation that knows the case of all letters."""

    def __init__(self, collation: Callable[[], str]) -> None:
        self._collation = collation

    def exact(self, column: Node, scale: int, *, is_wide: bool = False) -> ColumnBase:
        return Cast(column, "NUMERIC")

    def number(self, digits: str) -> ColumnBase:
        return Cast(SQL(digits), "NUMERIC")

    def exact_double(self, column: Node) -> ColumnBase:
        # A direct cast would keep only 15 digits.
        return Cast(Cast(column, "TEXT"), "NUMERIC")

    def calculate(self, operator: str, left: Node, right: Node, division_digits: int = DIVISION_DIGITS) -> ColumnBase:
        if operator != "/":
            return Expression(left, operator, right)
        # The operator `/` rounds to a number of digits that depends on its operands; div() is exact.
        units = fn.div(Expression(left, "*", _power(division_digits)), fn.NULLIF(right, SQL("0")))
        return Expression(units, "*", _power(-division_digits))

    def stored(self, exact: Node, scale: int, least: int, most: int, *, is_wide: bool = False) -> ColumnBase:
        rounded = fn.round(exact, SQL(str(scale)))
        low, high = (format(Decimal(bound).scaleb(-scale, WIDE), "f") for bound in (least, most))
        # The type is not named: a value that fits is converted when it is stored.
        return NodeList((SQL("CASE WHEN"), rounded, SQL(f"BETWEEN {low} AND {high} THEN"), rounded, SQL("END")))

    def text_of(self, exact: Node, scale: int) -> ColumnBase:
        return Cast(fn.round(exact, SQL(str(scale))), "TEXT")

    def stored_double(self, exact: Node) -> ColumnBase:
        size, double = fn.abs(exact), Cast(exact, "DOUBLE PRECISION")
        parts = (SQL("CASE WHEN"), size, SQL(f"< {SMALLEST_DOUBLE} THEN 0 WHEN"), size)
        return NodeList((*parts, SQL(f"<= {LARGEST_DOUBLE} THEN"), double, SQL("END")))

    def lower(self, text: Node) -> ColumnBase:
        # Two characters whose lower case depends on the place in the word, or on the collation.
        plain = fn.replace(fn.replace(text, SQL("'İ'"), SQL("'i̇'")), SQL("'Σ'"), SQL("'σ'"))
        collated = NodeList((plain, SQL(f'COLLATE "{self._collation()}"')))
        return NodeList((SQL("("), fn.lower(collated), SQL('COLLATE "C")')))

    def date_part(self, part: str, value: Node, *, is_moment: bool) -> ColumnBase:
        in_utc = fn.timezone(SQL("'UTC'"), value) if is_moment else value
        return Cast(fn.date_part(SQL(f"'{part}'"), in_utc), "NUMERIC")


def _power(exponent: int) -> ColumnBase:
    """Return a power of ten as NUMERIC."""
    return SQL(f"CAST('1e{exponent}' AS NUMERIC)")
