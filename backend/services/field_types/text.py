"""`text`: a long text, limited only by the size of a request unless `max_length` is set."""

from typing import Any, ClassVar

from peewee import fn

from backend.services.field_types.base import field_type, option
from backend.services.field_types.string import String, length

MAX_LENGTH = 10_000_000
SORTED_LENGTH = 200  # characters that lists are sorted by: cursors contain them


@field_type("text")
class Text(String):
    """A text without a maximum length, unless one is declared."""

    can_be_unique: ClassVar[bool] = False  # an index entry has a size limit on Postgres

    min_length: int | None = option(length(MAX_LENGTH), default=None)
    max_length: int | None = option(length(MAX_LENGTH), default=None)

    def sort_key(self, column: Any) -> Any:
        """Return the beginning of the text."""
        return fn.SUBSTR(column, 1, SORTED_LENGTH, coerce=False)
