"""Peewee fields whose column is right on both databases: see the type names of models/database/.

To a type checker a column is a `Column` of its values in Python: `User.email` is a `TextColumn[str]` and `user.email` a
`str`; with `null=True` the values may be None, too.
"""

import json
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload
from uuid import UUID

from peewee import Field

from backend.utils.clock import rfc3339

WIDE_DIGITS = 38  # of the widest decimal; a double-width integer has as many
WIDE = Context(prec=100)  # of calculations with such decimals, which the default of Python would round

V = TypeVar("V")

if TYPE_CHECKING:

    class Column(Field[V]):
        """A column whose values in Python are of the type V."""

        def db_value(self, value: Any) -> Any: ...
        def python_value(self, value: Any) -> Any: ...
        @property
        def to_database(self) -> Callable[[Any], Any] | None: ...

else:  # the stubs of peewee know Field[V], peewee itself does not

    class Column(Field, Generic[V]):
        """A column whose values in Python are of the type V."""

        @property
        def to_database(self) -> Callable[[Any], Any] | None:
            """`db_value`; None if the database takes values unchanged."""
            return None if type(self).db_value is Field.db_value else self.db_value


class TextColumn(Column[V]):
    """Text of any length; its length is checked before it gets here."""

    field_type = "LARDER_TEXT"

    if TYPE_CHECKING:

        @overload
        def __new__(cls, *, null: Literal[False] = ..., **options: Any) -> "TextColumn[str]": ...
        @overload
        def __new__(cls, *, null: bool, **options: Any) -> "TextColumn[str | None]": ...
        def __new__(cls, **options: Any) -> Any: ...


class IntegerColumn(Column[V]):
    """A 64 bit integer."""

    field_type = "LARDER_INTEGER"

    if TYPE_CHECKING:

        @overload
        def __new__(cls, *, null: Literal[False] = ..., **options: Any) -> "IntegerColumn[int]": ...
        @overload
        def __new__(cls, *, null: bool, **options: Any) -> "IntegerColumn[int | None]": ...
        def __new__(cls, **options: Any) -> Any: ...


class FloatColumn(Column[float]):
    """A double; integers are converted, since a STRICT table keeps the type of a value."""

    field_type = "LARDER_FLOAT"

    def db_value(self, value: float | None) -> float | None:
        """Return a float, or None."""
        return None if value is None else float(value)


class BooleanColumn(Column[bool]):
    """A boolean, kept as 0 and 1 on SQLite."""

    field_type = "LARDER_BOOLEAN"

    def db_value(self, value: bool | None) -> bool | None:
        """Return a bool, or None; SQLite's driver writes it as an integer."""
        return None if value is None else bool(value)

    def python_value(self, value: int | None) -> bool | None:
        """Return a bool, or None."""
        return None if value is None else bool(value)


class UuidColumn(Column[V]):
    """A UUID; lower-case text with dashes on SQLite."""

    field_type = "LARDER_UUID"

    if TYPE_CHECKING:

        @overload
        def __new__(cls, *, null: Literal[False] = ..., **options: Any) -> "UuidColumn[str]": ...
        @overload
        def __new__(cls, *, null: bool, **options: Any) -> "UuidColumn[str | None]": ...
        def __new__(cls, **options: Any) -> Any: ...

    def python_value(self, value: UUID | str | None) -> str | None:
        """Return the UUID as text, or None."""
        return None if value is None else str(value)


class DateColumn(Column[str]):
    """A calendar day as text, `YYYY-MM-DD`."""

    field_type = "LARDER_DATE"

    def python_value(self, value: date | str | None) -> str | None:
        """Return the day as text, or None; psycopg reads a date."""
        return None if value is None else str(value)


class TimeColumn(Column[str]):
    """A time of day as text, `HH:MM:SS`."""

    field_type = "LARDER_TIME"

    def python_value(self, value: time | str | None) -> str | None:
        """Return the time as text, or None; psycopg reads a time."""
        return None if value is None else str(value)


class DateTimeColumn(Column[V]):
    """A moment in UTC with microseconds; SQLite keeps RFC 3339 text of fixed width."""

    field_type = "LARDER_DATETIME"

    if TYPE_CHECKING:

        @overload
        def __new__(cls, *, null: Literal[False] = ..., **options: Any) -> "DateTimeColumn[datetime]": ...
        @overload
        def __new__(cls, *, null: bool, **options: Any) -> "DateTimeColumn[datetime | None]": ...
        def __new__(cls, **options: Any) -> Any: ...

    def db_value(self, value: datetime | str | None) -> str | None:
        """Return text; an aware datetime is brought to UTC, text is kept as it is."""
        return value if value is None or isinstance(value, str) else rfc3339(value)

    def python_value(self, value: datetime | str | None) -> datetime | None:
        """Return an aware datetime, or None."""
        return datetime.fromisoformat(value) if isinstance(value, str) else value


class JsonColumn(Column[Any]):
    """Any JSON value, kept as compact text; Python's None is NULL."""

    field_type = "LARDER_JSON"

    def db_value(self, value: Any) -> str | None:
        """Return JSON text, or None."""
        return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    def python_value(self, value: Any) -> Any:
        """Return the object or list that was kept; psycopg has parsed it already."""
        return json.loads(value) if isinstance(value, str) else value


class ScaledIntegerColumn(Column[Decimal]):
    """An exact decimal on SQLite, which has none: the integer of its smallest units."""

    field_type = "LARDER_DECIMAL"

    def __init__(self, scale: int, **options: Any) -> None:
        super().__init__(**options)
        self.scale = scale

    def db_value(self, value: Decimal | int | str | None) -> int | None:
        """Return the Decimal `value` in units of 10**-scale, or None."""
        return None if value is None else int(Decimal(value).scaleb(self.scale))

    def python_value(self, value: int | None) -> Decimal | None:
        """Return the number of these smallest units with `scale` fraction digits, or None."""
        return None if value is None else Decimal(value).scaleb(-self.scale)


class WideDecimalColumn(Column[Decimal]):
    """An exact decimal on SQLite whose smallest units do not fit into 64 bits: text that sorts in the order of numbers.

    It begins with the number of smallest units plus 10**38, in 39 digits. Then come a space and the number as JSON has
    it, which SQL could not write: `1…01250 12.50`.
    """

    field_type = "LARDER_WIDE_DECIMAL"

    def __init__(self, scale: int, **options: Any) -> None:
        super().__init__(**options)
        self.scale = scale

    def db_value(self, value: Decimal | int | str | None) -> str | None:
        """Return the text of the Decimal `value`, or None."""
        if value is None:
            return None
        return wide_decimal_text(int(Decimal(value).scaleb(self.scale, WIDE)), self.scale)

    def python_value(self, value: str | None) -> Decimal | None:
        """Return the number with `scale` fraction digits, or None."""
        return None if value is None else Decimal(value.partition(" ")[2])


def wide_decimal_text(units: int, scale: int) -> str:
    """Return the text of a WideDecimalColumn for a number in units of 10**-scale."""
    return f"{units + 10**WIDE_DIGITS:0{WIDE_DIGITS + 1}} {Decimal(units).scaleb(-scale, WIDE):f}"


class NumericColumn(Column[Decimal]):
    """An exact decimal on Postgres."""

    field_type = "LARDER_DECIMAL"

    def __init__(self, precision: int, scale: int, **options: Any) -> None:
        super().__init__(**options)
        self.precision, self.scale = precision, scale

    def get_modifiers(self) -> list[int]:
        """Return the arguments of NUMERIC."""
        return [self.precision, self.scale]
