"""How the values of a field are written in cells of CSV files, one by one or many of a column at once."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from marshmallow import fields

from backend.services.field_types.marshmallow_fields import loader


class HasCells:
    """The answers of a FieldType about cells of CSV files."""

    cell_kind: ClassVar[str | None] = None  # of cell_kinds.py; None if values are always written in one way

    @property
    def holds_empty_text(self) -> bool:
        """Whether "" is a value; for other fields an empty CSV cell means no value."""
        return False

    def json_field(self, **options: Any) -> fields.Field[Any]:
        """Return the marshmallow field that checks and documents a value in JSON.

        It loads what the column takes: the value in JSON, unless `to_json` is overridden.
        """
        raise NotImplementedError

    def text_field(self) -> fields.Field[Any]:
        """Return the marshmallow field that reads a value from text, in a query or in a CSV cell.

        It loads what `json_field` loads, without the checks of options such as `min`. For filters such as `contains`,
        it also loads a part of a value.
        """
        raise NotImplementedError

    def cell_reader(self) -> Callable[[str], Any]:
        """Return the function that reads the text of a CSV cell. It raises ValidationError if the text is not valid."""
        return loader(self.text_field(), self.json_field().validators)

    def read_plain(self, cells: Sequence[str]) -> list[Any] | None:
        """Return the values of many cells, none of them empty, as `cell_reader` reads them.

        Return None to have them read one by one: if one may be invalid, or is written in an unusual way. Override it
        if that is several times faster.
        """
        return None

    def to_cell(self, value: Any) -> str:
        """Return the text of a CSV cell for a value in JSON."""
        return str(value)

    def to_cells(self, values: Sequence[Any]) -> Sequence[str]:
        """Return the texts of CSV cells for many values in JSON. Override it if that is several times faster."""
        to_cell = str if type(self).to_cell is HasCells.to_cell else self.to_cell
        return [*map(to_cell, values)]


def within(values: Sequence[Any], minimum: Any, maximum: Any) -> bool:
    """Return whether all values are in a range; None means no bound."""
    return (minimum is None or minimum <= min(values)) and (maximum is None or max(values) <= maximum)
