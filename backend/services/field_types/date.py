"""`date`: a calendar day."""

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from marshmallow import fields
from peewee import ColumnBase

from backend.models.columns import Column, DateColumn
from backend.models.database import Dialect
from backend.services.field_types import cell_kinds
from backend.services.field_types.base import FieldType, field_type, option
from backend.services.field_types.cells import within
from backend.services.field_types.comparisons import EQUALITY, ORDERING
from backend.services.field_types.computable import DAY
from backend.services.field_types.marshmallow_fields import Between
from backend.utils.problems import Problem

MOMENT = "moment"  # the common form of dates and datetimes: the JSON of a datetime
PARTS_OF_DATES = ("year", "quarter", "month", "week", "day")  # a week begins on Monday (ISO 8601)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
MIDNIGHT = "T00:00:00.000000Z"


class Day(fields.Date):
    """A day as text, `YYYY-MM-DD` (RFC 3339)."""

    default_error_messages = {
        "invalid": Problem("bad_format", "Write a date as YYYY-MM-DD, such as 2026-01-31.", expected="date")
    }

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if not isinstance(value, str) or not _DAY.fullmatch(value):
            raise self.make_error("invalid")
        try:
            datetime.date.fromisoformat(value)
        except ValueError as error:
            raise self.make_error("invalid") from error
        return value

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return value


@field_type("date")
class Date(FieldType):
    """A calendar day between `min` and `max`, year 1 to 9999."""

    cell_kind: ClassVar[str | None] = cell_kinds.DAY
    operators: ClassVar[tuple[str, ...]] = (*EQUALITY, *ORDERING)
    common_form: ClassVar[str | None] = MOMENT
    length_of_now: ClassVar[int | None] = 10
    parts: ClassVar[tuple[str, ...]] = PARTS_OF_DATES
    kind: ClassVar[str | None] = DAY
    computed_from: ClassVar[tuple[str, ...]] = (DAY,)

    min: str | None = option(Day(), default=None)
    max: str | None = option(Day(), default=None)

    def column(self, database: Dialect, **options: Any) -> Column[Any]:
        """Return DATE on Postgres, text on SQLite."""
        return DateColumn(**options)

    def json_field(self, **options: Any) -> fields.Field[Any]:
        """Return a field for days in the range."""
        return Day(validate=Between(self.min, self.max), **options)

    def text_field(self) -> fields.Field[Any]:
        """Return a field for any day."""
        return Day()

    def read_plain(self, cells: Sequence[str]) -> list[Any] | None:
        """Return the days if all are valid."""
        is_plain = all(map(_DAY.fullmatch, cells)) and within(cells, self.min, self.max)
        try:
            return [*cells] if is_plain and all(map(datetime.date.fromisoformat, cells)) else None
        except ValueError:
            return None

    def start_of(self, part: str, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return the first day of the part."""
        return database.first_day_of(part, column)

    def to_common(self, value: str) -> str:
        """Return the moment at which the day begins in UTC."""
        return value + MIDNIGHT

    def from_common(self, common: str) -> str:
        """Return the day that begins at the moment; for any other moment, a text that is not a valid day."""
        return common.removesuffix(MIDNIGHT)
