"""`enum`: one of a few texts."""

from typing import Any, Self

from marshmallow import ValidationError, fields, validate

from backend.models.columns import Column, TextColumn
from backend.models.database import Dialect
from backend.services.field_types.base import field_type, option
from backend.services.field_types.guarded import Guarded
from backend.services.field_types.marshmallow_fields import StrictText

MAX_CHOICES = 200


def _are_distinct(choices: list[str]) -> None:
    if len(set(choices)) != len(choices):
        raise ValidationError("The choices must be different.")


@field_type("enum")
class Enum(Guarded):
    """One of `choices`."""

    choices: list[str] = option(
        fields.List(
            StrictText(validate=validate.Length(0, 100)),
            required=True,
            validate=[validate.Length(1, MAX_CHOICES), _are_distinct],
        )
    )

    def column(self, database: Dialect, **options: Any) -> Column[Any]:
        """Return a text column."""
        return TextColumn(**options)

    def json_field(self, **options: Any) -> fields.Field[Any]:
        """Return a field for the choices."""
        return StrictText(validate=validate.OneOf(self.choices), **options)

    def text_field(self) -> fields.Field[Any]:
        """Return a field for the choices: any other text is an error, because it would only find nothing."""
        return StrictText(validate=validate.OneOf(self.choices))

    @property
    def holds_empty_text(self) -> bool:
        """Whether one of the choices is the empty text."""
        return "" in self.choices

    @property
    def max_json_bytes(self) -> int | None:
        """The maximum number of bytes of a value in JSON."""
        return max(6 * len(choice) for choice in self.choices) + 2

    def narrows(self, old: Self) -> bool:
        """Return whether a choice was removed."""
        return not set(old.choices) <= set(self.choices)
