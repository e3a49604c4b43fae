"""`text`: a long text, limited only by the size of a request unless `max_length` is set."""

from backend.services.field_types.base import MAX_INDEX_BYTES, field_type, option
from backend.services.field_types.string import String, length

MAX_LENGTH = 10_000_000


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
