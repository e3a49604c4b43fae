"""The base of all field types: columns, values in JSON and CSV, filters, sums, and conversions of values."""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import MISSING, dataclass
from functools import cache
from typing import Any, ClassVar, Self, TypeVar, dataclass_transform

from marshmallow import Schema, ValidationError, fields, validate
from peewee import ColumnBase

from backend.models.columns import Column
from backend.models.database import Dialect
from backend.services.errors import Invalid
from backend.services.field_types.cells import HasCells
from backend.services.field_types.comparisons import Comparable
from backend.services.field_types.computable import Computable
from backend.services.field_types.marshmallow_fields import FormerNames, StrictBoolean, StrictText, loader, role_names
from backend.services.field_types.totals import Totals
from backend.services.field_types.varying import DEFAULT_FIELD, HasDefault
from backend.utils.problems import Problem, problems_of

TYPES: dict[str, type["FieldType"]] = {}  # map of type name to class
MAX_INDEX_BYTES = 2400  # of all texts in one index entry
LOWER_BOUNDS, UPPER_BOUNDS = ("min", "min_length"), ("max", "max_length")

Cls = TypeVar("Cls", bound="FieldType")


def option(field: fields.Field[Any], *, default: Any = MISSING) -> Any:
    """Return a dataclass field for one option of a declaration, checked and documented by the marshmallow field."""
    return dataclasses.field(default=default, metadata={"field": field})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(option,))
def field_type(name: str) -> Callable[[type[Cls]], type[Cls]]:
    """Return the decorator that registers a class as the field type `name`."""

    def register(cls: type[Cls]) -> type[Cls]:
        cls.name = name
        TYPES[name] = registered = dataclass(frozen=True, kw_only=True)(cls)
        return registered

    return register


@cache
def declaration_schema(name: str) -> Schema:
    """Return the schema that checks and documents the declaration of a field of this type."""
    options = {item.name: item.metadata["field"] for item in dataclasses.fields(TYPES[name])}
    members = {key: field for key, field in options.items() if key != "computed" or TYPES[name].computed_from}
    members["type"] = fields.String(required=True, validate=validate.OneOf([name]))
    return Schema.from_dict(members, name=f"{name.title()}Field")()


@cache
def _own_options(name: str) -> tuple[str, ...]:
    """Return the names of the options that this type has, and not every type."""
    shared = {item.name for item in dataclasses.fields(FieldType)}
    return tuple(item.name for item in dataclasses.fields(TYPES[name]) if item.name not in shared)


