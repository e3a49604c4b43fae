"""What the types of texts share: a spreadsheet might take their values for formulas."""

from collections.abc import Callable
from typing import Any, ClassVar

from backend.services.field_types.base import FieldType, to_text
from backend.services.field_types.wire import loader
from backend.utils.cells import guarded, unguarded


class Guarded(FieldType):
    """A type of texts, which are guarded in the cells of CSV files."""

    may_hold_commas: ClassVar[bool] = True

    @property
    def comparable_as(self) -> str:
        """A text, for texts of all kinds."""
        return "text"

    def cell_reader(self) -> Callable[[str], Any]:
        """Return the function that reads a cell, which may be guarded against being taken for a formula."""
        load = loader(self.wire())
        return lambda cell: load(unguarded(cell))

    def to_cell(self, value: str) -> str:
        """Return the text, guarded against being taken for a formula."""
        return guarded(value)

    def converter(self, former: FieldType) -> Callable[[Any], Any]:
        """Return the function that takes the text of any value."""
        load = self.wire().deserialize
        return lambda value: load(to_text(value))
