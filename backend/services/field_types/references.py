"""`references`: the ids of several records of another resource, or of the same one, in order."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validate
from peewee import ColumnBase, fn

from backend.models.database import Dialect
from backend.models.links import Subquery
from backend.services.field_types.base import FieldType, field_type, option
from backend.services.field_types.marshmallow_fields import StrictText
from backend.services.field_types.reference import Reference, target_table
from backend.services.field_types.uuid import Uuid, UuidText
from backend.utils.problems import Problem

MAX_LINKS = 1000  # of one record in one field
SEPARATOR = "|"  # of ids in a text
ID_BYTES = 39  # of an id in a JSON list


EACH_ONCE = Problem("duplicate", "Each record at most once.")


def _require_different(ids: list[str]) -> None:
    if len(set(ids)) != len(ids):
        raise ValidationError(EACH_ONCE)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(SEPARATOR)] if text.strip() else []


def _ids(maximum: int) -> dict[str, Any]:
    """Return the options of a marshmallow field for a list of different ids."""
    return {"validate": [validate.Length(max=maximum), _require_different]}


class ChangeOfIds(fields.Raw):
    """A list of ids, or an object with the ids to `add` at its end and to `remove`; it loads both lists."""

    def __init__(self, whole: fields.Field[Any], **options: Any) -> None:
        some = {"type": "array", "items": {"type": "string", "format": "uuid"}}
        parts = {"add": {**some, "maxItems": MAX_LINKS}, "remove": {**some, "maxItems": MAX_LINKS}}
        change = {"type": "object", "properties": parts, "additionalProperties": False, "minProperties": 1}
        shapes = {"anyOf": [{**some, "maxItems": whole.metadata["maxItems"]}, change]}
        super().__init__(metadata={**shapes, **options.pop("metadata", {})}, **options)
        self._whole = whole
        self._part = fields.List(UuidText(), **_ids(MAX_LINKS))

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if not isinstance(value, dict):
            return self._whole.deserialize(value)
        if not value or not set(value) <= {"add", "remove"}:
            text = "Must be an array of ids, or an object with `add` and `remove`."
            raise ValidationError(Problem("wrong_type", text, expected="array"))
        parts, problems = {}, {}
        for name in ("add", "remove"):
            try:
                parts[name] = self._part.deserialize(value.get(name, [])) or []
            except ValidationError as error:
                problems[name] = error.messages
        if problems:
            raise ValidationError(problems)
        if not set(parts["add"]).isdisjoint(parts["remove"]):
            raise ValidationError(Problem("duplicate", "An id is both added and removed."))
        return parts


class IdsFromText(fields.Field[Any]):
    """Ids separated by `|`, from a CSV cell."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        return [UuidText().deserialize(part) for part in _split(value)]


@field_type("references")
class References(FieldType):
    """The ids of at most `max` different records of the resource `to`, or of users (`to: users`), in order.

    `required` means at least one. They are links in a junction table, so such a field has no column.
    """

    operators: ClassVar[tuple[str, ...]] = ("any", "all", "none", "isempty")
    sortable: ClassVar[bool] = False
    can_be_unique: ClassVar[bool] = False
    holds_ids: ClassVar[bool] = True
    has_column: ClassVar[bool] = False
    no_value: ClassVar[Any] = []
    fits_profiles: ClassVar[bool] = False

    to: str = option(StrictText(required=True))
    max: int = option(fields.Integer(strict=True, validate=validate.Range(1, MAX_LINKS)), default=100)

    def problems(self) -> dict[str, Any]:
        """Return the map of option to errors."""
        problems = super().problems()
        if self.default is not None:
            problems["default"] = [Problem("not_allowed", "A list of references has no default.")]
        return problems

    @property
    def item(self) -> FieldType:
        """The ids of a list."""
        return Uuid()

    @property
    def constraints(self) -> dict[str, Any]:
        """The maximum number of ids; a change of the target is a step of its own."""
        return {"max": self.max}

    @property
    def target(self) -> str | None:
        """The resource of `to`."""
        return self.to

    def ids_in(self, value: Any) -> list[str]:
        """Return the ids in a value."""
        return value or []

    def foreign_key(self) -> str:
        """Return the SQL of the foreign key of the target in the junction table, which follows the column."""
        return f'REFERENCES "{target_table(self.to)}" ("id") ON DELETE CASCADE'

    def is_empty(self, column: Any) -> ColumnBase:
        """Return the condition that a row has no link."""
        condition: ColumnBase = ~fn.EXISTS(column.select(column.table.c.target))
        return condition

    def json(self, column: Any, database: Dialect) -> ColumnBase:
        """Return the ids as a JSON array; `column` are Links."""
        ids = database.json_ids(column.table.c.target, column.table.c.place)
        return database.json_value(Subquery(column.select(ids)))

    def link_value(self, column: Any, database: Dialect) -> ColumnBase:
        """Return the ids as a JSON array."""
        return self.json(column, database)

    def as_text(self, column: Any, database: Dialect) -> ColumnBase:
        """Return the text of the JSON array."""
        return database.json_text(self.json(column, database))

    @property
    def max_json_bytes(self) -> int | None:
        """The maximum number of bytes of a list in JSON."""
        return self.max * ID_BYTES + 2

    @property
    def is_nullable(self) -> bool:
        """False: without links the list is empty."""
        return False

    def json_field(self, **options: Any) -> fields.Field[Any]:
        """Return a field for lists of ids."""
        described = {"maxItems": self.max, **options.pop("metadata", {})}
        return fields.List(UuidText(), **_ids(self.max), metadata=described, **options)

    def change_field(self, **options: Any) -> fields.Field[Any]:
        """Return a field for lists of ids, and for changes of one."""
        return ChangeOfIds(self.json_field(), **options)

    def text_field(self) -> fields.Field[Any]:
        """Return a field for ids separated by `|`."""
        return IdsFromText()

    def keys_reader(self, read: Callable[[Any], Any], *, is_text: bool) -> Callable[[Any], list[Any]]:
        """Return the function that reads the keys of targets, each of them by `read`.

        They are separated by `|` in the text of a CSV cell, or in a list in JSON. It raises ValidationError.
        """
        require_few = validate.Length(max=self.max)

        def read_keys(value: Any) -> list[Any]:
            parts = _split(value) if is_text else value
            if not isinstance(parts, list):
                raise ValidationError(Problem("wrong_type", "Must be an array.", expected="array"))
            keys = [read(part) for part in parts]
            require_few(keys)
            _require_different(keys)
            return keys

        return read_keys

    def to_cell(self, value: Any) -> str:
        """Return the ids, separated by `|`."""
        return SEPARATOR.join(value)

    def text_of(self, value: Any) -> str:
        """Return the ids, separated by `|`: the text of one id is that id."""
        return SEPARATOR.join(value)

    def converter(self, old: FieldType) -> Callable[[Any], Any]:
        """Return the function that reads a list of ids, one id, or ids separated by `|`."""
        whole, from_text = self.json_field(), super().converter(old)
        return lambda value: whole.deserialize(value) if isinstance(value, list) else from_text(value)


def links_of(fields: Mapping[str, FieldType]) -> dict[str, References]:
    """Return the map of name to field, for the fields that hold the ids of several records."""
    return {name: field for name, field in fields.items() if isinstance(field, References)}


def referring_fields(fields: Mapping[str, FieldType]) -> dict[str, Reference | References]:
    """Return the map of name to field, for the fields that hold the ids of records, one or several."""
    return {name: field for name, field in fields.items() if isinstance(field, Reference | References)}
