"""`time`: a time of day, without a day or a time zone."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import fields

from backend.models.columns import Column, TimeColumn
from backend.models.database import Dialect
from backend.services.field_types.base import FieldType, field_type, option
from backend.services.field_types.comparisons import EQUALITY, ORDERING
from backend.services.field_types.marshmallow_fields import Between
from backend.utils.problems import Problem

PATTERN = "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"


class TimeOfDay(fields.String):
    """A time of day as text, `HH:MM` or `HH:MM:SS`; it is loaded with its seconds."""

    default_error_messages = {
        "invalid": Problem("bad_format", "Write a time as HH:MM or HH:MM:SS, such as 09:30.", expected="time")
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"metadata": {"pattern": PATTERN} | options.get("metadata", {})})

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if not isinstance(value, str) or "\n" in value or not re.match(PATTERN, value):
            raise self.make_error("invalid")
        return value if value.count(":") == 2 else f"{value}:00"


@field_type("time")
class Time(FieldType):
    """A time of day between `min` and `max`, to the second."""

    operators: ClassVar[tuple[str, ...]] = (*EQUALITY, *ORDERING)

    min: str | None = option(TimeOfDay(), default=None)
    max: str | None = option(TimeOfDay(), default=None)

    def column(self, database: Dialect, **options: Any) -> Column[Any]:
        """Return TIME on Postgres; text on SQLite, which sorts in the order of time."""
        return TimeColumn(**options)

    def json_field(self, **options: Any) -> fields.Field[Any]:
        """Return a field for times in the range."""
        return TimeOfDay(validate=Between(self.min, self.max), **options)

    def text_field(self) -> fields.Field[Any]:
        """Return a field for any time."""
        return TimeOfDay()
