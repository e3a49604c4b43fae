"""How the records of a resource are written: default values, values as they are stored, and the limits of indexes."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from itsdangerous import URLSafeSerializer

from backend.services.definitions.definition import Definition
from backend.services.definitions.sources import Source
from backend.services.errors import Invalid
from backend.services.field_types.base import FieldType
from backend.services.storage.listable import Listable
from backend.utils.problems import Problem
from backend.utils.texts import byte_count


class Writable(Listable):
    """A Listable with the definition by which its rows are written."""

    fields: Mapping[str, FieldType]

    def __init__(self, definition: Definition, source: Source, cursor_serializer: URLSafeSerializer) -> None:
        super().__init__(
            definition.name,
            definition.all_fields,
            source.model,
            cursor_serializer,
            columns=source.columns,
            search=definition.search,
            keeps_history=definition.history,
            has_feed=definition.feed,
        )
        self.definition = definition

    def require_indexable(self, data: Mapping[str, Any]) -> None:
        """Raise Invalid if a text is too long for an index of its field."""
        problems = {}
        for name, max_bytes in self.definition.index_byte_limits.items():
            text = self.fields[name].compared_value(data.get(name))
            if isinstance(text, str) and byte_count(text) > max_bytes:
                text = f"At most {max_bytes:,} bytes, because the field is in an index."
                problems[name] = [Problem("too_long", text, limit=max_bytes)]
        if problems:
            raise Invalid(problems)

    def to_columns(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return the map of column to value, with the values as the database stores them; it leaves out links."""
        convert = self._to_column
        return {name: to(value) if (to := convert[name]) else value for name, value in data.items() if name in convert}

    @cached_property
    def _to_column(self) -> dict[str, Callable[[Any], Any] | None]:
        return {name: self.column(name).to_database for name in self.definition.columns}

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """Map of field name to the value of a new record that is created without one; None if that varies."""
        return {
            name: field.no_value if field.fixed_default is None else field.json_field().deserialize(field.default)
            for name, field in self.definition.fields.items()
            if field.computed is None
        }

    @cached_property
    def varying_defaults(self) -> dict[str, str]:
        """Map of field name to default, for the defaults that depend on the moment or the caller."""
        return {name: field.varying_default for name, field in self.definition.fields.items() if field.varying_default}
