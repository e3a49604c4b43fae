"""`boolean`: true or false."""

from collections.abc import Sequence
from decimal import Decimal as PythonDecimal
from typing import Any, ClassVar

from marshmallow import fields
from peewee import ColumnBase

from backend.models.columns import BooleanColumn, Column
from backend.models.database import Dialect
from backend.services.field_types import cell_kinds
from backend.services.field_types.base import FieldType, field_type
from backend.services.field_types.marshmallow_fields import FromText, StrictBoolean
from backend.services.field_types.numeric import NUMBER, require_same, to_number

_PLAIN = {"true": True, "false": False}


class BooleanFromText(FromText, StrictBoolean):
    """True or false, also as the text of a query or a CSV cell, in any case."""

    def from_text(self, text: str) -> bool:
        """Return true for `true` and false for `false`."""
        try:
            return _PLAIN[text.lower()]
        except KeyError as error:
            raise ValueError(text) from error


@field_type("boolean")
class Boolean(FieldType):
    """True or false."""

    cell_kind: ClassVar[str | None] = cell_kinds.BOOLEAN
    json_type: ClassVar[str | list[str]] = "boolean"

    common_form: ClassVar[str | None] = NUMBER

    def column(self, database: Dialect, **options: Any) -> Column[Any]:
        """Return a boolean column; 0 and 1 on SQLite."""
        return BooleanColumn(**options)

    def json_field(self, **options: Any) -> fields.Field[Any]:
        """Return a field for true and false."""
        return StrictBoolean(**options)

    def text_field(self) -> fields.Field[Any]:
        """Return a field for `true` and `false` in any case."""
        return BooleanFromText()

    def read_plain(self, cells: Sequence[str]) -> list[Any] | None:
        """Return the values of cells that are written as an export writes them."""
        values = [*map(_PLAIN.get, cells)]
        return None if None in values else values

    def json(self, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return JSON's true and false."""
        return database.json_boolean(column)

    def to_cell(self, value: bool) -> str:
        """Return the value as `true` or `false`."""
        return "true" if value else "false"

    def to_cells(self, values: Sequence[bool]) -> list[str]:
        """Return the values as `true` or `false`."""
        return ["true" if value else "false" for value in values]

    def to_common(self, value: Any) -> PythonDecimal:
        """Return 1 for true and 0 for false."""
        return to_number(value)

    def from_common(self, common: PythonDecimal) -> bool:
        """Return true for 1 and false for 0."""
        return require_same(bool(common), common)
