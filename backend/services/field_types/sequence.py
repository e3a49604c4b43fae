"""`sequence`: a number that the database gives each new record, such as the number of an invoice."""

from decimal import Decimal as PythonDecimal
from typing import Any, ClassVar

from marshmallow import fields, validate
from peewee import ColumnBase

from backend.models.columns import Column, IntegerColumn
from backend.models.database import Dialect
from backend.services.field_types import cell_kinds
from backend.services.field_types.base import field_type, option
from backend.services.field_types.comparisons import ORDERING
from backend.services.field_types.computable import EXACT
from backend.services.field_types.integer import IntegerFromText, StrictInteger
from backend.services.field_types.marshmallow_fields import StrictBoolean
from backend.services.field_types.numeric import Numeric, require_same
from backend.utils.problems import Problem

MAX_START = 10**15  # numbers well beyond it are still exact in JavaScript
MAX_NUMBER = 10**18  # the next ones still fit into 64 bits
ALWAYS = validate.Equal(True, error=Problem("not_allowed", "A sequence always has a value that is unique."))


@field_type("sequence")
class Sequence(Numeric):
    """A whole number from `start` on that no request sets. It is unique, and never given twice."""

    cell_kind: ClassVar[str | None] = cell_kinds.WHOLE
    json_type: ClassVar[str | list[str]] = "integer"

    kind: ClassVar[str | None] = EXACT
    operators: ClassVar[tuple[str, ...]] = ("eq", "ne", "in", *ORDERING)  # there is always a value
    fits_profiles: ClassVar[bool] = False

    required: bool = option(StrictBoolean(validate=ALWAYS), default=True)
    unique: bool = option(StrictBoolean(validate=ALWAYS), default=True)
    start: int = option(StrictInteger(validate=validate.Range(1, MAX_START)), default=1)

    def problems(self) -> dict[str, Any]:
        """Return the map of option to errors."""
        problems = super().problems()
        if self.default is not None:
            problems["default"] = [Problem("not_allowed", "A sequence has no default.")]
        if self.writable_by is not None:
            problems["writable_by"] = [Problem("not_allowed", "Nobody can set a sequence.")]
        return problems

    @property
    def first_number(self) -> int | None:
        """The first number of a new table."""
        return self.start

    @property
    def comparable_as(self) -> str:
        """The same name as for integers."""
        return "integer"

    @property
    def constraints(self) -> dict[str, Any]:
        """Empty: a change of `start` is a step of its own."""
        return {}

    def column(self, database: Dialect, **options: Any) -> Column[Any]:
        """Return a column of 64 bits."""
        return IntegerColumn(**options)

    def json_field(self, **options: Any) -> fields.Field[Any]:
        """Return a field for positive integers."""
        return StrictInteger(validate=validate.Range(1, MAX_NUMBER), **options)

    def text_field(self) -> fields.Field[Any]:
        """Return a field for any integer."""
        return IntegerFromText()

    def operand(self, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return an exact number."""
        return database.arithmetic.exact(column, 0)

    def from_common(self, common: PythonDecimal) -> int:
        """Return a whole number."""
        return require_same(int(common), common)
