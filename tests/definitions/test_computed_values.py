"""Random expressions have the values that exact arithmetic gives, on both databases."""

import random
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

INPUTS = {"a": {"type": "integer"}, "b": {"type": "decimal"}, "c": {"type": "decimal", "precision": 24, "scale": 8}}
VALUES = {
    "a": [None, 0, 1, -3, 7, 2**62, -(2**63)],
    "b": [None, "0.00", "1.50", "-0.01", "9999999999.99"],
    "c": [None, "0.00000001", "-1234567890123456.12345678", "3.50000000"],
}
EXACT = Context(prec=200, rounding=ROUND_HALF_UP)
DIVISION = Fraction(10) ** 20


def make_expression(chance, depth):
    """Return a random expression, and the function that computes it from the values of a record."""
    if not depth or chance.random() < 0.2:
        name = chance.choice(["a", "b", "c", "3", "0.25"])
        return name, lambda values: values[name] if name in INPUTS else Fraction(name)
    (left, first), (right, second) = make_expression(chance, depth - 1), make_expression(chance, depth - 1)
    if chance.random() < 0.2:
        return (
            f"coalesce({left}, {right})",
            lambda values: first(values) if first(values) is not None else second(values),
        )
    operator = chance.choice("+-*/")
    return f"({left} {operator} {right})", lambda values: calculate(operator, first(values), second(values))


def calculate(operator, left, right):
    """Return the exact result, None for null; the digits of a quotient are cut off after the 20th."""
    if left is None or right is None or (operator == "/" and not right):
        return None
    if operator == "/":
        quotient = abs(left / right)
        return (-1 if (left < 0) != (right < 0) else 1) * (quotient * DIVISION // 1) / DIVISION
    return {"+": left + right, "-": left - right, "*": left * right}[operator]


def stored(exact, precision, scale):
    """Return a result as the API shows it; null if it has too many digits."""
    if exact is None:
        return None
    rounded = EXACT.divide(exact.numerator, exact.denominator).quantize(Decimal(1).scaleb(-scale), context=EXACT)
    fits = abs(rounded) < Decimal(10) ** (precision - scale)
    return format(EXACT.plus(rounded), "f") if fits else None


def test_random_expressions_are_computed_exactly(admin):
    chance = random.Random(35)
    fields, functions = {}, {}
    for i in range(60):
        expression, function = make_expression(chance, 4)
        precision, scale = chance.choice([(12, 2), (18, 0), (30, 6), (38, 11)])
        # With `readable_by`, a value that does not fit is null.
        fields[f"f{i}"] = {"type": "decimal", "computed": expression, "precision": precision, "scale": scale}
        functions[f"f{i}"] = function
    hidden = {name: field | {"readable_by": []} for name, field in fields.items()}
    admin.declare("things", INPUTS | hidden)
    for _ in range(20):
        given = {name: chance.choice(values) for name, values in VALUES.items()}
        exact = {name: None if value is None else Fraction(value) for name, value in given.items()}
        expected = {
            name: stored(functions[name](exact), field["precision"], field["scale"]) for name, field in fields.items()
        }
        made = admin.make("things", **given)
        assert {name: made[name] for name in fields} == expected
