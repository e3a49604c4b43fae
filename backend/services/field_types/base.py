"""What every field type answers: its column, its form in JSON and CSV, its filters, sums and conversions."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass
from functools import cache
from typing import Any, ClassVar, Self, TypeVar, dataclass_transform

from marshmallow import Schema, ValidationError, fields, validate
from peewee import ColumnBase

from backend.models.columns import Column
from backend.models.database import Dialect
from backend.services.errors import Invalid
from backend.services.field_types.wire import FormerNames, StrictBoolean, StrictText, loader, role_names

TYPES: dict[str, type["FieldType"]] = {}

EQUALITY = ("eq", "ne", "in", "isnull")
ORDERING = ("gt", "gte", "lt", "lte")
TEXT_SEARCH = ("contains", "icontains", "startswith")

LOWER_BOUNDS, UPPER_BOUNDS = ("min", "min_length"), ("max", "max_length")

Kind = TypeVar("Kind", bound="FieldType")


def option(wire: fields.Field[Any], *, default: Any = MISSING) -> Any:
    """Return a dataclass field for one option of a declaration, checked and documented by the marshmallow field."""
    return dataclasses.field(default=default, metadata={"wire": wire})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(option,))
def field_type(name: str) -> Callable[[type[Kind]], type[Kind]]:
    """Return the decorator that registers a class as the field type `name`."""

    def register(cls: type[Kind]) -> type[Kind]:
        cls.name = name
        TYPES[name] = made = dataclass(frozen=True, kw_only=True)(cls)
        return made

    return register


@cache
def declaration_schema(name: str) -> Schema:
    """Return the schema that checks and documents the declaration of a field of this type."""
    wires = {item.name: item.metadata["wire"] for item in dataclasses.fields(TYPES[name])}
    wires["type"] = fields.String(required=True, validate=validate.OneOf([name]))
    return Schema.from_dict(wires, name=f"{name.title()}Field")()


def to_text(value: Any) -> str:
    """Return a value in JSON as text: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, kw_only=True)
