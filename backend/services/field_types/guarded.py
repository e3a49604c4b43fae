"""The base of all text types: in CSV, their values are guarded, as a spreadsheet could run them as formulas."""

from collections.abc import Callable
from typing import Any, ClassVar

from backend.services.field_types.base import FieldType, to_text
from backend.services.field_types.computable import TEXT
from backend.services.field_types.marshmallow_fields import loader
from backend.utils.cells import escape_formula, unescape_formula


class Guarded(FieldType):
    """A type whose values are texts, which are guarded in CSV cells."""

    may_hold_commas: ClassVar[bool] = True
    kind: ClassVar[str | None] = TEXT

    @property
    def comparable_as(self) -> str:
        """The same name for all text types."""
        return "text"

    def cell_reader(self) -> Callable[[str], Any]:
        """Return the function that reads a CSV cell, guarded or not."""
        load = loader(self.json_field())
        return lambda cell: load(unescape_formula(cell))

    def to_cell(self, value: str) -> str:
        """Return the text, guarded so that no spreadsheet runs it as a formula."""
        return escape_formula(value)

    def converter(self, old: FieldType) -> Callable[[Any], Any]:
        """Return the function that converts any value to its text."""
        load = self.json_field().deserialize
        return lambda value: load(to_text(value))
