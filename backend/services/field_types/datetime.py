"""`datetime`: a moment, always in UTC."""

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from marshmallow import fields
from peewee import ColumnBase

from backend.models.columns import Column, DateTimeColumn
from backend.models.database import Dialect
from backend.services.field_types import cell_kinds, computable
from backend.services.field_types.base import FieldType, field_type, option
from backend.services.field_types.cells import within
from backend.services.field_types.comparisons import EQUALITY, ORDERING
from backend.services.field_types.date import MOMENT, PARTS_OF_DATES
from backend.services.field_types.marshmallow_fields import Between
from backend.utils.clock import rfc3339
from backend.utils.problems import Problem

EXAMPLE = "Write a moment with its offset from UTC, such as 2026-01-31T12:00:00Z"
_LOST_SIGN = re.compile(r" (?=[0-9]{2}:[0-9]{2}$)")

_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)

_PLAIN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?Z")
WHOLE_SECONDS = 20  # characters of a plain moment without a fraction


class Moment(fields.AwareDateTime):
    """A moment with an offset (RFC 3339), also without seconds; it is loaded as text in UTC with microseconds.

    Digits after the sixth are cut off: rounding could move a moment into the next second, day or year.
    """

    default_error_messages = {
        "invalid": Problem("bad_format", f"{EXAMPLE}, with at most nine digits after the point.", expected="date-time"),
        "lost_sign": Problem("bad_format", "A + must be sent as %2B in a URL.", expected="date-time"),
        "naive": Problem(
            "bad_format", "The offset from UTC is missing: end it with Z or +02:00.", expected="date-time"
        ),
    }

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        if not _RFC3339.fullmatch(value):
            raise self.make_error(_cause(value))
        try:
            return rfc3339(datetime.datetime.fromisoformat(value.upper()))
        except (ValueError, OverflowError) as error:
            raise self.make_error("invalid") from error

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return value if value is None or isinstance(value, str) else rfc3339(value)


def _cause(text: str) -> str:
    """Return the key of the message for a text that is no moment."""
    if _RFC3339.fullmatch(text + "Z"):
        return "naive"
    return "lost_sign" if _RFC3339.fullmatch(_LOST_SIGN.sub("+", text)) else "invalid"


@field_type("datetime")
class DateTime(FieldType):
    """A moment between `min` and `max`, to the microsecond."""

    cell_kind: ClassVar[str | None] = cell_kinds.MOMENT
    operators: ClassVar[tuple[str, ...]] = (*EQUALITY, *ORDERING)
    common_form: ClassVar[str | None] = MOMENT
    length_of_now: ClassVar[int | None] = 27
    parts: ClassVar[tuple[str, ...]] = (*PARTS_OF_DATES, "hour")
    kind: ClassVar[str | None] = computable.MOMENT
    computed_from: ClassVar[tuple[str, ...]] = (computable.MOMENT,)

    min: str | None = option(Moment(), default=None)
    max: str | None = option(Moment(), default=None)

    def column(self, database: Dialect, **options: Any) -> Column[Any]:
        """Return TIMESTAMPTZ on Postgres; text on SQLite, which sorts in the order of time."""
        return DateTimeColumn(**options)

    def json_field(self, **options: Any) -> fields.Field[Any]:
        """Return a field for moments in the range."""
        return Moment(validate=Between(self.min, self.max), **options)

    def text_field(self) -> fields.Field[Any]:
        """Return a field for any moment."""
        return Moment()

    def read_plain(self, cells: Sequence[str]) -> list[Any] | None:
        """Return the moments of cells that are in UTC, in whole seconds or with six fraction digits."""
        if not all(map(_PLAIN.fullmatch, cells)):
            return None
        try:
            all(map(datetime.datetime.fromisoformat, cells))
        except ValueError:
            return None
        values = [f"{cell[:19]}.000000Z" if len(cell) == WHOLE_SECONDS else cell for cell in cells]
        return values if within(values, self.min, self.max) else None

    def json(self, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return RFC 3339 text in UTC with microseconds."""
        return database.json_datetime(column)

    def start_of(self, part: str, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return the moment at which the part begins in UTC."""
        return database.start_of(part, column)

    def to_common(self, value: str) -> str:
        """Return the moment unchanged."""
        return value

    def from_common(self, common: str) -> str:
        """Return the moment unchanged."""
        return common
