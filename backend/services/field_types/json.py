"""`json`: any JSON value."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields
from peewee import ColumnBase

from backend.models.columns import Column, JsonColumn
from backend.models.database import Dialect
from backend.services.field_types.base import FieldType, field_type
from backend.utils.problems import Problem
from backend.utils.strict_json import read_json
from backend.utils.texts import unstorable_reason

MAX_DEPTH = 64


class AnyJson(fields.Raw):
    """Any JSON value that both databases can store; null is stored as NULL."""

    default_error_messages = {"invalid": Problem("bad_format", "Not valid JSON.", expected="json")}

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if reason := _unstorable(value, MAX_DEPTH):
            raise ValidationError(Problem("bad_format", reason))
        return value


def _unstorable(value: Any, depth: int) -> str | None:
    if isinstance(value, str):
        return unstorable_reason(value)
    if isinstance(value, float):
        return None if math.isfinite(value) else "NaN and infinite numbers are not JSON."
    if not isinstance(value, dict | list):
        return None
    if depth == 0:
        return f"Nested more than {MAX_DEPTH} levels deep."
    parts = [*value.keys(), *value.values()] if isinstance(value, dict) else value
    return next((reason for part in parts if (reason := _unstorable(part, depth - 1))), None)


class JsonFromText(AnyJson):
    """JSON text from a CSV cell, parsed as strictly as a request body."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if isinstance(value, str):
            try:
                value = read_json(value)
            except ValueError as error:
                raise ValidationError(Problem("bad_format", str(error), expected="json")) from error
        return super()._deserialize(value, attr, data, **kwargs)


@field_type("json")
class Json(FieldType):
    """Any JSON value, stored unchanged."""

    operators: ClassVar[tuple[str, ...]] = ("isnull",)
    sortable: ClassVar[bool] = False
    can_be_unique: ClassVar[bool] = False

    def column(self, database: Dialect, **options: Any) -> Column[Any]:
        """Return a JSON column; text on SQLite."""
        return JsonColumn(**options)

    def json_field(self, **options: Any) -> fields.Field[Any]:
        """Return a field for any JSON value."""
        return AnyJson(**options)

    def text_field(self) -> fields.Field[Any]:
        """Return a field for JSON text from a CSV cell."""
        return JsonFromText()

    def json(self, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return the value as JSON, not as a string that contains JSON."""
        return database.json_value(column)

    def to_cell(self, value: Any) -> str:
        """Return the value as JSON text."""
        return json.dumps(value, ensure_ascii=False)

    @property
    def max_json_bytes(self) -> int | None:
        """None: only the size of the request body limits a value."""
        return None

    def as_text(self, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return the value as text."""
        return database.json_text(column)

    def converter(self, old: FieldType) -> Callable[[Any], Any]:
        """Return the function that accepts any value unchanged."""
        return self.json_field().deserialize
