"""`list`: a few different values in order, such as tags."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar, Self

from marshmallow import ValidationError, fields, validate
from peewee import ColumnBase

from backend.models.columns import Column, JsonColumn
from backend.models.database import Dialect
from backend.services.errors import Invalid
from backend.services.field_types.base import FieldType, field_type, option, to_text
from backend.services.field_types.date import Date
from backend.services.field_types.enum import MAX_CHOICES, Enum
from backend.services.field_types.integer import Integer
from backend.services.field_types.marshmallow_fields import StrictText, loader
from backend.services.field_types.string import String, length, pattern_text
from backend.utils.cells import escape_formula, join_parts, split_parts, unescape_formula
from backend.utils.problems import Problem, flatten

ITEMS: dict[str, type[FieldType]] = {"string": String, "enum": Enum, "integer": Integer, "date": Date}
# Map of option to the option of the values.
ITEM_OPTIONS = {
    **{name: name for name in ("choices", "min_length", "max_length", "pattern")},
    **{"min_value": "min", "max_value": "max"},
}
MAX_ITEMS = 200
MAX_LENGTH = 600  # characters of a text in a list: an index entry on Postgres has at most 2,704 bytes


def _are_different(values: list[Any]) -> None:
    if len(set(values)) != len(values):
        raise ValidationError(Problem("duplicate", "Each value at most once."))


class Items(fields.List[Any]):
    """A JSON array of different values."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if not isinstance(value, list):  # marshmallow takes the keys of an object
            raise self.make_error("invalid")
        return super()._deserialize(value, attr, data, **kwargs)


class ItemsFromText(fields.Field[Any]):
    """Values from the text of a CSV cell, separated by `|`."""

    def __init__(self, read_item: Callable[[Any], Any], **options: Any) -> None:
        super().__init__(**options)
        self._read_item = read_item

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Any]:
        values, problems = [], []
        for number, part in enumerate(split_parts(value), start=1):
            try:
                values.append(self._read_item(part))
            except ValidationError as error:
                problems += [problem.within(f"Value {number}") for problem in flatten(error.messages)]
        if problems:
            raise ValidationError(problems)
        return values


def _length() -> fields.Integer:
    return fields.Integer(strict=True, allow_none=True, validate=validate.Range(1, MAX_LENGTH))


def _bound() -> fields.Raw:
    return fields.Raw(allow_none=True, metadata={"type": ["integer", "string"], "description": "A value of the list"})


@field_type("list")
class List(FieldType):
    """At least `min` and at most `max` different values of the type `of`, in order."""

    operators: ClassVar[tuple[str, ...]] = ("has", "has_any", "has_all", "isempty", "isnull")
    json_type: ClassVar[str | list[str]] = ["string", "integer"]
    sortable: ClassVar[bool] = False
    can_be_unique: ClassVar[bool] = False

    of: str = option(StrictText(required=True, validate=validate.OneOf(list(ITEMS))))
    min: int | None = option(length(MAX_ITEMS), default=None)
    max: int = option(fields.Integer(strict=True, validate=validate.Range(1, MAX_ITEMS)), default=50)
    choices: list[str] | None = option(
        fields.List(StrictText(validate=validate.Length(1, 100)), validate=validate.Length(1, MAX_CHOICES)),
        default=None,
    )
    min_length: int | None = option(_length(), default=None)
    max_length: int | None = option(_length(), default=None)
    pattern: str | None = option(pattern_text(), default=None)
    min_value: Any = option(_bound(), default=None)
    max_value: Any = option(_bound(), default=None)

    def problems(self) -> dict[str, Any]:
        """Return the map of option to errors."""
        try:
            assert self.item
        except Invalid as error:
            names = {item_option: name for name, item_option in ITEM_OPTIONS.items()}
            return {names.get(name, name): messages for name, messages in error.errors.items()}
        problems = super().problems()
        if not self.unique:
            problems.pop("index", None)  # a list can have an index of its own
        return problems

    @cached_property
    def item(self) -> FieldType:
        """The values of the list as a field."""
        declared = {name: value for name, value in self.to_dict().items() if name in ITEM_OPTIONS}
        # An empty list and a list of one empty text would be the same in CSV.
        least = {"min_length": 1} if self.of == "string" else {}
        return ITEMS[self.of].parse(
            {"type": self.of} | least | {ITEM_OPTIONS[name]: value for name, value in declared.items()}
        )

    @property
    def index_problem(self) -> str | None:
        """Why the field cannot be in an index with others, or unique."""
        return "A list cannot be unique, or in an index with other fields; it can have `index: true`."

    @property
    def title(self) -> str:
        """The type with that of its values."""
        return f"list of {self.of}"

    @property
    def holds_items(self) -> bool:
        """True."""
        return True

    @property
    def holds_empty_text(self) -> bool:
        """True: in CSV, "" is an empty list."""
        return True

    def column(self, database: Dialect, **options: Any) -> Column[Any]:
        """Return a column of JSON arrays."""
        return JsonColumn(**options)

    def json(self, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return the value as JSON."""
        return database.json_value(column)

    def as_text(self, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return the value as text."""
        return database.json_text(column)

    @property
    def max_json_bytes(self) -> int | None:
        """The maximum number of bytes of a list in JSON."""
        each = self.item.max_json_bytes
        return None if each is None else (each + 2) * self.max + 2

    def json_field(self, **options: Any) -> fields.Field[Any]:
        """Return a field for lists of valid values."""
        checks: list[Callable[[Any], Any]] = [validate.Length(min=self.min, max=self.max), _are_different]
        return Items(self.item.json_field(), validate=checks, **options)

    def text_field(self) -> fields.Field[Any]:
        """Return a field for values separated by `|`."""
        return ItemsFromText(loader(self.item.text_field(), self.item.json_field().validators))

    def cell_reader(self) -> Callable[[str], Any]:
        """Return the function that reads a CSV cell, guarded or not."""
        read = super().cell_reader()
        return lambda cell: read(unescape_formula(cell))

    def to_cell(self, value: Any) -> str:
        """Return the values separated by `|`, guarded so that no spreadsheet runs them as a formula."""
        return escape_formula(self.text_of(value))

    def text_of(self, value: Any) -> str:
        """Return the values separated by `|`."""
        return join_parts(map(to_text, value))

    def narrows(self, old: Self) -> bool:
        """Return whether there may be fewer values, or these are narrower."""
        return super().narrows(old) or (self.of == old.of and self.item.narrows(old.item))

    def needs_conversion_from(self, old: FieldType) -> bool:
        """Return whether the values have a different type."""
        return super().needs_conversion_from(old) or self.item.name != old.item.name

    def converter(self, old: FieldType) -> Callable[[Any], Any]:
        """Return the function that converts each value of a list, or reads them from a text."""
        whole, read_item = self.json_field(), loader(self.item.text_field())
        read = loader(self.text_field(), whole.validators)
        convert = self.item.converter(old.item) if old.holds_items else None

        def convert_item(value: Any) -> Any:
            return None if value is None else convert(value) if convert else read_item(to_text(value))

        def convert_value(value: Any) -> Any:
            is_list = isinstance(value, list)
            return whole.deserialize(list(map(convert_item, value))) if is_list else read(old.text_of(value))

        return convert_value
