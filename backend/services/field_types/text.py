"""`text`: a long text, limited only by the size of a request unless `max_length` is set."""

from typing import Any

from peewee import fn

from backend.models.database import Dialect
from backend.services.field_types.base import MAX_INDEX_BYTES, field_type, option
from backend.services.field_types.string import String, length

MAX_LENGTH = 10_000_000
SORTED_LENGTH = 200  # characters that lists are sorted by if a text may be longer: cursors contain them


@field_type("text")
class Text(String):
    """A text without a maximum length, unless one is declared."""

    min_length: int | None = option(length(MAX_LENGTH), default=None)
    max_length: int | None = option(length(MAX_LENGTH), default=None)

    @property
    def index_problem(self) -> str | None:
        """Why the field cannot be in an index: its texts may be too long."""
        if self.max_length is not None and self.max_length <= MAX_INDEX_BYTES:
            return None
        return f"A text in an index needs a max_length of at most {MAX_INDEX_BYTES:,}."

    def sort_key(self, column: Any, database: Dialect) -> Any:
        """Return the whole text if it may be in an index, which serves this order; else its beginning."""
        compared = self.compared(column, database)
        return compared if self.index_problem is None else fn.SUBSTR(compared, 1, SORTED_LENGTH, coerce=False)
