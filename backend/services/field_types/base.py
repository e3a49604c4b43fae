"""What every field type is asked, and the marshmallow helpers they share."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, field
from functools import cache
from typing import Any, ClassVar, Self

from marshmallow import Schema, ValidationError, fields, validate
from peewee import Node

from backend.services.errors import Invalid
from backend.utils.texts import unstorable_reason

TYPES = {}

EQUALITY = ("eq", "ne", "in", "isnull")
ORDERING = ("gt", "gte", "lt", "lte")
TEXT_SEARCH = ("contains", "icontains", "startswith")

LOWER_BOUNDS, UPPER_BOUNDS = ("min", "min_length"), ("max", "max_length")

MAX_ROLES = 50  # that one field names
MAX_FORMER_NAMES = 10


def option(wire, default=None):
    """Return a dataclass field for one option of a definition, checked by the marshmallow field `wire`."""
    return field(default=default, metadata={"wire": wire})


def field_type(name):
    """Return the decorator that makes a class known as the field type `name`."""

    def register(cls):
        cls.name = name
        TYPES[name] = dataclass(frozen=True, kw_only=True)(cls)
        return TYPES[name]

    return register


class StrictText(fields.String):
    """A text that both databases can keep."""

    def _deserialize(self, value, attr, data, **kwargs):
        text = super()._deserialize(value, attr, data, **kwargs)
        if reason := unstorable_reason(text):
            raise ValidationError(reason)
        return text


class StrictBoolean(fields.Boolean):
    """Exactly true or false; no 1, "yes" or "on"."""

    def _deserialize(self, value, attr, data, **kwargs):
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Between(validate.Validator):
    """A range that OpenAPI has no words for, since the value is a string there."""

    def __init__(self, least, most):
        self.least, self.most = least, most

    def __call__(self, value):
        """Return the value; raise ValidationError when it is out of range."""
        if self.least is not None and value < self.least:
            raise ValidationError(f"Must be {self.least} or more.")
        if self.most is not None and value > self.most:
            raise ValidationError(f"Must be {self.most} or less.")
        return value


def text_converter(field_class, convert):
    """Return `field_class` for texts of a query or a CSV cell: `convert` turns the text into its JSON value first."""

    class FromText(field_class):
        def _deserialize(self, value, attr, data, **kwargs):
            if isinstance(value, str):
                try:
                    value = convert(value.strip())
                except ValueError as error:
                    raise self.make_error("invalid") from error
            return super()._deserialize(value, attr, data, **kwargs)

    return FromText


def loader(field: fields.Field, validators: list | None = None) -> Callable:
    """Return the function that does what a marshmallow field does with a value that is there, in half the time."""
    load, checks = field._deserialize, field.validators if validators is None else validators

    def read(value: Any) -> Any:
        found = load(value, None, None)
        for check in checks:
            check(found)
        return found

    return read


def to_text(value: Any) -> str:
    """Return a value in JSON as text: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def role_names():
    """Return the marshmallow field of an option that names roles."""
    return fields.List(StrictText(), validate=validate.Length(max=MAX_ROLES))


class FormerNames(fields.Raw):
    """The names that a field or a resource had before, the latest first; one may stand alone."""

    def __init__(self, **options):
        text = {"type": "string"}
        several = {"type": "array", "items": text, "minItems": 1, "maxItems": MAX_FORMER_NAMES}
        told = "Where it is not there but one of these is, that one is renamed"
        super().__init__(metadata={"anyOf": [text, several], "description": told}, **options)

    def _deserialize(self, value, attr, data, **kwargs):
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not 0 < len(names) <= MAX_FORMER_NAMES:
            raise ValidationError(f"A name, or a list of 1 to {MAX_FORMER_NAMES} names.")
        return [StrictText().deserialize(name) for name in names]


@cache
def _options_schema(kind):
    """Return the schema of the options of a FieldType class."""
    wires = {item.name: item.metadata["wire"] for item in dataclasses.fields(kind)}
    return Schema.from_dict(wires, name=f"{kind.name}_options")()


