"""Peewee fields whose column is right on both databases: see the type names of models/database/."""

import json
from datetime import datetime
from decimal import Decimal

from peewee import Field

from backend.utils.clock import rfc3339


class TextColumn(Field):
    """Text of any length; its length is checked before it gets here."""

    field_type = "LARDER_TEXT"


class IntegerColumn(Field):
    """A 64 bit integer."""

    field_type = "LARDER_INTEGER"


class FloatColumn(Field):
    """A double; integers are made floats, since a STRICT table keeps what it is given."""

    field_type = "LARDER_FLOAT"

    def db_value(self, value):
        """Return a float, or None."""
        return None if value is None else float(value)


class BooleanColumn(Field):
    """A boolean, kept as 0 and 1 on SQLite."""

    field_type = "LARDER_BOOLEAN"

    def db_value(self, value):
        """Return a bool, or None; SQLite's driver writes it as an integer."""
        return None if value is None else bool(value)

    def python_value(self, value):
        """Return a bool, or None."""
        return None if value is None else bool(value)


class UuidColumn(Field):
    """A UUID; lower-case text with dashes on SQLite."""

    field_type = "LARDER_UUID"

    def python_value(self, value):
        """Return the UUID as text, or None."""
        return None if value is None else str(value)


class DateColumn(Field):
    """A calendar day, bound as `YYYY-MM-DD`."""

    field_type = "LARDER_DATE"


class DateTimeColumn(Field):
    """A moment in UTC with microseconds; SQLite keeps RFC 3339 text of fixed width."""

    field_type = "LARDER_DATETIME"

    def db_value(self, value):
        """Return text; an aware datetime is brought to UTC, text is taken to be in the right form already."""
        return value if value is None or isinstance(value, str) else rfc3339(value)

    def python_value(self, value):
        """Return an aware datetime, or None."""
        return datetime.fromisoformat(value) if isinstance(value, str) else value


class JsonColumn(Field):
    """Any JSON value, kept as compact text; Python's None is NULL."""

    field_type = "LARDER_JSON"

    def db_value(self, value):
        """Return JSON text, or None."""
        return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    def python_value(self, value):
        """Return the object or list that was kept; psycopg has parsed it already."""
        return json.loads(value) if isinstance(value, str) else value


class ScaledIntegerColumn(Field):
    """An exact decimal on SQLite, which has none: the integer of its smallest units."""

    field_type = "LARDER_DECIMAL"

    def __init__(self, scale, **options):
        super().__init__(**options)
        self.scale = scale

    def db_value(self, value):
        """Return the Decimal `value` in units of 10**-scale, or None."""
        return None if value is None else int(Decimal(value).scaleb(self.scale))


class NumericColumn(Field):
    """An exact decimal on Postgres."""

    field_type = "LARDER_DECIMAL"

    def __init__(self, precision, scale, **options):
        super().__init__(**options)
        self.precision, self.scale = precision, scale

    def get_modifiers(self):
        """Return what stands in the parentheses of NUMERIC."""
        return [self.precision, self.scale]
