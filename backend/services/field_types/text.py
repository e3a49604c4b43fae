"""`text`: a long text, as long as a request may be unless `max_length` says otherwise."""

from backend.services.field_types.base import field_type, option
from backend.services.field_types.string import String, length

MAX_LENGTH = 10_000_000


@field_type("text")
class Text(String):
    """A text without a usual bound."""

    can_be_unique = False  # an index entry has a size limit on Postgres

    min_length: int | None = option(length(MAX_LENGTH))
    max_length: int | None = option(length(MAX_LENGTH))
