"""The base of all text types: in CSV, their values are guarded, as a spreadsheet could run them as formulas."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from backend.models.database import Dialect
from backend.services.field_types.base import FieldType, option
from backend.services.field_types.computable import TEXT
from backend.services.field_types.marshmallow_fields import StrictBoolean, loader
from backend.utils.cells import escape_formula, escape_formulas, unescape_formula


@dataclass(frozen=True, kw_only=True)
class Guarded(FieldType):
    """A type whose values are texts, which are guarded in CSV cells.

    With `ignore_case`, every comparison folds the case of both texts, and so do unique indexes and orders.
    """

    may_hold_commas: ClassVar[bool] = True
    kind: ClassVar[str | None] = TEXT

    ignore_case: bool = option(StrictBoolean(), default=False)

    @property
    def comparable_as(self) -> str:
        """The same name for all text types."""
        return "text"

    @property
    def ignores_case(self) -> bool:
        """Whether the field is declared so."""
        return self.ignore_case

    @property
    def constraints(self) -> dict[str, Any]:
        """Without `ignore_case`, which changes no value."""
        return {name: value for name, value in super().constraints.items() if name != "ignore_case"}

    def compared(self, column: Any, database: Dialect) -> Any:
        """Return the expression of the folded text, or the column."""
        return database.fold(column) if self.ignore_case else column

    def compared_value(self, value: Any) -> Any:
        """Return the folded text, or the value."""
        return value.casefold() if self.ignore_case and value is not None else value

    def cell_reader(self) -> Callable[[str], Any]:
        """Return the function that reads a CSV cell, guarded or not."""
        load = loader(self.json_field())
        return lambda cell: load(unescape_formula(cell))

    def to_cell(self, value: str) -> str:
        """Return the text, guarded so that no spreadsheet runs it as a formula."""
        return escape_formula(value)

    def to_cells(self, values: Sequence[str]) -> Sequence[str]:
        """Return the texts, guarded."""
        return escape_formulas(values)

    def converter(self, old: FieldType) -> Callable[[Any], Any]:
        """Return the function that converts any value to its text."""
        load = self.json_field().deserialize
        return lambda value: load(old.text_of(value))
