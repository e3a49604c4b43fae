"""What field types answer about computed fields: fields whose values the database computes from others."""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

from marshmallow import validate
from peewee import ColumnBase

from backend.models.database import Dialect
from backend.services.field_types.marshmallow_fields import StrictText
from backend.utils.problems import Problem

MAX_LENGTH = 500  # characters of an expression
EXACT, DOUBLE, TEXT, DAY, MOMENT = "exact", "double", "text", "day", "moment"  # the kinds of values in expressions
OPTIONS = {
    *("computed", "unique", "index", "ignore_case", "description", "readable_by", "renamed_from"),
    *("precision", "scale", "max_length", "ignore_case"),  # a value that does not fit is refused
}

_computed = StrictText(
    validate=validate.Length(1, MAX_LENGTH),
    metadata={"description": "Expression that the database computes the value from; requests cannot set the field"},
)


@dataclass(frozen=True, kw_only=True)
class Computable:
    """A field that expressions can use, and that can have an expression itself."""

    kind: ClassVar[str | None] = None  # of the values in expressions; None if they cannot be used
    computed_from: ClassVar[tuple[str, ...]] = ()  # the kinds of which a value can be stored in a computed field

    computed: str | None = dataclasses.field(default=None, metadata={"field": _computed})

    @property
    def fraction_digits(self) -> int:
        """The number of fraction digits of an exact number."""
        return 0

    def operand(self, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return the expression of the value for computing with it, of the type's `kind`."""
        return column

    def stored(self, value: ColumnBase, database: Dialect) -> ColumnBase:
        """Return a computed value, of one of the kinds of `computed_from`, as it is stored; NULL if it does not fit."""
        return value

    def computed_problems(self) -> dict[str, Any]:
        """Return the map of option to errors, for the options that a computed field cannot have."""
        if self.computed is None:
            return {}
        problem = Problem("not_allowed", "A computed field has no such option.")
        declared = [item.name for item in dataclasses.fields(self) if getattr(self, item.name) != item.default]
        return {name: [problem] for name in declared if name not in OPTIONS}