class FieldType:
    """One typed attribute of a resource, as its definition declares it.

    For example `{"type": "integer", "min": 1}` is `Integer(min=1)`. Methods that take a `column` return SQL
    expressions of Peewee, in the words of `database`.
    """

    name: ClassVar[str]
    operators: ClassVar[tuple[str, ...]] = EQUALITY  # of filters
    sortable: ClassVar[bool] = True  # so records can be grouped by it, too
    can_be_unique: ClassVar[bool] = True
    can_be_summed: ClassVar[bool] = False  # if so, sum_parts, read_sum, sum_to_json and average_to_json answer
    searchable: ClassVar[bool] = False  # by the full-text search
    may_outgrow_index: ClassVar[bool] = False  # a value may have more bytes than an index takes
    may_hold_commas: ClassVar[bool] = False  # so `%2C` in a list of values does not separate them
    holds_ids: ClassVar[bool] = False  # a batch may put in the id of a record that it has just created
    fits_profiles: ClassVar[bool] = True  # a user may have such a value
    holds_empty_text: ClassVar[bool] = False  # "" is a value; elsewhere an empty CSV cell means no value
    # Values of two types with the same common form convert by it; others by their text.
    common_form: ClassVar[str | None] = None

    required: bool = option(StrictBoolean(), default=False)
    default: Any = option(fields.Raw(allow_none=True), default=None)
    unique: bool = option(StrictBoolean(), default=False)
    index: bool = option(StrictBoolean(), default=False)
    description: str = option(StrictText(validate=validate.Length(max=1000)), default="")
    readable_by: list[str] | None = option(role_names(), default=None)
    writable_by: list[str] | None = option(role_names(), default=None)
    renamed_from: list[str] | None = option(FormerNames(), default=None)

    @classmethod
    def parse(cls, declaration: dict[str, Any]) -> Self:
        """Return the field type of a declaration; raise Invalid keyed by option."""
        try:
            options = declaration_schema(cls.name).load(declaration)
        except ValidationError as error:
            raise Invalid(error.messages) from error
        del options["type"]
        made = cls(**options)
        if problems := made.problems():
            raise Invalid(problems)
        return made

    def problems(self) -> dict[str, Any]:
        """Return {option: [messages]} for options that do not fit together."""
        problems: dict[str, Any] = {}
        if (self.unique or self.index) and not self.can_be_unique:
            problems["unique" if self.unique else "index"] = [f"A field of type {self.name} cannot be indexed."]
        for low, high in zip(LOWER_BOUNDS, UPPER_BOUNDS, strict=True):
            least, most = getattr(self, low, None), getattr(self, high, None)
            if least is not None and most is not None and self.rank(least) > self.rank(most):
                problems[low] = [f"Must not be greater than {high}."]
        if self.default is not None and not problems:
            try:
                self.wire().deserialize(self.default)
            except ValidationError as error:
                problems["default"] = error.messages
        return problems

    def to_dict(self) -> dict[str, Any]:
        """Return the declaration in its shortest form: `type` and every option that is not the default."""
        declared = {"type": self.name}
        for item in dataclasses.fields(self):
            if item.default is MISSING or getattr(self, item.name) != item.default:
                declared[item.name] = getattr(self, item.name)
        return declared

    @property
    def former_names(self) -> list[str]:
        """The names the field had before, the latest first."""
        return self.renamed_from or []

    @property
    def writers(self) -> list[str] | None:
        """The roles that may write the field, None for everybody; by default those that may read it."""
        return self.readable_by if self.writable_by is None else self.writable_by

    # The database

    def column(self, database: Dialect, **options: Any) -> Column[Any]:
        """Return the Peewee field of the column that stores the values."""
        raise NotImplementedError

    def json(self, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return the expression of the value in a JSON object."""
        return column

    def sort_key(self, column: Any) -> Any:
        """Return the expression that lists are ordered by."""
        return column

    def as_text(self, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return the expression of a text with about as many bytes as the value has in JSON."""
        return column

    @property
    def most_bytes(self) -> int | None:
        """The most bytes of a value in JSON, None for no limit."""
        return 64

    # JSON, queries and CSV

    def wire(self, **options: Any) -> fields.Field[Any]:
        """Return the marshmallow field that checks and documents a value in JSON."""
        raise NotImplementedError

    def filter(self) -> fields.Field[Any]:
        """Return the marshmallow field of a value that comes as text: in a query or in a CSV cell."""
        raise NotImplementedError

    @property
    def filter_operators(self) -> tuple[str, ...]:
        """The operators of filters on this field: one that is required is never null."""
        return tuple(each for each in self.operators if not (each == "isnull" and self.required))

    @property
    def has_extremes(self) -> bool:
        """Whether some values have a least and a greatest one."""
        return "gt" in self.operators

    @property
    def comparable_as(self) -> str:
        """What the values are compared as: two types that answer the same can be compared with each other."""
        return self.name

    def cell_reader(self) -> Callable[[str], Any]:
        """Return the function that reads the text of a CSV cell, or raises ValidationError."""
        return loader(self.filter(), self.wire().validators)

    def to_cell(self, value: Any) -> str:
        """Return a value in JSON as the text of a CSV cell."""
        return str(value)

    # Sums

    def sum_parts(self, column: Any, database: Dialect) -> list[Any]:
        """Return the expressions of a sum, in the parts that read_sum takes."""
        raise NotImplementedError

    def read_sum(self, parts: Iterator[Any], database: Dialect) -> Any:
        """Return the sum that the next values of `parts` make, None for a sum of no values."""
        raise NotImplementedError

    def sum_to_json(self, total: Any) -> Any:
        """Return a sum found by read_sum as a value in JSON, None if JSON cannot hold it."""
        raise NotImplementedError

    def average_to_json(self, total: Any, count: int) -> Any:
        """Return the average of `count` values as a value in JSON, None if JSON cannot hold it."""
        raise NotImplementedError

    # Changes of the declaration

    @property
    def constraints(self) -> dict[str, Any]:
        """The options that decide which values the field takes."""
        shared = {item.name for item in dataclasses.fields(FieldType)}
        return {item.name: getattr(self, item.name) for item in dataclasses.fields(self) if item.name not in shared}

    def rank(self, bound: Any) -> Any:
        """Return a bound, such as `min`, in a form that can be compared."""
        return bound

    def narrows(self, former: Self) -> bool:
        """Tell whether the field refuses values that it took when it was declared as `former`, of the same type."""
        return any(self._is_tighter(former, bound) for bound in (*LOWER_BOUNDS, *UPPER_BOUNDS))

    def _is_tighter(self, former: Self, bound: str) -> bool:
        before, after = getattr(former, bound, None), getattr(self, bound, None)
        if before is None or after is None:
            return after is not None
        before, after = former.rank(before), self.rank(after)
        return bool(after > before if bound in LOWER_BOUNDS else after < before)

    def changes_form(self, former: "FieldType") -> bool:
        """Tell whether values of a field that was declared as `former` must be converted."""
        return former.name != self.name

    def converter(self, former: "FieldType") -> Callable[[Any], Any]:
        """Return the function that makes of a value in the JSON of `former` what the wire field of this type loads.

        The function raises ValidationError for a value that cannot be kept whole.
        """
        wire = self.wire()
        if former.name == self.name:
            return wire.deserialize
        if self.common_form is not None and self.common_form == former.common_form:
            return lambda value: wire.deserialize(self.from_common(former.to_common(value)))
        read = loader(self.filter(), wire.validators)
        return lambda value: read(to_text(value).strip())

    def to_common(self, value: Any) -> Any:
        """Return a value in JSON in the common form."""
        raise NotImplementedError

    def from_common(self, common: Any) -> Any:
        """Return the value in JSON of a value in the common form; raise ValidationError if there is none."""
        raise NotImplementedError
