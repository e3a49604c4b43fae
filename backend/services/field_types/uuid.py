"""`uuid`: an id from somewhere else."""

import uuid
from typing import ClassVar

from marshmallow import fields

from backend.models.columns import UuidColumn
from backend.services.field_types.base import FieldType, field_type


class UuidText(fields.UUID):
    """A UUID with its dashes; it stays text, in lower case."""

    def _deserialize(self, value, attr, data, **kwargs):
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
        """An id, also where it refers to a record."""
        return "uuid"

    def column(self, database, **options):
        """Return UUID on Postgres, text on SQLite."""
        return UuidColumn(**options)

    def wire(self, **options):
        """Return a field for UUIDs."""
        return UuidText(**options)

    def filter(self):
        """Return a field for UUIDs."""
        return UuidText()
