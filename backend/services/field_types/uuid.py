"""`uuid`: a UUID, for example an id from another system."""

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from marshmallow import fields

from backend.models.columns import Column, UuidColumn
from backend.models.database import Dialect
from backend.services.field_types.base import FieldType, field_type

_PLAIN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class UuidText(fields.UUID):
    """A UUID as text, with dashes; it is loaded in lower case."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        try:
            text = str(uuid.UUID(value)) if isinstance(value, str) else None
        except ValueError:
            text = None
        if text is None or text != value.lower():
            raise self.make_error("invalid_uuid")
        return text


@field_type("uuid")
class Uuid(FieldType):
    """A UUID of any version."""

    holds_ids: ClassVar[bool] = True

    @property
    def comparable_as(self) -> str:
        """The same name for ids and references."""
        return "uuid"

    def column(self, database: Dialect, **options: Any) -> Column[Any]:
        """Return UUID on Postgres, text on SQLite."""
        return UuidColumn(**options)

    def json_field(self, **options: Any) -> fields.Field[Any]:
        """Return a field for UUIDs."""
        return UuidText(**options)

    def text_field(self) -> fields.Field[Any]:
        """Return a field for UUIDs."""
        return UuidText()

    def read_plain(self, cells: Sequence[str]) -> list[Any] | None:
        """Return the UUIDs if all are in lower case."""
        return [*cells] if all(map(_PLAIN.fullmatch, cells)) else None
