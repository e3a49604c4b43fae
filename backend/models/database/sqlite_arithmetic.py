"""Computing values on SQLite, with functions of ours: SQLite has no exact decimals, and folds only ASCII letters."""

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from pathlib import Path
from typing import Any

import cysqlite
from peewee import SQL, Cast, ColumnBase, Node, fn

from backend.models.columns import wide_decimal_text
from backend.models.database.arithmetic import DIVISION_DIGITS, LARGEST_DOUBLE, SMALLEST_DOUBLE, Arithmetic
from backend.models.database.dialect import FOLD
from backend.models.database.sqlite_expressions import text_of_wide_decimal

EXACT = Context(prec=40_000, rounding=ROUND_HALF_UP)  # more digits than an expression can produce
PLACES = {"year": (1, 4), "month": (6, 2), "day": (9, 2), "hour": (12, 2)}  # first character and length in a moment


class SqliteArithmetic(Arithmetic):
    """Expressions that call the functions below; an exact number is a text."""

    def exact(self, column: Node, scale: int, *, is_wide: bool = False) -> ColumnBase:
        if is_wide:
            return text_of_wide_decimal(column)
        return fn.larder_exact(column, SQL(str(scale)))

    def number(self, digits: str) -> ColumnBase:
        return SQL(f"'{digits}'")

    def exact_double(self, column: Node) -> ColumnBase:
        return fn.larder_exact_double(column)

    def calculate(self, operator: str, left: Node, right: Node, division_digits: int = DIVISION_DIGITS) -> ColumnBase:
        return fn.larder_calculate(SQL(f"'{operator}'"), left, right, SQL(str(division_digits)))

    def stored(self, exact: Node, scale: int, least: int, most: int, *, is_wide: bool = False) -> ColumnBase:
        function = fn.larder_stored_wide if is_wide else fn.larder_stored
        return function(exact, SQL(str(scale)), SQL(f"'{least}'"), SQL(f"'{most}'"))

    def text_of(self, exact: Node, scale: int) -> ColumnBase:
        return fn.larder_text_of(exact, SQL(str(scale)))

    def stored_double(self, exact: Node) -> ColumnBase:
        return fn.larder_stored_double(exact)

    def lower(self, text: Node) -> ColumnBase:
        return fn.larder_lower(text)

    def date_part(self, part: str, value: Node, *, is_moment: bool) -> ColumnBase:
        first, length = PLACES[part]
        return self.exact(Cast(fn.substr(value, SQL(str(first)), SQL(str(length))), "INTEGER"), 0)


def _exact(stored: int | None, scale: int) -> str | None:
    return None if stored is None else str(Decimal(stored).scaleb(-scale, EXACT))


def _calculate(operator: str, left: str | None, right: str | None, division_digits: int) -> str | None:
    if left is None or right is None:
        return None
    first, second = Decimal(left), Decimal(right)
    if operator != "/":
        return str({"+": EXACT.add, "-": EXACT.subtract, "*": EXACT.multiply}[operator](first, second))
    if not second:
        return None
    return str(EXACT.divide_int(first.scaleb(division_digits, EXACT), second).scaleb(-division_digits, EXACT))


def _stored_wide(exact: str | None, scale: int, least: str, most: str) -> str | None:
    units = _stored(exact, scale, least, most)
    return None if units is None else wide_decimal_text(units, scale)


def _stored(exact: str | None, scale: int, least: str, most: str) -> int | None:
    if exact is None:
        return None
    units = int(EXACT.to_integral_value(Decimal(exact).scaleb(scale, EXACT)))
    return units if int(least) <= units <= int(most) else None


def _text_of(exact: str | None, scale: int) -> str | None:
    if exact is None:
        return None
    return format(EXACT.plus(EXACT.quantize(Decimal(exact), Decimal(1).scaleb(-scale))), "f")  # plus: never -0


def _exact_double(stored: float | None) -> str | None:
    return None if stored is None else repr(stored)


def _stored_double(exact: str | None) -> float | None:
    if exact is None:
        return None
    size = abs(Decimal(exact))
    if size < Decimal(SMALLEST_DOUBLE):
        return 0.0
    return float(exact) if size <= Decimal(LARGEST_DOUBLE) else None


def _lower(text: str | None) -> str | None:
    # By character: the lower case of a sigma would depend on its place in the word.
    return None if text is None else "".join(map(str.lower, text))


def _fold(text: str | None) -> str | None:
    return None if text is None else text.casefold()


FUNCTIONS: dict[str, tuple[Callable[..., Any], int]] = {  # map of name to function and number of arguments
    FOLD: (_fold, 1),
    "larder_exact": (_exact, 2),
    "larder_calculate": (_calculate, 4),
    "larder_stored": (_stored, 4),
    "larder_stored_wide": (_stored_wide, 4),
    "larder_text_of": (_text_of, 2),
    "larder_exact_double": (_exact_double, 1),
    "larder_stored_double": (_stored_double, 1),
    "larder_lower": (_lower, 1),
}


def register_functions(register: Callable[..., Any]) -> None:
    """Register the FUNCTIONS with a connection or a handle. Without them, tables that use them cannot be written."""
    for name, (function, count) in FUNCTIONS.items():
        register(function, name, count, deterministic=True)


def open_connection(path: Path | str) -> cysqlite.Connection:
    """Open a database file without a handle, to read or copy it."""
    connection = cysqlite.connect(str(path))
    register_functions(connection.create_function)
    return connection