@dataclass(frozen=True, kw_only=True)
class FieldType:
    """One typed attribute of a resource, as its definition declares it.

    The type decides the column, the form in JSON, the filters and the expression that makes JSON of the column.
    """

    name: ClassVar[str]
    operators: ClassVar[tuple[str, ...]] = EQUALITY
    sortable: ClassVar[bool] = True
    can_be_unique: ClassVar[bool] = True
    can_be_summed: ClassVar[bool] = False  # whether sum_parts, read_sum, sum_to_json and average_to_json answer
    searchable: ClassVar[bool] = False  # by the full-text search
    may_outgrow_index: ClassVar[bool] = False  # whether a value may have more bytes than an index takes
    may_hold_commas: ClassVar[bool] = False
    holds_ids: ClassVar[bool] = False  # whether a batch may put the id of a record in that it has just created
    holds_empty_text: ClassVar[bool] = False  # whether "" is a value; elsewhere an empty cell is none, quoted or not
    # Values of two types with the same common form convert by it; others by their text.
    common_form: ClassVar[str | None] = None

    required: bool = option(StrictBoolean(), False)
    default: Any = option(fields.Raw(allow_none=True))
    unique: bool = option(StrictBoolean(), False)
    index: bool = option(StrictBoolean(), False)
    description: str = option(StrictText(validate=validate.Length(max=1000)), "")
    readable_by: list | None = option(role_names())
    writable_by: list | None = option(role_names())
    renamed_from: list | None = option(FormerNames())

    @classmethod
    def parse(cls, options):
        """Return the field type made from `options`, a dict without `type`; raise Invalid keyed by option."""
        try:
            made = cls(**_options_schema(cls).load(options))
        except ValidationError as error:
            raise Invalid(error.messages) from error
        if problems := made.problems():
            raise Invalid(problems)
        return made

    def problems(self):
        """Return {option: [messages]} for options that do not fit together."""
        problems = {}
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

    @property
    def former_names(self):
        """The names the field had before, the latest first."""
        return self.renamed_from or []

    @property
    def writers(self):
        """The roles that may write the field, None for everybody; by default those that may read it."""
        return self.readable_by if self.writable_by is None else self.writable_by

    def rank(self, bound):
        """Return a bound of the definition in the form that values are compared in."""
        return bound

    def to_dict(self):
        """Return the declaration in its shortest form: `type` and every option that is not the default."""
        options = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        defaults = {item.name: item.default for item in dataclasses.fields(self) if item.default is not MISSING}
        return {"type": self.name} | {
            name: value for name, value in options.items() if name not in defaults or value != defaults[name]
        }

    def column(self, database, **options):
        """Return the peewee field that keeps the values."""
        raise NotImplementedError

    def wire(self, **options):
        """Return the marshmallow field that checks and documents a value in JSON."""
        raise NotImplementedError

    def filter(self):
        """Return the marshmallow field for a value that comes as text: in a query or in a CSV cell."""
        raise NotImplementedError

    def cell_reader(self) -> Callable:
        """Return the function that makes a checked value of the text of a CSV cell, or raises ValidationError."""
        return loader(self.filter(), self.wire().validators)

    def to_cell(self, value: Any) -> str:
        """Return a value in JSON as the text of a CSV cell."""
        return str(value)

    def json(self, column, database):
        """Return the SQL expression that a JSON object can carry as this field's value."""
        return column

    def sort_key(self, column):
        """Return the SQL expression that lists are ordered by."""
        return column

    @property
    def comparable_as(self) -> str:
        """What the values are compared as: two types that answer the same can be compared with each other."""
        return self.name

    def sum_parts(self, column: Any, database: Any) -> list[Node]:
        """Return the SQL expressions of a sum, in the parts that read_sum takes."""
        raise NotImplementedError

    def read_sum(self, parts: Iterator[Any], database: Any) -> Any:
        """Return the sum that the next values of `parts` make, None of no values."""
        raise NotImplementedError

    def sum_to_json(self, total: Any) -> Any:
        """Return what read_sum found as a value in JSON, None if JSON cannot hold it."""
        raise NotImplementedError

    def average_to_json(self, total: Any, count: int) -> Any:
        """Return the average of `count` values as a value in JSON, None if JSON cannot hold it."""
        raise NotImplementedError

    @property
    def constraints(self) -> dict[str, Any]:
        """The options that decide which values the field takes."""
        shared = {item.name for item in dataclasses.fields(FieldType)}
        return {item.name: getattr(self, item.name) for item in dataclasses.fields(self) if item.name not in shared}

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
        """Tell whether values of a field that was declared as `former` must be converted to be kept."""
        return former.name != self.name

    def converter(self, former: "FieldType") -> Callable[[Any], Any]:
        """Return the function that makes of a value in the JSON of `former` what the wire field of this one loads.

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

    @property
    def most_bytes(self):
        """The most bytes that a value takes in JSON, None where nothing bounds it."""
        return 64

    def as_text(self, column, database):
        """Return the SQL expression of the text whose bytes a value takes, of a field with many or any number."""
        return column
