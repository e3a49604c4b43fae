"""`enum`: one of a few texts."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from marshmallow import ValidationError, fields, validate

from backend.models.columns import Column, TextColumn
from backend.models.database import Dialect
from backend.services.field_types.base import FieldType, field_type, option
from backend.services.field_types.guarded import Guarded
from backend.services.field_types.marshmallow_fields import StrictText
from backend.utils.cells import may_be_guarded
from backend.utils.problems import Problem

MAX_CHOICES = 200


def _are_distinct(choices: list[str]) -> None:
    if len(set(choices)) != len(choices):
        raise ValidationError(Problem("duplicate", "The choices must be different."))


class Choice(StrictText):
    """One of the choices; with `ignore_case` in any case, and loaded as it is declared."""

    def __init__(self, choices: list[str], *, ignore_case: bool, **options: Any) -> None:
        text = f"Must be one of: {', '.join(choices)}."
        problem = Problem("not_a_choice", text, choices=choices)
        messages: dict[str, Any] = {"invalid": problem}  # also for a value that is no text
        super().__init__(validate=validate.OneOf(choices, error=problem), error_messages=messages, **options)
        self._declared = {choice.casefold(): choice for choice in choices} if ignore_case else {}

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        return self._declared.get(text.casefold(), text)


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

    def problems(self) -> dict[str, Any]:
        """Return the map of option to errors."""
        problems = super().problems()
        if self.ignore_case and len({choice.casefold() for choice in self.choices}) != len(self.choices):
            problems["choices"] = [Problem("duplicate", "The choices must differ in more than case.")]
        return problems

    def column(self, database: Dialect, **options: Any) -> Column[Any]:
        """Return a text column."""
        return TextColumn(**options)

    def json_field(self, **options: Any) -> fields.Field[Any]:
        """Return a field for the choices."""
        return Choice(self.choices, ignore_case=self.ignore_case, **options)

    def text_field(self) -> fields.Field[Any]:
        """Return a field for the choices: any other text is an error, because it would only find nothing."""
        return self.json_field()

    def read_plain(self, cells: Sequence[str]) -> list[Any] | None:
        """Return the texts if all are choices, and none has an apostrophe before it."""
        return [*cells] if {*self.choices}.issuperset(cells) and not may_be_guarded(self.choices) else None

    @property
    def holds_empty_text(self) -> bool:
        """Whether one of the choices is the empty text."""
        return "" in self.choices

    @property
    def max_json_bytes(self) -> int | None:
        """The maximum number of bytes of a value in JSON."""
        return max(6 * len(choice) for choice in self.choices) + 2

    def converter(self, old: FieldType) -> Callable[[Any], Any]:
        """Return the function that converts any value to its text; what is stored already must be a choice exactly."""
        exact = dataclasses.replace(self, ignore_case=False) if old.name == self.name else self
        return super(Enum, exact).converter(old)

    def narrows(self, old: Self) -> bool:
        """Return whether a choice was removed."""
        return not set(old.choices) <= set(self.choices)
