"""Marshmallow fields and validators that field types and request schemas share."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate

from backend.utils.problems import Problem
from backend.utils.schemas import COMPONENT
from backend.utils.texts import unstorable_reason

MAX_ROLES = 50  # in one option of a field
MAX_FORMER_NAMES = 10


class StrictText(fields.String):
    """A text that both databases can store: without NUL and lone surrogates."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = str(super()._deserialize(value, attr, data, **kwargs))
        if reason := unstorable_reason(text):
            raise ValidationError(Problem("bad_format", reason))
        return text


class StrictBoolean(fields.Boolean):
    """Exactly true or false; no 1, "yes" or "on"."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class FromText(fields.Field[Any]):
    """A mixin for fields that also accept text, from a query or a CSV cell; `from_text` converts it."""

    def from_text(self, text: str) -> Any:
        """Return the value in JSON of a text without surrounding white space. Raises ValueError if it is not valid."""
        raise NotImplementedError

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if isinstance(value, str):
            try:
                value = self.from_text(value.strip())
            except ValueError as error:
                raise self.make_error("invalid") from error
        return super()._deserialize(value, attr, data, **kwargs)


FORMER_NAMES = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_FORMER_NAMES},
    ],
    "description": "Former names; if this name does not exist but one of these does, that one is renamed",
}


class FormerNames(fields.Raw):
    """The former names of a field or a resource, the latest first: a name or a list of names."""

    def __init__(self, **options: Any) -> None:
        super().__init__(metadata={COMPONENT: "FormerNames"}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[str]:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not 0 < len(names) <= MAX_FORMER_NAMES:
            text_of_problem = f"Must be a name, or an array of 1 to {MAX_FORMER_NAMES} names."
            raise ValidationError(Problem("wrong_type", text_of_problem, limit=MAX_FORMER_NAMES))
        return [str(StrictText().deserialize(name)) for name in names]


class Between(validate.Validator):
    """A range for values that are strings in JSON. OpenAPI cannot describe such a range.

    Values are compared as their field loads them: dates as text, decimals as numbers.
    """

    def __init__(self, minimum: Any, maximum: Any) -> None:
        self.minimum, self.maximum = minimum, maximum

    def __call__(self, value: Any) -> Any:
        """Return the value. Raises ValidationError if it is out of range."""
        if self.minimum is not None and value < self.minimum:
            raise ValidationError(Problem("too_small", f"Must be {self.minimum} or more.", limit=str(self.minimum)))
        if self.maximum is not None and value > self.maximum:
            raise ValidationError(Problem("too_large", f"Must be {self.maximum} or less.", limit=str(self.maximum)))
        return value


def role_names() -> fields.List[str]:
    """Return the marshmallow field for an option with names of roles."""
    return fields.List(StrictText(), validate=validate.Length(max=MAX_ROLES))


def loader(field: fields.Field[Any], validators: Iterable[Callable[[Any], Any]] | None = None) -> Callable[[Any], Any]:
    """Return a function that loads a value as `field` does, in half the time. It does not accept None."""
    load, checks = field._deserialize, [*(field.validators if validators is None else validators)]

    def read(value: Any) -> Any:
        loaded = load(value, None, None)
        for check in checks:
            check(loaded)
        return loaded

    return read