def to_text(value: Any) -> str:
    """Return a text unchanged, and any other value as JSON text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, kw_only=True)
class FieldType(Comparable, Computable, HasCells, HasDefault):
    """One field of a resource, as its definition declares it.

    For example, `{"type": "integer", "min": 1}` is `Integer(min=1)`. Methods with a `column` parameter return Peewee
    expressions in the SQL dialect of `database`.
    """

    can_be_unique: ClassVar[bool] = True
    parts: ClassVar[tuple[str, ...]] = ()  # of time, by which records can be grouped; then `start_of` is implemented
    searchable: ClassVar[bool] = False  # by the full-text search; such a text can also be a label
    may_outgrow_index: ClassVar[bool] = False  # a value may have more bytes than fit into an index entry
    may_hold_commas: ClassVar[bool] = False  # so `%2C` in a list of values does not separate them
    holds_ids: ClassVar[bool] = False  # a batch may insert the id of a record that it has just created
    has_column: ClassVar[bool] = True  # if not, its values are the Links of a junction table, which has its ids
    presentation: ClassVar[tuple[str, ...]] = ()  # options, beyond the constraints, that clients need to show values
    no_value: ClassVar[Any] = None  # what a record has that was created without a value and without a default
    is_convertible: ClassVar[bool] = True  # if not, a field that gets another type loses its values
    values_name: ClassVar[str] = "values"  # in the text of a plan
    # For conversions: values are converted through the common form of both types if it is the same, else through text.
    common_form: ClassVar[str | None] = None

    required: bool = option(StrictBoolean(), default=False)
    default: Any = option(DEFAULT_FIELD, default=None)
    unique: bool = option(StrictBoolean(), default=False)
    index: bool = option(StrictBoolean(), default=False)
    description: str = option(StrictText(validate=validate.Length(max=1000)), default="")
    readable_by: list[str] | None = option(role_names(), default=None)
    writable_by: list[str] | None = option(role_names(), default=None)
    renamed_from: list[str] | None = option(FormerNames(), default=None)

    @classmethod
    def parse(cls, declaration: dict[str, Any]) -> Self:
        """Return the field of a declaration. Raises Invalid, keyed by option."""
        try:
            options = declaration_schema(cls.name).load(declaration)
        except ValidationError as error:
            raise Invalid(problems_of(error)) from error
        del options["type"]
        field = cls(**options)
        if problems := field.problems():
            raise Invalid(problems)
        return field

    def problems(self) -> dict[str, Any]:
        """Return the map of option to errors, for options that contradict each other."""
        problems: dict[str, Any] = self.computed_problems()
        if (self.unique or self.index) and self.index_problem:
            problems["unique" if self.unique else "index"] = [Problem("not_allowed", self.index_problem)]
        for low, high in zip(LOWER_BOUNDS, UPPER_BOUNDS, strict=True):
            lower, upper = getattr(self, low, None), getattr(self, high, None)
            if lower is not None and upper is not None and self.rank(lower) > self.rank(upper):
                problems[low] = [Problem("too_large", f"Must not be greater than {high}.", limit=upper)]
        if self.fixed_default is not None and not problems:
            try:
                self.json_field().deserialize(self.default)
            except ValidationError as error:
                problems["default"] = problems_of(error)
        return problems

    def to_dict(self) -> dict[str, Any]:
        """Return the shortest declaration: `type`, and every option that differs from its default."""
        declared = {"type": self.name}
        for item in dataclasses.fields(self):
            if item.default is MISSING or getattr(self, item.name) != item.default:
                declared[item.name] = getattr(self, item.name)
        return declared

    @property
    def item(self) -> "FieldType":
        """The field whose values are the operands of filters: this one, or the values of a list."""
        return self

    @property
    def target(self) -> str | None:
        """The resource whose records the values refer to; None for any other value."""
        return None

    @property
    def former_names(self) -> list[str]:
        """The former names of the field, the latest first."""
        return self.renamed_from or []

    @property
    def writers(self) -> list[str] | None:
        """The roles that may write the field, by default those that may read it; None for everybody."""
        return self.readable_by if self.writable_by is None else self.writable_by

    @property
    def first_number(self) -> int | None:
        """The first number that the database gives to records; None if it counts nothing in this field."""
        return None

    @property
    def is_settable(self) -> bool:
        """Whether requests can set the field; otherwise the database does."""
        return self.first_number is None and self.computed is None

    @property
    def fits_profiles(self) -> bool:
        """Whether a profile field can be declared like this."""
        return True

    @property
    def index_problem(self) -> str | None:
        """Why the field cannot be in an index; None if it can."""
        return None if self.can_be_unique else f"A field of type {self.name} cannot be indexed."

    # The database

    def column(self, database: Dialect, **options: Any) -> Column[Any]:
        """Return the Peewee field of the column that stores the values."""
        raise NotImplementedError

    def is_empty(self, column: Any) -> ColumnBase:
        """Return the condition that a row has no value."""
        condition: ColumnBase = column.is_null()
        return condition

    def json(self, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return the expression of the value in a JSON object: null for null.

        `column` can also be MIN or MAX of the column. Write numbers and texts in the expression as SQL("1"): a plain 1
        would be converted by the column.
        """
        return column

    def link_value(self, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return the expression in a JSON array by whose value related records are found."""
        return database.bindable(column)

    def as_text(self, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return the expression of a text that has about as many bytes as the value in JSON.

        Override it if `max_json_bytes` is None or more than 64, unless the column is a text.
        """
        return column

    @property
    def max_json_bytes(self) -> int | None:
        """The maximum number of bytes of a value in JSON; None for no limit. Override it if 64 are not enough."""
        return 64

    def in_history(self, value: Any) -> Any:
        """Return what the history keeps of a value in JSON."""
        return value

    # JSON and queries; cells.py has json_field and text_field

    def change_field(self, **options: Any) -> fields.Field[Any]:
        """Return the marshmallow field of a PATCH, which may also load a change instead of a new value."""
        return self.json_field(**options)

    def shown_field(self, **options: Any) -> fields.Field[Any]:
        """Return the marshmallow field that documents a value in a response, if a request has another form."""
        return self.json_field(**options)

    @property
    def is_nullable(self) -> bool:
        """Whether a record can have null."""
        return not self.required

    def to_json(self, value: Any) -> Any:
        """Return a value that `json_field` loaded as a value in JSON."""
        return value

    @property
    def totals(self) -> Totals | None:
        """The sums and averages of values; None if they cannot be summed."""
        return None

    def start_of(self, part: str, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return the expression of the value at which one of the `parts` of time begins, for a value within it."""
        raise NotImplementedError

    # Changes of the declaration

    @property
    def constraints(self) -> dict[str, Any]:
        """Map of option to value, for the options that decide which values are valid."""
        return {name: getattr(self, name) for name in _own_options(self.name)}

    def rank(self, bound: Any) -> Any:
        """Return a bound, such as `min`, as a value that can be compared."""
        return bound

    def narrows(self, old: Self) -> bool:
        """Return whether values that were valid for `old`, a field of the same type, may not be valid any more."""
        return any(self._is_tighter(old, bound) for bound in (*LOWER_BOUNDS, *UPPER_BOUNDS))

    def _is_tighter(self, old: Self, bound: str) -> bool:
        before, after = getattr(old, bound, None), getattr(self, bound, None)
        if before is None or after is None:
            return after is not None
        before, after = old.rank(before), self.rank(after)
        return bool(after > before if bound in LOWER_BOUNDS else after < before)

    @property
    def delivery(self) -> Any:
        """The options of how values are delivered, in addition to the values themselves."""
        return None

    def needs_conversion_from(self, old: "FieldType") -> bool:
        """Return whether stored values must be converted, because the field was declared as `old` before."""
        return old.name != self.name

    def converter(self, old: "FieldType") -> Callable[[Any], Any]:
        """Return the function that converts a value in JSON of the field `old` to a value of this field.

        The function raises ValidationError if a value cannot be converted without loss.
        """
        field = self.json_field()
        if old.name == self.name:
            return field.deserialize
        if self.common_form is not None and self.common_form == old.common_form:
            return lambda value: field.deserialize(self.from_common(old.to_common(value)))
        read = loader(self.text_field(), field.validators)
        return lambda value: read(old.text_of(value).strip())

    def text_of(self, value: Any) -> str:
        """Return the text of a value in JSON that is converted to a value of another type."""
        return to_text(value)

    def to_common(self, value: Any) -> Any:
        """Return a value in JSON in the common form."""
        raise NotImplementedError

    def from_common(self, common: Any) -> Any:
        """Return a value in the common form as a value in JSON. Raises ValidationError if there is no equal one."""
        raise NotImplementedError
