"""What becomes of a value when its field is declared anew."""

import json
from decimal import Decimal as PythonDecimal

from marshmallow import ValidationError

from backend.services.field_types.boolean import Boolean
from backend.services.field_types.date import Date
from backend.services.field_types.datetime import DateTime
from backend.services.field_types.decimal import Decimal
from backend.services.field_types.enum import Enum
from backend.services.field_types.integer import Integer
from backend.services.field_types.json import Json
from backend.services.field_types.number import Number
from backend.services.field_types.string import String

NUMERIC = (Boolean, Integer, Number, Decimal)
LOWER_BOUNDS, UPPER_BOUNDS = ("min", "min_length"), ("max", "max_length")
MIDNIGHT = "T00:00:00.000000Z"


def converts(was, now):
    """Tell whether a field keeps its values in another form from now on."""
    return was.name != now.name or (
        isinstance(now, Decimal) and (was.precision, was.scale) != (now.precision, now.scale)
    )


def narrows(was, now):
    """Tell whether a field, whose type stays, no longer takes all the values it took."""
    if any(_is_tighter(was, now, bound) for bound in (*LOWER_BOUNDS, *UPPER_BOUNDS) if hasattr(now, bound)):
        return True
    if isinstance(now, Enum):
        return not set(was.choices) <= set(now.choices)
    return getattr(now, "pattern", None) not in (None, getattr(was, "pattern", None))


def _is_tighter(was, now, bound):
    before, after = getattr(was, bound), getattr(now, bound)
    if before is None or after is None:
        return after is not None
    before, after = was.rank(before), now.rank(after)
    return after > before if bound in LOWER_BOUNDS else after < before


def converter(was, now):
    """Return the function that makes of a value, in the JSON of `was`, what the wire field of `now` would load.

    The function raises ValidationError for a value that cannot be kept whole.
    """
    if was.name == now.name:
        return now.wire().deserialize
    wire, reader = now.wire(), now.filter()
    if isinstance(now, Json):
        return wire.deserialize
    if isinstance(now, String | Enum):
        return lambda value: wire.deserialize(_text(value))
    if isinstance(was, NUMERIC) and isinstance(now, NUMERIC):
        return lambda value: wire.deserialize(_number(_exact(value), now))
    if isinstance(was, Date) and isinstance(now, DateTime):
        return lambda value: wire.deserialize(value + MIDNIGHT)
    if isinstance(was, DateTime) and isinstance(now, Date):
        return lambda value: wire.deserialize(value.removesuffix(MIDNIGHT))

    def read(value):
        found = reader.deserialize(_text(value).strip())
        for check in wire.validators:
            check(found)
        return found

    return read


def within_bytes(convert, most):
    """Return the function `convert`, refusing texts of more than `most` bytes; None for no limit."""
    if most is None:
        return convert

    def checked(value):
        found = convert(value)
        if isinstance(found, str) and len(found.encode()) > most:
            raise ValidationError("Too long for an index.")
        return found

    return checked


def _text(value):
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _exact(value):
    return PythonDecimal(int(value) if isinstance(value, bool) else value if isinstance(value, str) else repr(value))


def _number(number, now):
    """Return the number in the JSON of a numeric type; raise ValidationError if that type has not just this number."""
    if isinstance(now, Decimal):
        return format(number, "f")
    value = {Boolean: bool, Integer: int, Number: float}[type(now)](number)
    if _exact(value) != number:
        raise ValidationError("Not the same as any value of the new type.")
    return value
