"""Expressions for what SQLite has no function for: texts of decimals, parts of time, sets of values in JSON."""

from peewee import SQL, Case, Cast, ColumnBase, Expression, Node, NodeList, fn

from backend.models.columns import WIDE_DIGITS


def calc(left: Node, operator: str, right: Node | int) -> ColumnBase:
    """Return the expression of a calculation; a number is SQL, because a column of decimals would scale a value."""
    return Expression(left, operator, SQL(str(right)) if isinstance(right, int) else right)


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
        first = calc(calc(calc(calc(month, "-", 1), "/", 3), "*", 3), "+", 1)
        return fn.SUBSTR(column, SQL("1"), SQL("5")).concat(fn.PRINTF(SQL("'%02d-01'"), first))
    characters, rest = {"year": ("4", "-01-01"), "month": ("7", "-01"), "day": ("10", "")}[part]
    return fn.SUBSTR(column, SQL("1"), SQL(characters)).concat(SQL(f"'{rest}'"))


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


def text_of_wide_decimal(column: Node) -> ColumnBase:
    """Return the expression of the number in a WideDecimalColumn as a text: what follows the digits and the space."""
    return fn.SUBSTR(column, SQL(str(WIDE_DIGITS + 3)))
