"""`url`: a web address."""

from collections.abc import Sequence
from typing import Any, ClassVar

from marshmallow import fields

from backend.services.field_types.base import field_type, option
from backend.services.field_types.marshmallow_fields import StrictText
from backend.services.field_types.string import String, length

MAX_LENGTH = 2048
SCHEMES = {"http", "https"}  # never javascript: or data:, which a page might run


class WebAddress(StrictText, fields.Url):
    """An absolute http or https URL."""

    def __init__(self, **options: Any) -> None:
        super().__init__(schemes=SCHEMES, require_tld=False, **options)


@field_type("url")
class Url(String):
    """An absolute http or https URL."""

    computed_from: ClassVar[tuple[str, ...]] = ()

    max_length: int | None = option(length(MAX_LENGTH), default=MAX_LENGTH)

    @property
    def holds_empty_text(self) -> bool:
        """False: an empty text is not a web address."""
        return False

    def read_plain(self, cells: Sequence[str]) -> list[Any] | None:
        """Return None: each address has its own checks."""
        return None

    def json_field(self, **options: Any) -> fields.Field[Any]:
        """Return a field for web addresses."""
        field = super().json_field(**options)
        return WebAddress(validate=field.validators, **options)
