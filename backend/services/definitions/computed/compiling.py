"""Turns the expression of a computed field into SQL, and checks the kinds of its values on the way.

For example, `price * quantity` of a decimal and an integer becomes, on Postgres:

    CAST("price" AS NUMERIC) * CAST("quantity" AS NUMERIC)
"""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import NamedTuple

from peewee import SQL, ColumnBase, Expression, fn

from backend.models.database import Dialect
from backend.models.database.arithmetic import DIVISION_DIGITS, DOUBLE_DIVISION_DIGITS
from backend.services.definitions.computed.tokens import ExpressionError
from backend.services.definitions.computed.tree import Calculation, Call, FieldValue, Number, Part, Text, parse
from backend.services.field_types.base import FieldType
from backend.services.field_types.computable import DAY, DOUBLE, EXACT, MOMENT, TEXT

NAMES = {EXACT: "an exact number", DOUBLE: "a number", TEXT: "a text", DAY: "a date", MOMENT: "a datetime"}
DATE_PARTS = {"year": (DAY, MOMENT), "month": (DAY, MOMENT), "day": (DAY, MOMENT), "hour": (MOMENT,)}


class Value(NamedTuple):
    """The SQL of a value and its kind; `scale` is the number of fraction digits of an exact number."""

    kind: str
    sql: ColumnBase
    scale: int = 0


class Compiler:
    """Compiles expressions over `fields`; `column_of(name)` returns the SQL of a field's value."""

    def __init__(
        self, fields: Mapping[str, FieldType], column_of: Callable[[str], ColumnBase], database: Dialect
    ) -> None:
        self._fields, self._column_of, self._database = fields, column_of, database
        self._arithmetic = database.arithmetic
        self._functions: dict[str, Callable[[Sequence[Value]], Value]] = {
            "coalesce": self._coalesce,
            "concat": self._concat,
            "lower": self._lower,
        }

    def compile(self, expression: str) -> Value:
        """Return the Value of an expression. Raises ExpressionError."""
        return self._compile(parse(expression))

    def _compile(self, part: Part) -> Value:
        match part:
            case Number(digits):
                return Value(EXACT, self._arithmetic.number(digits), len(digits.partition(".")[2]))
            case Text(value):
                return Value(TEXT, SQL(self._database.literal(value)))
            case FieldValue(name):
                return self._field(name)
            case Calculation(operator, left, right):
                return self._calculate(operator, self._compile(left), self._compile(right))
            case Call(function, arguments):
                return self._call(function, [self._compile(argument) for argument in arguments])

    def _field(self, name: str) -> Value:
        field = self._fields.get(name)
        if field is None:
            raise ExpressionError(f"There is no field {name}.")
        if field.computed is not None:
            raise ExpressionError(f"The field {name} is computed itself; use the fields that it is computed from.")
        if field.kind is None:
            raise ExpressionError(f"The field {name} is of type {field.name}, which cannot be used here.")
        return Value(field.kind, field.operand(self._column_of(name), self._database), field.fraction_digits)

    def _calculate(self, operator: str, left: Value, right: Value) -> Value:
        for value in (left, right):
            if value.kind not in (EXACT, DOUBLE):
                raise ExpressionError(f"`{operator}` needs numbers, but here is {NAMES[value.kind]}.")
        if DOUBLE in (left.kind, right.kind):
            return Value(DOUBLE, self._arithmetic.calculate(operator, left.sql, right.sql, DOUBLE_DIVISION_DIGITS))
        scales = {"*": left.scale + right.scale, "/": DIVISION_DIGITS}
        scale = scales.get(operator, max(left.scale, right.scale))
        return Value(EXACT, self._arithmetic.calculate(operator, left.sql, right.sql), scale)

    def _call(self, name: str, values: Sequence[Value]) -> Value:
        if name in DATE_PARTS:
            return self._date_part(name, values)
        if name not in self._functions:
            known = ", ".join(sorted({*self._functions, *DATE_PARTS}))
            raise ExpressionError(f"There is no function {name}. The functions are {known}.")
        return self._functions[name](values)

    def _coalesce(self, values: Sequence[Value]) -> Value:
        kinds = {value.kind for value in values}
        if kinds == {EXACT, DOUBLE}:
            kinds = {DOUBLE}
        if len(kinds) > 1:
            raise ExpressionError(f"`coalesce` needs values of one kind, but here are {_listed(kinds)}.")
        if len(values) == 1:
            return values[0]
        return Value(kinds.pop(), fn.COALESCE(*(value.sql for value in values)), max(value.scale for value in values))

    def _concat(self, values: Sequence[Value]) -> Value:
        return Value(TEXT, reduce(lambda text, value: text.concat(value), map(self._to_text, values)))

    def _to_text(self, value: Value) -> ColumnBase:
        if value.kind == EXACT:
            return self._arithmetic.text_of(value.sql, value.scale)
        _require("concat", value, (TEXT, EXACT))
        return value.sql

    def _lower(self, values: Sequence[Value]) -> Value:
        value = _only("lower", values)
        _require("lower", value, (TEXT,))
        return Value(TEXT, self._arithmetic.lower(value.sql))

    def _date_part(self, name: str, values: Sequence[Value]) -> Value:
        value = _only(name, values)
        _require(name, value, DATE_PARTS[name])
        return Value(EXACT, self._arithmetic.date_part(name, value.sql, is_moment=value.kind == MOMENT))


def _only(function: str, values: Sequence[Value]) -> Value:
    if len(values) != 1:
        raise ExpressionError(f"`{function}` takes one value.")
    return values[0]


def _require(function: str, value: Value, kinds: Sequence[str]) -> None:
    if value.kind not in kinds:
        raise ExpressionError(f"`{function}` cannot take {NAMES[value.kind]}.")


def _listed(kinds: set[str]) -> str:
    return " and ".join(sorted(NAMES[kind] for kind in kinds))


class Computation(NamedTuple):
    """The SQL of a value that the database computes: as computed, and as stored, which is NULL if it does not fit."""

    computed: ColumnBase
    stored: ColumnBase


def compile_field(
    field: FieldType,
    fields: Mapping[str, FieldType],
    column_of: Callable[[str], ColumnBase],
    database: Dialect,
) -> Computation:
    """Return the SQL of a computed field's value: as computed, and as stored, which is NULL if it does not fit.

    Raises ExpressionError.
    """
    value = Compiler(fields, column_of, database).compile(field.computed or "")
    if value.kind not in field.computed_from:
        raise ExpressionError(f"This is {NAMES[value.kind]}, which a field of type {field.name} cannot hold.")
    return Computation(value.sql, field.stored(value.sql, database))


def fits(column: ColumnBase, computation: Computation) -> ColumnBase:
    """Return the condition that the column of a computed field has a value wherever the computation has one."""
    return Expression(column.is_null(), "=", computation.computed.is_null())
