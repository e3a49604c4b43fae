"""`enum`: one of a few words."""

from typing import Self

from marshmallow import ValidationError, fields, validate

from backend.models.columns import TextColumn
from backend.services.field_types.base import StrictText, field_type, option
from backend.services.field_types.guarded import Guarded

MAX_CHOICES = 200


def _are_distinct(choices):
    if len(set(choices)) != len(choices):
        raise ValidationError("The choices must differ.")


@field_type("enum")
class Enum(Guarded):
    """One of `choices`."""

    choices: list = option(
        fields.List(
            StrictText(validate=validate.Length(1, 100)),
            required=True,
            validate=[validate.Length(1, MAX_CHOICES), _are_distinct],
        )
    )

    def column(self, database, **options):
        """Return a text column."""
        return TextColumn(**options)

    def wire(self, **options):
        """Return a field for the choices."""
        return StrictText(validate=validate.OneOf(self.choices), **options)

    def filter(self):
        """Return a field for the choices: another word is a typing error, not an empty result."""
        return StrictText(validate=validate.OneOf(self.choices))

    @property
    def holds_empty_text(self) -> bool:
        """Whether the empty text is a choice."""
        return "" in self.choices

    @property
    def most_bytes(self):
        """The most bytes that a value takes in JSON."""
        return max(6 * len(choice) for choice in self.choices) + 2

    def narrows(self, former: Self) -> bool:
        """Tell whether a choice was taken away."""
        return not set(former.choices) <= set(self.choices)
