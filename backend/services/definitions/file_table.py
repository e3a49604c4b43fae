"""The table of uploaded files as if it were a resource, so that conditions can lead from a file field to it."""

import dataclasses
from collections.abc import Mapping
from functools import cached_property

from backend.models.file import File
from backend.services.definitions.definition import Definition
from backend.services.definitions.grants import PUBLIC_GRANT
from backend.services.definitions.sources import Source
from backend.services.field_types.base import FieldType
from backend.services.field_types.file import TABLE
from backend.services.field_types.integer import Integer
from backend.services.field_types.string import String
from backend.services.field_types.uuid import Uuid

FACTS: Mapping[str, FieldType] = {
    "id": Uuid(required=True),
    "name": String(required=True),
    "type": String(required=True),
    "bytes": Integer(required=True),
    "sha256": String(required=True),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileDefinition(Definition):
    """What conditions can use of files. Everybody may: who sees a field with a file sees what is known of it."""

    @cached_property
    def all_fields(self) -> dict[str, FieldType]:
        """Map of name to field."""
        return {**FACTS}


FILES = FileDefinition(name=TABLE, fields={}, access={"list": [PUBLIC_GRANT]})
SOURCE = Source(File, lambda table: {name: getattr(table, name) for name in FACTS})
